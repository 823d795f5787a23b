/* The same of IPv6 as setUpDevice: an address that nobody else can have, so it is good at once, and a route. */
#include "addon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct address_wish {
  struct nlmsghdr header;
  struct ifaddrmsg address;
  struct rtattr local_head;
  struct in6_addr local;
};

struct route_wish {
  struct nlmsghdr header;
  struct rtmsg route;
  struct rtattr to_head;
  struct in6_addr to;
  struct rtattr via_head;
  struct in6_addr via;
  struct rtattr out_head;
  uint32_t out;
};

/* => 0, or -1 with errno and the step that failed. `addresses`: own, network, gateway */
static int set_up6(int s, const char *name, const struct in6_addr *addresses, const int32_t *lengths,
                   const char **step) {
  struct ifreq ifr = {0};
  memcpy(ifr.ifr_name, name, strlen(name));
  *step = "SIOCGIFINDEX";
  if (ioctl(s, SIOCGIFINDEX, &ifr) < 0) return -1;
  struct address_wish own = {
      .header = {.nlmsg_len = sizeof own,
                 .nlmsg_type = RTM_NEWADDR,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
      .address = {.ifa_family = AF_INET6,
                  .ifa_prefixlen = (uint8_t)lengths[0],
                  .ifa_flags = IFA_F_NODAD,
                  .ifa_index = (uint32_t)ifr.ifr_ifindex},
      .local_head = {.rta_len = RTA_LENGTH(sizeof own.local), .rta_type = IFA_LOCAL},
      .local = addresses[0],
  };
  *step = "RTM_NEWADDR";
  if (wish_for(s, &own.header) < 0) return -1;
  struct route_wish route = {
      .header = {.nlmsg_len = sizeof route,
                 .nlmsg_type = RTM_NEWROUTE,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
      .route = {.rtm_family = AF_INET6,
                .rtm_dst_len = (uint8_t)lengths[1],
                .rtm_table = RT_TABLE_MAIN,
                .rtm_protocol = RTPROT_STATIC,
                .rtm_type = RTN_UNICAST},
      .to_head = {.rta_len = RTA_LENGTH(sizeof route.to), .rta_type = RTA_DST},
      .to = addresses[1],
      .via_head = {.rta_len = RTA_LENGTH(sizeof route.via), .rta_type = RTA_GATEWAY},
      .via = addresses[2],
      .out_head = {.rta_len = RTA_LENGTH(sizeof route.out), .rta_type = RTA_OIF},
      .out = (uint32_t)ifr.ifr_ifindex,
  };
  *step = "RTM_NEWROUTE";
  return wish_for(s, &route.header);
}

napi_value set_up_device6(napi_env env, napi_callback_info info) {
  napi_value args[5], buffer;
  char name[IFNAMSIZ], netns[PATH_MAX];
  int32_t lengths[2];
  struct in6_addr addresses[3];
  size_t bytes;
  void *memory;
  const char *step;
  if (!arguments(env, info, 5, args) ||
      !text(env, args[0], name, sizeof name, "name: expected at most 15 bytes") ||
      !text(env, args[1], netns, sizeof netns, "netns: expected a path") ||
      !integers(env, args + 3, 2, lengths))
    return NULL;
  if (!view(env, args[2], napi_uint8_array, &bytes, &memory, &buffer) || bytes != sizeof addresses)
    return type_error(env, "addresses: expected a Uint8Array of three");
  if (lengths[0] < 0 || lengths[0] > 128 || lengths[1] < 0 || lengths[1] > 128)
    return range_error(env, "prefix length: 0 to 128");
  memcpy(addresses, memory, sizeof addresses);
  int s = open_socket_in(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &step);
  if (s < 0) return system_error(env, errno, step, name, netns);
  int result = set_up6(s, name, addresses, lengths, &step);
  int error = errno;
  close(s);
  return result < 0 ? system_error(env, error, step, name, netns) : NULL;
}
