/* Asks the io_uring of another process for what it should not do: ring-try PID FD. Prints a line for each request, its name
 * and `ok` or the name of the error; `register` is io_uring_register. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(int holds, const char *step) {
  if (!holds) perror(step), exit(2);
}

static const struct {
  const char *name;
  uint8_t opcode, flags;
} REQUESTS[] = {
    {"read", IORING_OP_READ, 0},
    {"write", IORING_OP_WRITE, 0},
    {"nop", IORING_OP_NOP, 0},
    {"open", IORING_OP_OPENAT, 0},
    {"connect", IORING_OP_CONNECT, 0},
    {"send", IORING_OP_SENDMSG, 0},
    {"unlink", IORING_OP_UNLINKAT, 0},
    {"read that lingers", IORING_OP_READ, IOSQE_ASYNC},
    {"read and more", IORING_OP_READ, IOSQE_IO_LINK},
};

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int process = (int)syscall(__NR_pidfd_open, atoi(argv[1]), 0);
  must(process >= 0, "pidfd_open");
  int fd = (int)syscall(__NR_pidfd_getfd, process, atoi(argv[2]), 0);
  must(fd >= 0, "pidfd_getfd");
  /* Where things lie in a ring is the same in all that were made in the same way; one that may do all says whether the
   * request would have been refused by itself. */
  struct io_uring_params p = {.flags = IORING_SETUP_SUBMIT_ALL};
  must(syscall(__NR_io_uring_setup, 32, &p) >= 0, "io_uring_setup");
  uint8_t *rings = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
                        PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
  struct io_uring_sqe *sqes = mmap(NULL, p.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE,
                                   MAP_SHARED, fd, IORING_OFF_SQES);
  must(rings != MAP_FAILED && sqes != MAP_FAILED, "mmap");
  uint32_t *tail = (uint32_t *)(rings + p.sq_off.tail);
  uint32_t mask = *(uint32_t *)(rings + p.sq_off.ring_mask);
  uint32_t *head = (uint32_t *)(rings + p.cq_off.head);
  uint32_t done_mask = *(uint32_t *)(rings + p.cq_off.ring_mask);
  const struct io_uring_cqe *cqes = (const struct io_uring_cqe *)(rings + p.cq_off.cqes);
  for (size_t i = 0; i < sizeof REQUESTS / sizeof *REQUESTS; i++) {
    struct io_uring_sqe *sqe = &sqes[*tail & mask];
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = REQUESTS[i].opcode;
    sqe->flags = REQUESTS[i].flags;
    sqe->fd = -1;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    must(syscall(__NR_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1, "enter");
    int32_t result = cqes[*head & done_mask].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    printf("%s: %s\n", REQUESTS[i].name, result >= 0 ? "ok" : strerrorname_np(-result));
  }
  long registered = syscall(__NR_io_uring_register, fd, IORING_REGISTER_FILES, &process, 1);
  printf("register: %s\n", registered >= 0 ? "ok" : strerrorname_np(errno));
  return 0;
}
