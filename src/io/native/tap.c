/* Queues of a TAP, and the network namespaces they are opened in. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define QUEUE_MULTI 1
#define TAP_PERSIST 2
#define VNET_HDR_BYTES 10

/* Since Linux 6.2, and headers of that time. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* The offloads that the engine keeps true while it rewrites headers. UFO stays off: a datagram that
 * IP is to fragment. The kernel takes both kinds of USO, or none. */
#define OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
#define OFFLOADS_OF_UDP (TUN_F_USO4 | TUN_F_USO6)

int open_own_netns(void) { return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }

int enter_netns_file(const char *netns) {
  int previous = open_own_netns();
  if (previous < 0) return -1;
  int target = open(netns, O_RDONLY | O_CLOEXEC);
  int entered = target < 0 ? -1 : setns(target, CLONE_NEWNET);
  int error = errno;
  if (target >= 0) close(target);
  if (entered == 0) return previous;
  close(previous);
  errno = error;
  return -1;
}

void leave_netns_file(int previous, const char *caller) {
  /* A thread that lived on in the wrong namespace would open the next TAP, and start threads,
   * there. */
  if (setns(previous, CLONE_NEWNET) < 0)
    napi_fatal_error(caller, NAPI_AUTO_LENGTH, "cannot return to the previous network namespace",
                     NAPI_AUTO_LENGTH);
  close(previous);
}

/* => a queue of the TAP in this thread's namespace, or -1 with errno and the step that failed. */
static int open_queue(const char *name, int32_t flags, const char **step) {
  *step = "open /dev/net/tun for";
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return -1;

  struct ifreq ifr = {0};
  memcpy(ifr.ifr_name, name, strlen(name));
  ifr.ifr_flags =
      (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (flags & QUEUE_MULTI ? IFF_MULTI_QUEUE : 0));
  int header_bytes = VNET_HDR_BYTES;

  *step = "TUNSETIFF";
  if (ioctl(fd, TUNSETIFF, &ifr) < 0) goto fail;
  *step = "TUNSETVNETHDRSZ";
  if (ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) < 0) goto fail;
  *step = "TUNSETOFFLOAD";
  if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)(OFFLOADS | OFFLOADS_OF_UDP)) < 0 &&
      ioctl(fd, TUNSETOFFLOAD, (unsigned long)OFFLOADS) < 0)
    goto fail;
  *step = "TUNSETPERSIST";
  if (flags & TAP_PERSIST && ioctl(fd, TUNSETPERSIST, 1UL) < 0) goto fail;
  return fd;

fail:;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

napi_value open_tap(napi_env env, napi_callback_info info) {
  napi_value args[3];
  char name[IFNAMSIZ], netns[PATH_MAX];
  int32_t flags;
  const char *step = "enter namespace for";
  /* The kernel takes '' and 'tap%d' as a wish for any free name, which a config cannot have meant.
   */
  if (!arguments(env, info, 3, args) ||
      !text(env, args[0], name, sizeof name, "name: expected 1 to 15 bytes") ||
      !text(env, args[1], netns, sizeof netns, "netns: expected a path or ''") ||
      !integers(env, args + 2, 1, &flags))
    return NULL;
  if (!*name || strchr(name, '%')) return type_error(env, "name: expected 1 to 15 bytes without %");
  if (flags & ~(QUEUE_MULTI | TAP_PERSIST))
    return range_error(env, "flags: QUEUE_MULTI and TAP_PERSIST only");

  int previous = *netns ? enter_netns_file(netns) : -1;
  if (*netns && previous < 0) return system_error(env, errno, step, name, netns);
  int fd = open_queue(name, flags, &step);
  int error = errno;
  if (previous >= 0) leave_netns_file(previous, "openTap");
  return fd < 0 ? system_error(env, error, step, name, netns) : integer(env, fd);
}

napi_value enter_netns(napi_env env, napi_callback_info info) {
  napi_value args[1];
  char netns[PATH_MAX];
  if (!arguments(env, info, 1, args) ||
      !text(env, args[0], netns, sizeof netns, "netns: expected a path"))
    return NULL;
  int previous = enter_netns_file(netns);
  return previous < 0 ? system_error(env, errno, "enter namespace", netns, "")
                      : integer(env, previous);
}

napi_value leave_netns(napi_env env, napi_callback_info info) {
  int32_t previous;
  if (!fd_argument(env, info, &previous)) return NULL;
  if (setns(previous, CLONE_NEWNET) < 0) return system_error(env, errno, "leave namespace", "", "");
  close(previous);
  return NULL;
}

napi_value close_fd(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (!fd_argument(env, info, &fd)) return NULL;
  /* Linux has released the descriptor even when close says EINTR; a second close could hit somebody
   * else's. */
  if (close(fd) < 0 && errno != EINTR) return system_error(env, errno, "close", "", "");
  return NULL;
}

napi_value duplicate_fd(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (!fd_argument(env, info, &fd)) return NULL;
  int twin = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return twin < 0 ? system_error(env, errno, "duplicate descriptor", "", "") : integer(env, twin);
}

napi_value unpersist_tap(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (!fd_argument(env, info, &fd)) return NULL;
  if (ioctl(fd, TUNSETPERSIST, 0UL) < 0) return system_error(env, errno, "TUNSETPERSIST 0", "", "");
  return NULL;
}
