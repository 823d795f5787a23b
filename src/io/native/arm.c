/* An arm of the balancer as the kernel sees it: one or more queues of a TAP in some network
 * namespace, read and written in bursts between the kernel and one arena that TypeScript owns.
 *
 * This file knows no protocols: whether a frame is valid is the engine's business. It must never
 * write outside the arena, whatever the descriptors say, and never leave a thread in a namespace it
 * did not ask for.
 *
 * The main thread and each worker load their own exports and there is no static state, so nothing
 * needs a lock. Before changing it read Documentation/networking/tuntap.rst and drivers/net/tun.c.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <node_api.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define QUEUE_MULTI 1
#define TAP_PERSIST 2
#define VNET_HDR_BYTES 10
#define MAX_WAIT_FDS 64

/* The offloads that the engine keeps true while it rewrites headers. UFO and USO stay off: UDP is
 * not balanced. */
#define OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

/* desc:  | offset 0 | ... | offset slots-1 | length 0 | ... | length slots-1 |   int32 each
 * The references keep the memory alive; a transfer to another thread would still pull it away, so
 * the buffers themselves are referenced and asked at each burst whether they are still there (15 ns
 * a burst). */
struct burst {
  uint8_t *arena;
  int64_t arena_bytes;
  int32_t *desc;
  int32_t slots;
  napi_ref arena_buffer, desc_buffer;
};

static const napi_type_tag BURST_TAG = {0x7461707673617262, 0x7572737468616e64};

static napi_value type_error(napi_env env, const char *message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return NULL;
}

static napi_value range_error(napi_env env, const char *message) {
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
  return NULL;
}

static napi_value system_error(napi_env env, int error, const char *step, const char *tap,
                               const char *netns) {
  char message[PATH_MAX + 160];
  snprintf(message, sizeof message, "%s%s%s%s%s: %s", step, *tap ? " " : "", tap,
           *netns ? " in " : "", netns, strerror(error));
  const char *code = strerrorname_np(error);
  napi_throw_error(env, code ? code : "EUNKNOWN", message);
  return NULL;
}

static napi_value integer(napi_env env, int32_t value) {
  napi_value result;
  return napi_create_int32(env, value, &result) == napi_ok ? result : NULL;
}

/* Only whole numbers: napi_get_value_int32 alone would make file descriptor 0 of NaN. */
static bool integers(napi_env env, const napi_value *args, size_t n, int32_t *values) {
  for (size_t i = 0; i < n; i++) {
    double value;
    if (napi_get_value_double(env, args[i], &value) != napi_ok ||
        !(value >= INT32_MIN && value <= INT32_MAX) || value != (int32_t)value) {
      type_error(env, "expected an integer of 32 bits");
      return false;
    }
    values[i] = (int32_t)value;
  }
  return true;
}

static bool text(napi_env env, napi_value arg, char *buffer, size_t size, const char *complaint) {
  size_t bytes, copied;
  if (napi_get_value_string_utf8(env, arg, NULL, 0, &bytes) != napi_ok || bytes >= size ||
      napi_get_value_string_utf8(env, arg, buffer, size, &copied) != napi_ok ||
      strlen(buffer) != bytes) {
    type_error(env, complaint);
    return false;
  }
  return true;
}

static bool arguments(napi_env env, napi_callback_info info, size_t n, napi_value *args) {
  return napi_get_cb_info(env, info, &n, args, NULL, NULL) == napi_ok;
}

/* Moves this thread into the namespace; => a descriptor of the one it left, or -1 with errno and
 * the thread unmoved. */
static int enter(const char *netns) {
  int previous = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
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
  if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)OFFLOADS) < 0) goto fail;
  *step = "TUNSETPERSIST";
  if (flags & TAP_PERSIST && ioctl(fd, TUNSETPERSIST, 1UL) < 0) goto fail;
  return fd;

