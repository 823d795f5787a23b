/* Classifiers on devices that are there without us, by tcx links (Linux 6.6): a program is on its device as long as somebody
 * has the link's descriptor. And what such a device is, and how the TAP behind it is made ready. */
#include "addon.h"

#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The attributes of bpf(2) as Linux 6.6 has them, whatever the headers are. */
#define TCX_BEFORE (1U << 3)
#define ATTR_BYTES 128
#define PROGRAMS_MAX 64
union attributes {
  struct {
    uint32_t program, ifindex, where, flags, relative, none;
    uint64_t revision;
  } create;
  struct {
    uint32_t link, program, flags, old;
  } update;
  struct {
    uint32_t ifindex, where, query, attached;
    uint64_t ids;
    uint32_t count, none;
  } query;
  char bytes[ATTR_BYTES];
};

#ifndef IFLA_INET6_ADDR_GEN_MODE
#define IFLA_INET6_ADDR_GEN_MODE 8
#endif
#define ADDR_GEN_NONE 1

static int bpf(int command, union attributes *attributes) {
  return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/* As bpf() in the namespace file `netns`, '' for the thread's own: an ifindex counts in the caller's. */
static int bpf_in(const char *netns, int command, union attributes *attributes) {
  int previous = *netns ? enter_netns_file(netns) : -1;
  if (*netns && previous < 0) return -1;
  int result = bpf(command, attributes);
  int error = errno;
  if (previous >= 0) leave_netns_file(previous, "bpf");
  errno = error;
  return result;
}

napi_value load_classifier(napi_env env, napi_callback_info info) {
  napi_value args[1], buffer;
  size_t bytes;
  void *program;
  if (!arguments(env, info, 1, args)) return NULL;
  if (!view(env, args[0], napi_uint8_array, &bytes, &program, &buffer))
    return type_error(env, "program: expected a Uint8Array of whole instructions");
  return load_program(env, BPF_PROG_TYPE_SCHED_CLS, program, bytes);
}

napi_value attach_tcx(napi_env env, napi_callback_info info) {
  napi_value args[4];
  int32_t program, numbers[2];
  char netns[PATH_MAX];
  if (!arguments(env, info, 4, args) || !integers(env, args, 1, &program) ||
      !text(env, args[1], netns, sizeof netns, "netns: expected a path or ''") ||
      !integers(env, args + 2, 2, numbers))
    return NULL;
  union attributes attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.create.program = (uint32_t)program;
  attributes.create.ifindex = (uint32_t)numbers[0];
  attributes.create.where = (uint32_t)numbers[1];
  /* Before all others, which see what is not for us. */
  attributes.create.flags = TCX_BEFORE;
  int link = bpf_in(netns, BPF_LINK_CREATE, &attributes);
  return link < 0 ? system_error(env, errno, "BPF_LINK_CREATE tcx", "", netns) : integer(env, link);
}

napi_value update_link(napi_env env, napi_callback_info info) {
  napi_value args[2];
  int32_t numbers[2];
  if (!arguments(env, info, 2, args) || !integers(env, args, 2, numbers)) return NULL;
  union attributes attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.update.link = (uint32_t)numbers[0];
  attributes.update.program = (uint32_t)numbers[1];
  return bpf(BPF_LINK_UPDATE, &attributes) < 0
             ? system_error(env, errno, "BPF_LINK_UPDATE", "", "")
             : NULL;
}

napi_value count_tcx(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int32_t numbers[2];
  char netns[PATH_MAX];
  uint32_t ids[PROGRAMS_MAX];
  if (!arguments(env, info, 3, args) ||
      !text(env, args[0], netns, sizeof netns, "netns: expected a path or ''") ||
      !integers(env, args + 1, 2, numbers))
    return NULL;
  union attributes attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.query.ifindex = (uint32_t)numbers[0];
  attributes.query.where = (uint32_t)numbers[1];
  attributes.query.ids = (uintptr_t)ids;
  attributes.query.count = PROGRAMS_MAX;
  return bpf_in(netns, BPF_PROG_QUERY, &attributes) < 0
             ? system_error(env, errno, "BPF_PROG_QUERY tcx", "", netns)
             : integer(env, (int32_t)attributes.query.count);
}

/* => LRO is on; a device that cannot say has none */
static bool has_lro(int s, struct ifreq *ifr) {
  struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
  ifr->ifr_data = (char *)&flags;
  return ioctl(s, SIOCETHTOOL, ifr) == 0 && (flags.data & ETH_FLAG_LRO);
}

/* Takes none of the kernel's locks on all links. */
napi_value link_facts(napi_env env, napi_callback_info info) {
  enum { FLAGS, INDEX, MTU, TYPE, MAC_HI, MAC_LO, LRO, FACTS };
  napi_value args[2], buffer, result;
  int32_t s, *facts;
  struct ifreq ifr = {0};
  if (!arguments(env, info, 2, args) || !integers(env, args, 1, &s) ||
      !text(env, args[1], ifr.ifr_name, sizeof ifr.ifr_name, "name: expected at most 15 bytes"))
    return NULL;
  if (napi_create_arraybuffer(env, FACTS * sizeof *facts, (void **)&facts, &buffer) != napi_ok)
    return NULL;
  const char *step = "SIOCGIFFLAGS";
  if (ioctl(s, SIOCGIFFLAGS, &ifr) < 0) goto fail;
  facts[FLAGS] = (unsigned short)ifr.ifr_flags;
  step = "SIOCGIFINDEX";
  if (ioctl(s, SIOCGIFINDEX, &ifr) < 0) goto fail;
  facts[INDEX] = ifr.ifr_ifindex;
  step = "SIOCGIFMTU";
  if (ioctl(s, SIOCGIFMTU, &ifr) < 0) goto fail;
  facts[MTU] = ifr.ifr_mtu;
  step = "SIOCGIFHWADDR";
  if (ioctl(s, SIOCGIFHWADDR, &ifr) < 0) goto fail;
  const uint8_t *mac = (const uint8_t *)ifr.ifr_hwaddr.sa_data;
  facts[TYPE] = ifr.ifr_hwaddr.sa_family;
  facts[MAC_HI] = mac[0] << 8 | mac[1];
  facts[MAC_LO] = (int32_t)((uint32_t)mac[2] << 24 | mac[3] << 16 | mac[4] << 8 | mac[5]);
  facts[LRO] = has_lro(s, &ifr);
  return napi_create_typedarray(env, napi_int32_array, FACTS, buffer, 0, &result) == napi_ok
             ? result
             : NULL;

fail:
  if (errno == ENODEV) return napi_get_null(env, &result) == napi_ok ? result : NULL;
  return system_error(env, errno, step, ifr.ifr_name, "");
}

struct wish {
  struct nlmsghdr header;
  struct ifinfomsg link;
  struct rtattr name_head;
  char name[IFNAMSIZ];
  struct rtattr mtu_head;
  uint32_t mtu;
  struct rtattr spec_head, inet6_head, mode_head;
  uint8_t mode, padding[3];
};

/* => 0, or -1 with errno. `inet6`: without addresses of IPv6. */
static int make_ready(int s, const char *name, int32_t mtu, bool inet6) {
  struct wish wish = {
      .header = {.nlmsg_len = inet6 ? sizeof wish : offsetof(struct wish, spec_head),
                 .nlmsg_type = RTM_NEWLINK,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
      .link = {.ifi_flags = IFF_UP | IFF_NOARP, .ifi_change = IFF_UP | IFF_NOARP},
      .name_head = {.rta_len = RTA_LENGTH(IFNAMSIZ), .rta_type = IFLA_IFNAME},
      .mtu_head = {.rta_len = RTA_LENGTH(sizeof wish.mtu), .rta_type = IFLA_MTU},
      .mtu = (uint32_t)mtu,
      .spec_head = {.rta_len = RTA_LENGTH(2 * sizeof(struct rtattr) + 4), .rta_type = IFLA_AF_SPEC},
      .inet6_head = {.rta_len = RTA_LENGTH(sizeof(struct rtattr) + 4), .rta_type = AF_INET6},
      .mode_head = {.rta_len = RTA_LENGTH(1), .rta_type = IFLA_INET6_ADDR_GEN_MODE},
      .mode = ADDR_GEN_NONE,
  };
  memcpy(wish.name, name, strlen(name));
  return wish_for(s, &wish.header);
}

napi_value set_up_tap(napi_env env, napi_callback_info info) {
  napi_value args[3];
  char name[IFNAMSIZ], netns[PATH_MAX];
  int32_t mtu;
  const char *step;
  if (!arguments(env, info, 3, args) ||
      !text(env, args[0], name, sizeof name, "name: expected at most 15 bytes") ||
      !text(env, args[1], netns, sizeof netns, "netns: expected a path or ''") ||
      !integers(env, args + 2, 1, &mtu))
    return NULL;
  int s = open_socket_in(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &step);
  if (s < 0) return system_error(env, errno, step, name, netns);
  int result = make_ready(s, name, mtu, true);
  /* A kernel without IPv6 has nothing to switch off. */
  if (result < 0 && (errno == EAFNOSUPPORT || errno == EOPNOTSUPP))
    result = make_ready(s, name, mtu, false);
  int error = errno;
  close(s);
  return result < 0 ? system_error(env, error, "switch on", name, netns) : NULL;
}
