/* The io_uring of a thread, by bare system calls: liburing would be a package more to install. */
#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#endif

/* Linux 5.18; headers before it cannot describe the ring that we want. */
#if defined(IORING_SETUP_SUBMIT_ALL) && defined(__NR_io_uring_setup)

/* The rings are memory of the kernel; ours to write in them are sq_tail and cq_head. */
struct ring {
  int fd;
  uint32_t entries;
  int32_t least;
  uint32_t *sq_head, *sq_tail, *cq_head, *cq_tail;
  uint32_t sq_mask, cq_mask;
  struct io_uring_sqe *sqes;
  struct io_uring_cqe *cqes;
  void *rings;
  size_t rings_bytes, sqes_bytes;
};

static const napi_type_tag RING_TAG = {0x7461707673726e67, 0x696f5f7572696e67};

static void free_ring(struct ring *ring) {
  if (ring->sqes) munmap(ring->sqes, ring->sqes_bytes);
  if (ring->rings) munmap(ring->rings, ring->rings_bytes);
  if (ring->fd >= 0) close(ring->fd);
  free(ring);
}

static void release_ring(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free_ring(data);
}

static void *map(struct ring *ring, size_t bytes, off_t what) {
  void *memory =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, what);
  return memory == MAP_FAILED ? NULL : memory;
}

/* => false with errno. Both rings lie in one mapping (IORING_FEAT_SINGLE_MMAP, Linux 5.4). */
static bool map_rings(struct ring *ring, const struct io_uring_params *p) {
  size_t sq_bytes = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
  size_t cq_bytes = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
  ring->rings_bytes = sq_bytes > cq_bytes ? sq_bytes : cq_bytes;
  ring->sqes_bytes = p->sq_entries * sizeof(struct io_uring_sqe);
  ring->rings = map(ring, ring->rings_bytes, IORING_OFF_SQ_RING);
  ring->sqes = map(ring, ring->sqes_bytes, IORING_OFF_SQES);
  if (!ring->rings || !ring->sqes) return false;

  uint8_t *at = ring->rings;
  ring->entries = p->sq_entries;
  ring->sq_head = (uint32_t *)(at + p->sq_off.head);
  ring->sq_tail = (uint32_t *)(at + p->sq_off.tail);
  ring->sq_mask = *(uint32_t *)(at + p->sq_off.ring_mask);
  ring->cq_head = (uint32_t *)(at + p->cq_off.head);
  ring->cq_tail = (uint32_t *)(at + p->cq_off.tail);
  ring->cq_mask = *(uint32_t *)(at + p->cq_off.ring_mask);
  ring->cqes = (struct io_uring_cqe *)(at + p->cq_off.cqes);
  /* The indirection between queue and requests is not used: entry i is request i for ever. */
  uint32_t *array = (uint32_t *)(at + p->sq_off.array);
  for (uint32_t i = 0; i < p->sq_entries; i++) array[i] = i;
  return true;
}

/* Reads and writes by plain requests, and nothing else for ever: a ring would carry out what a filter of system calls
 * forbids. => false with errno. */
static bool restrict_ring(const struct ring *ring) {
  struct io_uring_restriction only[] = {
      {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ},
      {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITE},
  };
  uint32_t n = sizeof only / sizeof *only;
  return syscall(__NR_io_uring_register, ring->fd, IORING_REGISTER_RESTRICTIONS, only, n) == 0 &&
         syscall(__NR_io_uring_register, ring->fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) == 0;
}

/* => a ring, or NULL with errno. */
static struct ring *make_ring(uint32_t entries) {
  struct ring *ring = calloc(1, sizeof *ring);
  if (!ring) return NULL;
  /* One bad request must not hold up those behind it. */
  struct io_uring_params p = {.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED};
  ring->fd = (int)syscall(__NR_io_uring_setup, entries, &p);
  if (ring->fd >= 0 && map_rings(ring, &p) && restrict_ring(ring)) return ring;
  int error = errno;
  free_ring(ring);
  errno = error;
  return NULL;
}

static void queue(struct ring *ring, int32_t index, uint8_t opcode, int32_t fd, uint64_t at,
                  int32_t bytes) {
  struct io_uring_sqe *sqe = &ring->sqes[(*ring->sq_tail + (uint32_t)index) & ring->sq_mask];
  memset(sqe, 0, sizeof *sqe);
  sqe->opcode = opcode;
  sqe->fd = fd;
  sqe->addr = at;
  sqe->len = (uint32_t)bytes;
  sqe->rw_flags = RWF_NOWAIT;
  sqe->user_data = (uint64_t)index;
}

void ring_read(struct ring *ring, int32_t index, int32_t fd, uint8_t *at, int32_t capacity) {
  queue(ring, index, IORING_OP_READ, fd, (uint64_t)(uintptr_t)at, capacity);
}

void ring_write(struct ring *ring, int32_t index, int32_t fd, const uint8_t *at, int32_t length) {
  queue(ring, index, IORING_OP_WRITE, fd, (uint64_t)(uintptr_t)at, length);
}