fail:;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static napi_value open_tap(napi_env env, napi_callback_info info) {
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

  int previous = *netns ? enter(netns) : -1;
  if (*netns && previous < 0) return system_error(env, errno, step, name, netns);
  int fd = open_queue(name, flags, &step);
  int error = errno;
  if (previous >= 0) {
    /* A thread that lived on in the wrong namespace would open the next TAP, and start threads,
     * there. */
    if (setns(previous, CLONE_NEWNET) < 0)
      napi_fatal_error("openTap", NAPI_AUTO_LENGTH,
                       "cannot return to the previous network namespace", NAPI_AUTO_LENGTH);
    close(previous);
  }
  return fd < 0 ? system_error(env, error, step, name, netns) : integer(env, fd);
}

static napi_value enter_netns(napi_env env, napi_callback_info info) {
  napi_value args[1];
  char netns[PATH_MAX];
  if (!arguments(env, info, 1, args) ||
      !text(env, args[0], netns, sizeof netns, "netns: expected a path"))
    return NULL;
  int previous = enter(netns);
  return previous < 0 ? system_error(env, errno, "enter namespace", netns, "")
                      : integer(env, previous);
}

static bool fd_argument(napi_env env, napi_callback_info info, int32_t *fd) {
  napi_value args[1];
  return arguments(env, info, 1, args) && integers(env, args, 1, fd);
}

static napi_value leave_netns(napi_env env, napi_callback_info info) {
  int32_t previous;
  if (!fd_argument(env, info, &previous)) return NULL;
  if (setns(previous, CLONE_NEWNET) < 0) return system_error(env, errno, "leave namespace", "", "");
  close(previous);
  return NULL;
}

static napi_value close_fd(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (!fd_argument(env, info, &fd)) return NULL;
  /* Linux has released the descriptor even when close says EINTR; a second close could hit somebody
   * else's. */
  if (close(fd) < 0 && errno != EINTR) return system_error(env, errno, "close", "", "");
  return NULL;
}

static napi_value unpersist_tap(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (!fd_argument(env, info, &fd)) return NULL;
  if (ioctl(fd, TUNSETPERSIST, 0UL) < 0) return system_error(env, errno, "TUNSETPERSIST 0", "", "");
  return NULL;
}

static napi_value create_waker(napi_env env, napi_callback_info info) {
  (void)info;
  int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return fd < 0 ? system_error(env, errno, "eventfd", "", "") : integer(env, fd);
}

/* EAGAIN is success both ways: a counter that is full wakes already, one that is empty is drained.
 */
static napi_value wake(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (!fd_argument(env, info, &fd)) return NULL;
  if (eventfd_write(fd, 1) < 0 && errno != EAGAIN) return system_error(env, errno, "wake", "", "");
  return NULL;
}

static napi_value drain_waker(napi_env env, napi_callback_info info) {
  int32_t fd;
  eventfd_t count;
  if (!fd_argument(env, info, &fd)) return NULL;
  if (eventfd_read(fd, &count) < 0 && errno != EAGAIN)
    return system_error(env, errno, "drain waker", "", "");
  return NULL;
}

static void release_burst(napi_env env, void *data, void *hint) {
  (void)hint;
  struct burst *burst = data;
  if (burst->arena_buffer) napi_delete_reference(env, burst->arena_buffer);
  if (burst->desc_buffer) napi_delete_reference(env, burst->desc_buffer);
  free(burst);
}

/* A buffer that may shrink would take its pages away under a read, and no reference prevents that.
 */
static bool fixed(napi_env env, napi_value buffer) {
  napi_value resizable;
  bool yes = false;
  if (napi_get_named_property(env, buffer, "resizable", &resizable) != napi_ok) return false;
  return napi_get_value_bool(env, resizable, &yes) != napi_ok || !yes;
}

static bool view(napi_env env, napi_value arg, napi_typedarray_type wanted, size_t *length,
                 void **memory, napi_value *buffer) {
  napi_typedarray_type type;
  bool is = false;
  return napi_is_typedarray(env, arg, &is) == napi_ok && is &&
         napi_get_typedarray_info(env, arg, &type, length, memory, buffer, NULL) == napi_ok &&
         type == wanted;
}

