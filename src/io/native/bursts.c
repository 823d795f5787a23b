/* Bursts of frames between a queue and the arena, and waiting for the next one. */
#include "ring.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_WAIT_FDS 64

/* desc:  | offset 0 | ... | offset slots-1 | length 0 | ... | length slots-1 |   int32 each
 * The references keep the memory alive; a transfer to another thread would still pull it away, so
 * the buffers themselves are referenced and asked at each burst whether they are still there (15 ns
 * a burst). */
struct burst {
  uint8_t *arena;
  int64_t arena_bytes;
  int32_t *desc;
  int32_t slots;
  struct ring *ring;    /* NULL: a system call for each frame */
  int32_t last_count;   /* frames of the last read: the next is likely to bring about as many */
  napi_ref arena_buffer, desc_buffer, ring_handle;
};

static const napi_type_tag BURST_TAG = {0x7461707673617262, 0x7572737468616e64};

static void release_burst(napi_env env, void *data, void *hint) {
  (void)hint;
  struct burst *burst = data;
  if (burst->arena_buffer) napi_delete_reference(env, burst->arena_buffer);
  if (burst->desc_buffer) napi_delete_reference(env, burst->desc_buffer);
  if (burst->ring_handle) napi_delete_reference(env, burst->ring_handle);
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

bool view(napi_env env, napi_value arg, napi_typedarray_type wanted, size_t *length, void **memory,
          napi_value *buffer) {
  napi_typedarray_type type;
  bool is = false;
  return napi_is_typedarray(env, arg, &is) == napi_ok && is &&
         napi_get_typedarray_info(env, arg, &type, length, memory, buffer, NULL) == napi_ok &&
         type == wanted;
}

napi_value attach(napi_env env, napi_callback_info info) {
  napi_value args[3], arena_buffer, desc_buffer, handle;
  napi_valuetype ring_type;
  size_t arena_bytes, cells;
  void *arena, *desc;
  struct ring *ring = NULL;
  if (!arguments(env, info, 3, args)) return NULL;
  if (!view(env, args[0], napi_uint8_array, &arena_bytes, &arena, &arena_buffer) ||
      !fixed(env, arena_buffer))
    return type_error(env, "arena: expected a Uint8Array over a buffer that cannot shrink");
  if (!view(env, args[1], napi_int32_array, &cells, &desc, &desc_buffer) ||
      !fixed(env, desc_buffer) || cells % 2 || cells / 2 > INT32_MAX)
    return type_error(env,
                      "desc: expected an Int32Array of 2*n cells over a buffer that cannot shrink");
  if (napi_typeof(env, args[2], &ring_type) != napi_ok ||
      (ring_type != napi_null && !(ring = ring_of(env, args[2]))))
    return type_error(env, "ring: expected what openRing() returned, or null");

  struct burst *burst = calloc(1, sizeof *burst);
  if (!burst) return system_error(env, ENOMEM, "attach", "", "");
  burst->arena = arena;
  burst->arena_bytes = (int64_t)arena_bytes;
  burst->desc = desc;
  burst->slots = (int32_t)(cells / 2);
  burst->ring = ring;
  if ((ring && napi_create_reference(env, args[2], 1, &burst->ring_handle) != napi_ok) ||
      napi_create_reference(env, arena_buffer, 1, &burst->arena_buffer) != napi_ok ||
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

/* A submit costs more than a read or a write, so few frames go better without. */
static bool worth_it(const struct burst *burst, int32_t frames) {
  return burst->ring && frames >= ring_least(burst->ring);
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

/* Both ways of reading: => frames read, or -errno when there were none for another reason than an
 * empty queue. */
static int32_t read_each(struct burst *burst, int32_t fd, int32_t first, int32_t max,
                         int32_t capacity) {
  int32_t count = 0;
  for (; count < max; count++) {
    int32_t bytes = read_frame(fd, place(burst, first + count, capacity), capacity);
    if (bytes < 0) return count || bytes == -EAGAIN ? count : bytes;
    burst->desc[burst->slots + first + count] = bytes;
  }
  return count;
}

/* One submit of up to `want` reads. => frames read, now in the slots from `first` on; *stop becomes
 * the error that ended it, or 1 when the kernel would not take them all. */
static int32_t read_at_once(struct burst *burst, int32_t fd, int32_t first, int32_t want,
                            int32_t capacity, int32_t *stop) {
  uint8_t *at[RING_MAX];
  int32_t results[RING_MAX], n = 0, count = 0;
  for (; n < want && (at[n] = place(burst, first + n, capacity)); n++)
    ring_read(burst->ring, n, fd, at[n], capacity);
  int32_t taken = n ? ring_submit(burst->ring, n, results) : 0;
  *stop = n < want ? -EFAULT : taken < n;
  for (int32_t i = taken - 1; i >= 0; i--)
    if (results[i] < 0) *stop = results[i];
  for (int32_t i = 0; i < taken; i++) {
    if (results[i] < 0) continue;
    /* A frame that came between two looks at the queue: the gap before it is closed. */
    if (i > count) memcpy(at[count], at[i], (size_t)results[i]);
    burst->desc[burst->slots + first + count++] = results[i];
  }
  return count;
}

static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

static int32_t read_vectored(struct burst *burst, int32_t fd, int32_t first, int32_t max,
                             int32_t capacity) {
  int32_t count = 0, stop = 0;
  int32_t window = smaller(burst->last_count, RING_MAX) + 2;
  while (count < max && stop == 0) {
    int32_t want = smaller(window, smaller(max - count, ring_size(burst->ring)));
    count += read_at_once(burst, fd, first + count, want, capacity, &stop);
    window = smaller(2 * window, RING_MAX);
  }
  if (stop == 1) {
    int32_t more = read_each(burst, fd, first + count, max - count, capacity);
    return more >= 0 ? count + more : count ? count : more;
  }
  return count || stop == -EAGAIN ? count : stop;
}

napi_value read_burst(napi_env env, napi_callback_info info) {
  napi_value args[5];
  int32_t v[4];
  if (!arguments(env, info, 5, args) || !integers(env, args + 1, 4, v)) return NULL;
  int32_t fd = v[0], first = v[1], max = v[2], capacity = v[3];
  struct burst *burst = burst_argument(env, args[0], first, max);
  if (!burst) return NULL;
  int32_t count = (worth_it(burst, burst->last_count) ? read_vectored : read_each)(
      burst, fd, first, max, capacity);
  burst->last_count = count < 0 ? 0 : count;
  return integer(env, count);
}

static int32_t write_frame(int32_t fd, const uint8_t *at, int32_t length) {
  ssize_t bytes;
  if (!at) return -EFAULT;
  do bytes = write(fd, at, (size_t)length);
  while (bytes < 0 && errno == EINTR);
  return bytes < 0 ? -errno : (int32_t)bytes;
}

/* A TAP takes a frame whole or not at all; less than the whole can only be a descriptor that is no
 * TAP. => 1 for a frame that failed. */
static int32_t settle(struct burst *burst, int32_t slot, int32_t length, int32_t result) {
  if (result == length) return 0;
  burst->desc[burst->slots + slot] = result < 0 ? result : -EIO;
  return 1;
}

static int32_t length_of(const struct burst *burst, int32_t slot) {
  return __atomic_load_n(&burst->desc[burst->slots + slot], __ATOMIC_RELAXED);
}

static int32_t write_each(struct burst *burst, int32_t fd, int32_t first, int32_t n) {
  int32_t failed = 0;
  for (int32_t slot = first; slot < first + n; slot++) {
    int32_t length = length_of(burst, slot);
    failed += settle(burst, slot, length, write_frame(fd, place(burst, slot, length), length));
  }
  return failed;
}

/* One submit of n <= ring_size writes. A frame outside the arena takes no part. */
static int32_t write_at_once(struct burst *burst, int32_t fd, int32_t first, int32_t n) {
  const uint8_t *at[RING_MAX];
  int32_t slots[RING_MAX], lengths[RING_MAX], results[RING_MAX], queued = 0, failed = 0;
  for (int32_t slot = first; slot < first + n; slot++) {
    int32_t length = length_of(burst, slot);
    const uint8_t *frame = place(burst, slot, length);
    if (!frame) {
      failed += settle(burst, slot, length, -EFAULT);
      continue;
    }
    ring_write(burst->ring, queued, fd, frame, length);
    at[queued] = frame;
    slots[queued] = slot;
    lengths[queued++] = length;
  }
  int32_t taken = queued ? ring_submit(burst->ring, queued, results) : 0;
  for (int32_t i = 0; i < queued; i++) {
    int32_t result = i < taken ? results[i] : write_frame(fd, at[i], lengths[i]);
    failed += settle(burst, slots[i], lengths[i], result);
  }
  return failed;
}

static int32_t write_vectored(struct burst *burst, int32_t fd, int32_t first, int32_t n) {
  int32_t failed = 0;
  for (int32_t done = 0, some; done < n; done += some) {
    some = smaller(n - done, ring_size(burst->ring));
    failed += write_at_once(burst, fd, first + done, some);
  }
  return failed;
}

napi_value write_burst(napi_env env, napi_callback_info info) {
  napi_value args[4];
  int32_t v[3];
  if (!arguments(env, info, 4, args) || !integers(env, args + 1, 3, v)) return NULL;
  int32_t fd = v[0], first = v[1], n = v[2];
  struct burst *burst = burst_argument(env, args[0], first, n);
  if (!burst) return NULL;
  return integer(env, (worth_it(burst, n) ? write_vectored : write_each)(burst, fd, first, n));
}

napi_value wait_fds(napi_env env, napi_callback_info info) {
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

napi_value create_waker(napi_env env, napi_callback_info info) {
  (void)info;
  int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return fd < 0 ? system_error(env, errno, "eventfd", "", "") : integer(env, fd);
}

/* EAGAIN is success both ways: a counter that is full wakes already, one that is empty is drained.
 */
napi_value wake(napi_env env, napi_callback_info info) {
  int32_t fd;
  if (!fd_argument(env, info, &fd)) return NULL;
  if (eventfd_write(fd, 1) < 0 && errno != EAGAIN) return system_error(env, errno, "wake", "", "");
  return NULL;
}

napi_value drain_waker(napi_env env, napi_callback_info info) {
  int32_t fd;
  eventfd_t count;
  if (!fd_argument(env, info, &fd)) return NULL;
  if (eventfd_read(fd, &count) < 0 && errno != EAGAIN)
    return system_error(env, errno, "drain waker", "", "");
  return NULL;
}