static long enter(struct ring *ring, uint32_t submit, uint32_t wait_for) {
  uint32_t flags = wait_for ? IORING_ENTER_GETEVENTS : 0;
  return syscall(__NR_io_uring_enter, ring->fd, submit, wait_for, flags, NULL, 0);
}

/* => completions taken from the ring into results. */
static uint32_t reap(struct ring *ring, int32_t *results) {
  uint32_t head = *ring->cq_head, tail = __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE);
  uint32_t count = tail - head;
  for (; head != tail; head++) {
    const struct io_uring_cqe *cqe = &ring->cqes[head & ring->cq_mask];
    results[cqe->user_data] = cqe->res;
  }
  __atomic_store_n(ring->cq_head, head, __ATOMIC_RELEASE);
  return count;
}

int32_t ring_submit(struct ring *ring, int32_t n, int32_t *results) {
  uint32_t first = *ring->sq_tail;
  __atomic_store_n(ring->sq_tail, first + (uint32_t)n, __ATOMIC_RELEASE);
  long entered;
  do entered = enter(ring, (uint32_t)n, 0);
  while (entered < 0 && errno == EINTR);
  /* What the kernel has left, for want of memory, is taken back. */
  uint32_t taken = __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE) - first;
  __atomic_store_n(ring->sq_tail, first + taken, __ATOMIC_RELEASE);
  /* All is done by now, for no request may wait; but a slot must not be handed on while the kernel
   * could still write into it, so that is made sure of. */
  for (uint32_t done = reap(ring, results); done < taken; done += reap(ring, results))
    if (enter(ring, 0, taken - done) < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY)
      napi_fatal_error("io_uring", NAPI_AUTO_LENGTH, "cannot wait for a request",
                       NAPI_AUTO_LENGTH);
  return (int32_t)taken;
}

int32_t ring_size(const struct ring *ring) { return (int32_t)ring->entries; }

int32_t ring_least(const struct ring *ring) { return ring->least; }

int ring_descriptor(const struct ring *ring) { return ring->fd; }

/* Asks for a read as the bursts will: an unattached queue answers EBADFD to those who may, and what
 * a sandbox forbids or an old tun cannot (EOPNOTSUPP for RWF_NOWAIT) shows here. => 0 or errno. */
static int probe(struct ring *ring) {
  uint8_t byte;
  int32_t result;
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return errno;
  ring_read(ring, 0, fd, &byte, 1);
  int taken = ring_submit(ring, 1, &result);
  close(fd);
  if (taken != 1) return ENOMEM;
  return result == -EBADFD ? 0 : result < 0 ? -result : EIO;
}

napi_value open_ring(napi_env env, napi_callback_info info) {
  napi_value args[2], handle;
  int32_t v[2];
  if (!arguments(env, info, 2, args) || !integers(env, args, 2, v)) return NULL;
  if (v[0] < 1 || v[0] > RING_MAX) return range_error(env, "entries: 1 to 256");
  struct ring *ring = make_ring((uint32_t)v[0]);
  if (!ring) return system_error(env, errno, "io_uring_setup", "", "");
  ring->least = v[1];
  int error = probe(ring);
  if (error) {
    free_ring(ring);
    return system_error(env, error, "io_uring read of a TAP", "", "");
  }
  if (napi_create_external(env, ring, release_ring, NULL, &handle) == napi_ok) {
    if (napi_type_tag_object(env, handle, &RING_TAG) == napi_ok) return handle;
    return NULL;
  }
  free_ring(ring);
  return NULL;
}

struct ring *ring_of(napi_env env, napi_value handle) {
  void *data;
  napi_valuetype type;
  bool ours = false;
  if (napi_typeof(env, handle, &type) != napi_ok || type != napi_external ||
      napi_check_object_type_tag(env, handle, &RING_TAG, &ours) != napi_ok || !ours ||
      napi_get_value_external(env, handle, &data) != napi_ok)
    return NULL;
  return data;
}

#else

/* Without the headers nobody can make a ring, so nobody can use one. */
napi_value open_ring(napi_env env, napi_callback_info info) {
  (void)info;
  return system_error(env, ENOSYS, "built without io_uring", "", "");
}

struct ring *ring_of(napi_env env, napi_value handle) {
  (void)env;
  (void)handle;
  return NULL;
}

int32_t ring_size(const struct ring *ring) {
  (void)ring;
  return 0;
}

int32_t ring_least(const struct ring *ring) {
  (void)ring;
  return 0;
}

int ring_descriptor(const struct ring *ring) {
  (void)ring;
  return -1;
}

void ring_read(struct ring *ring, int32_t index, int32_t fd, uint8_t *at, int32_t capacity) {
  (void)ring, (void)index, (void)fd, (void)at, (void)capacity;
}

void ring_write(struct ring *ring, int32_t index, int32_t fd, const uint8_t *at, int32_t length) {
  (void)ring, (void)index, (void)fd, (void)at, (void)length;
}

int32_t ring_submit(struct ring *ring, int32_t n, int32_t *results) {
  (void)ring, (void)n, (void)results;
  return 0;
}

#endif