static napi_value attach(napi_env env, napi_callback_info info) {
  napi_value args[2], arena_buffer, desc_buffer, handle;
  size_t arena_bytes, cells;
  void *arena, *desc;
  if (!arguments(env, info, 2, args)) return NULL;
  if (!view(env, args[0], napi_uint8_array, &arena_bytes, &arena, &arena_buffer) ||
      !fixed(env, arena_buffer))
    return type_error(env, "arena: expected a Uint8Array over a buffer that cannot shrink");
  if (!view(env, args[1], napi_int32_array, &cells, &desc, &desc_buffer) ||
      !fixed(env, desc_buffer) || cells % 2 || cells / 2 > INT32_MAX)
    return type_error(env,
                      "desc: expected an Int32Array of 2*n cells over a buffer that cannot shrink");

  struct burst *burst = calloc(1, sizeof *burst);
  if (!burst) return system_error(env, ENOMEM, "attach", "", "");
  burst->arena = arena;
  burst->arena_bytes = (int64_t)arena_bytes;
  burst->desc = desc;
  burst->slots = (int32_t)(cells / 2);
  if (napi_create_reference(env, arena_buffer, 1, &burst->arena_buffer) != napi_ok ||
      napi_create_reference(env, desc_buffer, 1, &burst->desc_buffer) != napi_ok ||
      napi_create_external(env, burst, release_burst, NULL, &handle) != napi_ok) {
    release_burst(env, burst, NULL);
    return system_error(env, ENOMEM, "attach", "", "");
  }
  return napi_type_tag_object(env, handle, &BURST_TAG) == napi_ok ? handle : NULL;
}

static bool detached(napi_env env, napi_ref reference) {
  napi_value buffer;
  bool yes = true;
  return napi_get_reference_value(env, reference, &buffer) != napi_ok || !buffer ||
         napi_is_detached_arraybuffer(env, buffer, &yes) != napi_ok || yes;
}

/* => the burst behind the handle when it may be used for slots first..first+n, else NULL and an
 * exception pends. */
static struct burst *burst_argument(napi_env env, napi_value handle, int32_t first, int32_t n) {
  void *data;
  napi_valuetype type;
  bool ours = false;
  if (napi_typeof(env, handle, &type) != napi_ok || type != napi_external ||
      napi_check_object_type_tag(env, handle, &BURST_TAG, &ours) != napi_ok || !ours ||
      napi_get_value_external(env, handle, &data) != napi_ok) {
    type_error(env, "burst: expected what attach() returned");
    return NULL;
  }
  struct burst *burst = data;
  if (detached(env, burst->arena_buffer) || detached(env, burst->desc_buffer)) {
    type_error(env, "burst: its memory was transferred away");
    return NULL;
  }
  if (first < 0 || n < 0 || (int64_t)first + n > burst->slots) {
    range_error(env, "burst: slots outside the descriptor list");
    return NULL;
  }
  return burst;
}

/* The cell is read once: over shared memory another thread may change it between the check and the
 * use. */
static uint8_t *place(const struct burst *burst, int32_t slot, int32_t bytes) {
  int32_t offset = __atomic_load_n(&burst->desc[slot], __ATOMIC_RELAXED);
  if (offset < 0 || bytes <= 0 || (int64_t)offset + bytes > burst->arena_bytes) return NULL;
  return burst->arena + offset;
}

static int32_t read_frame(int32_t fd, uint8_t *at, int32_t capacity) {
  ssize_t bytes;
  if (!at) return -EFAULT;
  do bytes = read(fd, at, (size_t)capacity);
  while (bytes < 0 && errno == EINTR);
  return bytes < 0 ? -errno : (int32_t)bytes;
}

