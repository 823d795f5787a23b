/* What the kernel says of a link: its flags at any time, all of it when it is asked for, and in which namespace a TAP of
 * another process is. Nobody is subscribed to anything, so there is no queue that could overflow. */
#include "addon.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* A link without its statistics takes about 1 KiB. */
#define ANSWER_BYTES 16384
/* The kernel answers at once unless somebody holds its lock on all links. */
#define ANSWER_LIMIT_S 3

#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif

/* Takes none of the kernel's locks, so it never waits. */
napi_value link_flags(napi_env env, napi_callback_info info) {
  napi_value args[2];
  int32_t s;
  struct ifreq ifr = {0};
  if (!arguments(env, info, 2, args) || !integers(env, args, 1, &s) ||
      !text(env, args[1], ifr.ifr_name, sizeof ifr.ifr_name, "name: expected at most 15 bytes"))
    return NULL;
  if (ioctl(s, SIOCGIFFLAGS, &ifr) == 0) return integer(env, (unsigned short)ifr.ifr_flags);
  return errno == ENODEV ? integer(env, -1)
                         : system_error(env, errno, "SIOCGIFFLAGS", ifr.ifr_name, "");
}

struct question {
  struct nlmsghdr header;
  struct ifinfomsg link;
  struct rtattr mask_head;
  uint32_t mask;
  struct rtattr name_head;
  char name[IFNAMSIZ];
};

/* => bytes of the answer in `answer`, or -1 with errno and the step that failed. */
static ssize_t ask(int s, const char *name, void *answer, const char **step) {
  struct question question = {
      .header = {.nlmsg_len = sizeof question, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
      .mask_head = {.rta_len = RTA_LENGTH(sizeof question.mask), .rta_type = IFLA_EXT_MASK},
      .mask = RTEXT_FILTER_SKIP_STATS,
      .name_head = {.rta_len = RTA_LENGTH(sizeof question.name), .rta_type = IFLA_IFNAME},
  };
  memcpy(question.name, name, strlen(name));
  struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  *step = "ask for link";
  if (sendto(s, &question, sizeof question, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
    return -1;
  *step = "hear of link";
  ssize_t bytes = recv(s, answer, ANSWER_BYTES, 0);
  if (bytes < 0) return -1;
  const struct nlmsghdr *header = answer;
  if (!NLMSG_OK(header, (size_t)bytes)) {
    errno = EBADMSG;
    return -1;
  }
  if (header->nlmsg_type != NLMSG_ERROR) return bytes;
  errno = -((const struct nlmsgerr *)NLMSG_DATA(header))->error;
  return -1;
}

napi_value ask_link(napi_env env, napi_callback_info info) {
  napi_value args[2], buffer, result;
  char name[IFNAMSIZ], netns[PATH_MAX];
  const char *step;
  _Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
  void *copy;
  if (!arguments(env, info, 2, args) ||
      !text(env, args[0], netns, sizeof netns, "netns: expected a path or ''") ||
      !text(env, args[1], name, sizeof name, "name: expected at most 15 bytes"))
    return NULL;
  int s = open_socket_in(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &step);
  if (s < 0) return system_error(env, errno, step, name, netns);
  ssize_t bytes = ask(s, name, answer, &step);
  int error = errno;
  close(s);
  if (bytes < 0 && error == ENODEV) return napi_get_null(env, &result) == napi_ok ? result : NULL;
  if (bytes < 0) return system_error(env, error, step, name, netns);
  if (napi_create_arraybuffer(env, (size_t)bytes, &copy, &buffer) != napi_ok) return NULL;
  memcpy(copy, answer, (size_t)bytes);
  return napi_create_typedarray(env, napi_uint8_array, (size_t)bytes, buffer, 0, &result) == napi_ok
             ? result
             : NULL;
}

int wish_for(int s, const struct nlmsghdr *wish) {
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[4096];
  } answer;
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (sendto(s, wish, wish->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) return -1;
  ssize_t bytes = recv(s, &answer, sizeof answer, 0);
  if (bytes < 0) return -1;
  errno = (size_t)bytes < NLMSG_LENGTH(sizeof answer.error) ||
                  answer.header.nlmsg_type != NLMSG_ERROR
              ? EBADMSG
              : -answer.error.error;
  return errno == 0 ? 0 : -1;
}

/* => inode of the namespace, or -1 with errno and the step that failed. */
static double netns_of(int tap, const char **step) {
  struct stat stat;
  *step = "TUNGETDEVNETNS";
  int netns = ioctl(tap, TUNGETDEVNETNS);
  if (netns < 0) return -1;
  int failed = fstat(netns, &stat);
  close(netns);
  return failed < 0 ? -1 : (double)stat.st_ino;
}

napi_value netns_of_tap(napi_env env, napi_callback_info info) {
  napi_value args[2], result;
  int32_t numbers[2];
  const char *step = "pidfd_open";
  double netns = -1;
  if (!arguments(env, info, 2, args) || !integers(env, args, 2, numbers)) return NULL;
  int process = (int)syscall(SYS_pidfd_open, numbers[0], 0);
  if (process < 0) return system_error(env, errno, step, "", "");
  step = "pidfd_getfd";
  int tap = (int)syscall(SYS_pidfd_getfd, process, numbers[1], 0);
  int error = errno;
  close(process);
  if (tap >= 0) {
    netns = netns_of(tap, &step);
    error = errno;
    close(tap);
  }
  if (netns < 0) return system_error(env, error, step, "", "");
  return napi_create_double(env, netns, &result) == napi_ok ? result : NULL;
}
