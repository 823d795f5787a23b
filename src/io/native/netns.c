/* Devices and sockets of a network namespace that no thread of ours lives in: that of the health checks. */
#include "addon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/route.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr ipv4(uint32_t address) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
  struct sockaddr any;
  memcpy(&any, &in, sizeof any);
  return any;
}

static uint32_t mask_of(int32_t prefix_length) {
  return prefix_length == 0 ? 0 : UINT32_MAX << (32 - prefix_length);
}

/* => 0, or -1 with errno and the step that failed. `s` is a socket of the device's namespace. */
static int set_up(int s, const char *name, const int32_t *numbers, const char **step) {
  struct ifreq ifr = {0};
  memcpy(ifr.ifr_name, name, strlen(name));
  ifr.ifr_addr = ipv4((uint32_t)numbers[0]);
  *step = "SIOCSIFADDR";
  if (ioctl(s, SIOCSIFADDR, &ifr) < 0) return -1;
  ifr.ifr_netmask = ipv4(mask_of(numbers[1]));
  *step = "SIOCSIFNETMASK";
  if (ioctl(s, SIOCSIFNETMASK, &ifr) < 0) return -1;
  ifr.ifr_mtu = numbers[2];
  *step = "SIOCSIFMTU";
  if (ioctl(s, SIOCSIFMTU, &ifr) < 0) return -1;
  ifr.ifr_flags = IFF_UP | IFF_RUNNING;
  *step = "SIOCSIFFLAGS";
  if (ioctl(s, SIOCSIFFLAGS, &ifr) < 0) return -1;

  struct rtentry route = {.rt_dst = ipv4((uint32_t)numbers[3]),
                          .rt_genmask = ipv4(mask_of(numbers[4])),
                          .rt_gateway = ipv4((uint32_t)numbers[5]),
                          .rt_flags = RTF_UP | RTF_GATEWAY};
  *step = "SIOCADDRT";
  return ioctl(s, SIOCADDRT, &route);
}

int open_socket_in(const char *netns, int family, int type, int protocol, const char **step) {
  *step = "enter namespace";
  int previous = *netns ? enter_netns_file(netns) : -1;
  if (*netns && previous < 0) return -1;
  *step = "socket";
  int s = socket(family, type | SOCK_CLOEXEC, protocol);
  int error = errno;
  if (previous >= 0) leave_netns_file(previous, "socketIn");
  errno = error;
  return s;
}

napi_value set_up_device(napi_env env, napi_callback_info info) {
  napi_value args[8];
  char name[IFNAMSIZ], netns[PATH_MAX];
  int32_t numbers[6];
  const char *step;
  if (!arguments(env, info, 8, args) ||
      !text(env, args[0], name, sizeof name, "name: expected at most 15 bytes") ||
      !text(env, args[1], netns, sizeof netns, "netns: expected a path") ||
      !integers(env, args + 2, 6, numbers))
    return NULL;
  if (numbers[1] < 0 || numbers[1] > 32 || numbers[4] < 0 || numbers[4] > 32)
    return range_error(env, "prefix length: 0 to 32");
  int s = open_socket_in(netns, AF_INET, SOCK_DGRAM, 0, &step);
  if (s < 0) return system_error(env, errno, step, name, netns);
  int result = set_up(s, name, numbers, &step);
  int error = errno;
  close(s);
  return result < 0 ? system_error(env, error, step, name, netns) : NULL;
}

napi_value socket_in(napi_env env, napi_callback_info info) {
  napi_value args[3];
  char netns[PATH_MAX];
  int32_t flags[2];
  const char *step;
  if (!arguments(env, info, 3, args) ||
      !text(env, args[0], netns, sizeof netns, "netns: expected a path or ''") ||
      !integers(env, args + 1, 2, flags))
    return NULL;
  int type = flags[0] ? SOCK_DGRAM : SOCK_STREAM;
  int s = open_socket_in(netns, flags[1] ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK, 0, &step);
  return s < 0 ? system_error(env, errno, step, "", netns) : integer(env, s);
}

napi_value join_groups(napi_env env, napi_callback_info info) {
  napi_value args[3], buffer;
  char netns[PATH_MAX];
  int32_t index;
  size_t bytes;
  void *groups;
  const char *step;
  if (!arguments(env, info, 3, args) ||
      !text(env, args[0], netns, sizeof netns, "netns: expected a path or ''") ||
      !integers(env, args + 1, 1, &index))
    return NULL;
  if (!view(env, args[2], napi_uint8_array, &bytes, &groups, &buffer) ||
      bytes % sizeof(struct in6_addr) != 0)
    return type_error(env, "groups: expected a Uint8Array of whole addresses");
  int s = open_socket_in(netns, AF_INET6, SOCK_DGRAM, 0, &step);
  if (s < 0) return system_error(env, errno, step, "", netns);
  for (size_t at = 0; at < bytes; at += sizeof(struct in6_addr)) {
    struct ipv6_mreq wish = {.ipv6mr_interface = (unsigned)index};
    memcpy(&wish.ipv6mr_multiaddr, (const char *)groups + at, sizeof wish.ipv6mr_multiaddr);
    if (setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &wish, sizeof wish) == 0) continue;
    int error = errno;
    close(s);
    return system_error(env, error, "IPV6_JOIN_GROUP", "", netns);
  }
  return integer(env, s);
}
