/* What the daemon says to its service manager, and the rights of a thread. */
#include "addon.h"
#include "filter.h"
#include "ring.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define NOTIFICATION_BYTES 4096
/* A service manager that has stopped reading must not stop us. */
#define SEND_LIMIT_S 1

napi_value notify(napi_env env, napi_callback_info info) {
  napi_value args[3], buffer;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char words[NOTIFICATION_BYTES];
  /* sun_path needs no closing zero: one byte more than it has is for the one of text(). */
  char path[sizeof address.sun_path + 1];
  void *fds;
  size_t count;
  union fd_room room;
  if (!arguments(env, info, 3, args) ||
      !text(env, args[0], path, sizeof path, "path: expected at most 108 bytes") ||
      !text(env, args[1], words, sizeof words, "text: expected at most 4095 bytes") ||
      !view(env, args[2], napi_int32_array, &count, &fds, &buffer))
    return NULL;
  if (*path != '/' && *path != '@')
    return type_error(env, "path: expected /... or @... for an abstract socket");
  if (count > FDS_MOST) return range_error(env, "fds: more than a message can carry");

  size_t bytes = strlen(path);
  memcpy(address.sun_path, path, bytes);
  if (*path == '@') address.sun_path[0] = 0;
  struct iovec data = {words, strlen(words)};
  struct msghdr message = {.msg_name = &address,
                           .msg_namelen =
                               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes),
                           .msg_iov = &data,
                           .msg_iovlen = 1};
  carry_fds(&message, &room, fds, count);

  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error(env, errno, "socket to notify", path, "");
  struct timeval limit = {.tv_sec = SEND_LIMIT_S};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
  int error = errno;
  close(fd);
  return sent < 0 ? system_error(env, error, "notify", path, "") : NULL;
}

/* Rights are a thread's, not a process's. The bounding set stays: it can only be reduced with CAP_SETPCAP, and
 * no_new_privs makes it mean nothing. */
napi_value give_up_rights(napi_env env, napi_callback_info info) {
  (void)info;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct none[2] = {{0}};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return system_error(env, errno, "PR_SET_NO_NEW_PRIVS", "", "");
  /* Ambient capabilities go with the inheritable ones. */
  if (syscall(SYS_capset, &header, none) < 0) return system_error(env, errno, "capset", "", "");
  return NULL;
}

napi_value confine_this_thread(napi_env env, napi_callback_info info) {
  napi_value args[1];
  napi_valuetype type;
  const char *step;
  if (!arguments(env, info, 1, args) || napi_typeof(env, args[0], &type) != napi_ok) return NULL;
  const struct ring *ring = ring_of(env, args[0]);
  if (!ring && type != napi_null) return type_error(env, "ring: expected a ring or null");
  return confine_thread(ring ? ring_descriptor(ring) : -1, &step) < 0
             ? system_error(env, errno, step, "", "")
             : NULL;
}

napi_value confine_all_threads(napi_env env, napi_callback_info info) {
  const char *step;
  (void)info;
  return confine_process(&step) < 0 ? system_error(env, errno, step, "", "") : NULL;
}

/* => a descriptor of the namespace that the thread left */
napi_value new_netns(napi_env env, napi_callback_info info) {
  (void)info;
  int previous = open_own_netns();
  if (previous < 0) return system_error(env, errno, "open namespace", "", "");
  if (unshare(CLONE_NEWNET) == 0) return integer(env, previous);
  int error = errno;
  close(previous);
  return system_error(env, error, "unshare network", "", "");
}
