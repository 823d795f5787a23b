/* Messages between processes, and descriptors that travel with them (SCM_RIGHTS). */
#include "addon.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static napi_value pair_of(napi_env env, int type) {
  int ends[2];
  napi_value pair;
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
    return system_error(env, errno, "socketpair", "", "");
  if (napi_create_array_with_length(env, 2, &pair) != napi_ok) return NULL;
  for (uint32_t i = 0; i < 2; i++) napi_set_element(env, pair, i, integer(env, ends[i]));
  return pair;
}

napi_value socket_pair(napi_env env, napi_callback_info info) {
  (void)info;
  return pair_of(env, SOCK_SEQPACKET);
}

napi_value stream_pair(napi_env env, napi_callback_info info) {
  (void)info;
  return pair_of(env, SOCK_STREAM);
}

void carry_fds(struct msghdr *message, union fd_room *room, const void *fds, size_t count) {
  if (count == 0) return;
  memset(room, 0, sizeof *room);
  message->msg_control = room->bytes;
  message->msg_controllen = CMSG_SPACE(count * sizeof(int));
  struct cmsghdr *head = CMSG_FIRSTHDR(message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(head), fds, count * sizeof(int));
}

/* The bytes of a message and the list of descriptors that goes with it. */
static bool message_arguments(napi_env env, napi_value *args, struct iovec *bytes, void **fds,
                              size_t *count) {
  napi_value buffer;
  return view(env, args[0], napi_uint8_array, &bytes->iov_len, &bytes->iov_base, &buffer) &&
         view(env, args[1], napi_int32_array, count, fds, &buffer);
}

napi_value send_fds(napi_env env, napi_callback_info info) {
  napi_value args[3], none;
  int32_t socket;
  struct iovec bytes;
  void *fds;
  size_t count;
  union fd_room control;
  if (!arguments(env, info, 3, args) || !integers(env, args, 1, &socket) ||
      !message_arguments(env, args + 1, &bytes, &fds, &count))
    return NULL;
  if (bytes.iov_len == 0) return range_error(env, "bytes: expected some");
  if (count > FDS_MOST) return range_error(env, "fds: more than a message can carry");

  struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
  carry_fds(&message, &control, fds, count);
  if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return system_error(env, errno, "send descriptors", "", "");
  napi_get_undefined(env, &none);
  return none;
}

/* => how many descriptors came; all are in `fds`, or closed if they were more */
static size_t take_fds(struct msghdr *message, int32_t *fds, size_t room) {
  size_t came = 0;
  for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      if (came < room)
        fds[came] = fd;
      else
        close(fd);
      came++;
    }
  }
  return came;
}

/* => bytes of a message, 0 at the other end's end, -errno: -EAGAIN when there is none */
napi_value receive_fds(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int32_t socket;
  struct iovec bytes;
  void *list;
  size_t room;
  union fd_room control;
  if (!arguments(env, info, 3, args) || !integers(env, args, 1, &socket) ||
      !message_arguments(env, args + 1, &bytes, &list, &room))
    return NULL;

  int32_t *fds = list;
  struct msghdr message = {.msg_iov = &bytes,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  ssize_t length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (length < 0) return integer(env, -errno);
  size_t came = take_fds(&message, fds, room);
  /* Of no bytes: it would be taken for the end, and its descriptors would stay. */
  bool cut = message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || came > room || (length == 0 && came > 0);
  for (size_t i = 0; cut && i < came && i < room; i++) close(fds[i]);
  for (size_t i = cut ? 0 : came; i < room; i++) fds[i] = -1;
  return cut ? integer(env, -EMSGSIZE) : integer(env, (int32_t)length);
}
