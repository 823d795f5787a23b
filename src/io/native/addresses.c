/* The addresses that the kernel has in a namespace. Node's own list leaves out devices that are down or have no carrier, and an address
 * of the host is the host's then, too. */
#include "addon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <sys/socket.h>

/* => the address as text in `to`, or NULL for what is none of IP */
static const char *text_of(const struct sockaddr *address, char *to) {
  if (address == NULL) return NULL;
  if (address->sa_family == AF_INET)
    return inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, to, INET6_ADDRSTRLEN);
  if (address->sa_family != AF_INET6) return NULL;
  return inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, to, INET6_ADDRSTRLEN);
}

napi_value kernel_addresses(napi_env env, napi_callback_info info) {
  napi_value result, cell;
  struct ifaddrs *all;
  uint32_t n = 0;
  (void)info;
  if (getifaddrs(&all) < 0) return system_error(env, errno, "getifaddrs", "", "");
  bool good = napi_create_array(env, &result) == napi_ok;
  for (const struct ifaddrs *one = all; good && one != NULL; one = one->ifa_next) {
    char buffer[INET6_ADDRSTRLEN];
    const char *address = text_of(one->ifa_addr, buffer);
    if (address == NULL) continue;
    const char *texts[] = {address, one->ifa_name};
    for (int i = 0; i < 2; i++)
      good = good && napi_create_string_utf8(env, texts[i], NAPI_AUTO_LENGTH, &cell) == napi_ok &&
             napi_set_element(env, result, n++, cell) == napi_ok;
  }
  freeifaddrs(all);
  return good ? result : NULL;
}