static napi_value read_burst(napi_env env, napi_callback_info info) {
  napi_value args[5];
  int32_t v[4];
  if (!arguments(env, info, 5, args) || !integers(env, args + 1, 4, v)) return NULL;
  int32_t fd = v[0], first = v[1], max = v[2], capacity = v[3], count = 0;
  struct burst *burst = burst_argument(env, args[0], first, max);
  if (!burst) return NULL;
  for (; count < max; count++) {
    int32_t bytes = read_frame(fd, place(burst, first + count, capacity), capacity);
    if (bytes < 0) return integer(env, count || bytes == -EAGAIN ? count : bytes);
    burst->desc[burst->slots + first + count] = bytes;
  }
  return integer(env, count);
}

/* A TAP takes a frame whole or not at all; less than the whole can only be a descriptor that is no
 * TAP. */
static int32_t write_frame(int32_t fd, const uint8_t *at, int32_t length) {
  ssize_t bytes;
  if (!at) return -EFAULT;
  do bytes = write(fd, at, (size_t)length);
  while (bytes < 0 && errno == EINTR);
  return bytes < 0 ? -errno : bytes < length ? -EIO : 0;
}

static napi_value write_burst(napi_env env, napi_callback_info info) {
  napi_value args[4];
  int32_t v[3], failed = 0;
  if (!arguments(env, info, 4, args) || !integers(env, args + 1, 3, v)) return NULL;
  int32_t fd = v[0], first = v[1], n = v[2];
  struct burst *burst = burst_argument(env, args[0], first, n);
  if (!burst) return NULL;
  for (int32_t slot = first; slot < first + n; slot++) {
    int32_t *length_cell = &burst->desc[burst->slots + slot];
    int32_t length = __atomic_load_n(length_cell, __ATOMIC_RELAXED);
    int32_t error = write_frame(fd, place(burst, slot, length), length);
    if (error) {
      *length_cell = error;
      failed++;
    }
  }
  return integer(env, failed);
}

static napi_value wait_fds(napi_env env, napi_callback_info info) {
  napi_value args[4], buffer;
  int32_t v[2], *fds, *revents;
  size_t fd_cells, revent_cells;
  struct pollfd polls[MAX_WAIT_FDS];
  if (!arguments(env, info, 4, args) || !integers(env, args + 2, 2, v)) return NULL;
  if (!view(env, args[0], napi_int32_array, &fd_cells, (void **)&fds, &buffer) ||
      !view(env, args[1], napi_int32_array, &revent_cells, (void **)&revents, &buffer))
    return type_error(env, "fds, revents: expected an Int32Array each");
  int32_t n = v[0], timeout_ms = v[1];
  if (n < 0 || n > MAX_WAIT_FDS || (size_t)n > fd_cells || (size_t)n > revent_cells)
    return range_error(env, "n: more than the arrays hold, or than 64");

  for (int32_t i = 0; i < n; i++) polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
  int ready = poll(polls, (nfds_t)n, timeout_ms);
  if (ready < 0 && errno != EINTR) return integer(env, -errno);
  /* After EINTR the kernel has not written revents; zeros keep the caller from acting on an older
   * answer. */
  for (int32_t i = 0; i < n; i++) revents[i] = ready < 0 ? 0 : polls[i].revents;
  return integer(env, ready < 0 ? 0 : ready);
}

NAPI_MODULE_INIT() {
#define EXPORT(name, function) {name, 0, function, 0, 0, 0, napi_enumerable, 0}
  const napi_property_descriptor properties[] = {
      EXPORT("openTap", open_tap),
      EXPORT("closeFd", close_fd),
      EXPORT("unpersistTap", unpersist_tap),
      EXPORT("enterNetns", enter_netns),
      EXPORT("leaveNetns", leave_netns),
      EXPORT("createWaker", create_waker),
      EXPORT("wake", wake),
      EXPORT("drainWaker", drain_waker),
      EXPORT("attach", attach),
      EXPORT("readBurst", read_burst),
      EXPORT("writeBurst", write_burst),
      EXPORT("wait", wait_fds),
  };
  size_t n = sizeof properties / sizeof *properties;
  return napi_define_properties(env, exports, n, properties) == napi_ok ? exports : NULL;
}
