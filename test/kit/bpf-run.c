/* Runs a socket filter, or with an argument a classifier, over frames without any device: BPF_PROG_TEST_RUN.
 *
 * stdin:  the program, then the frames, each as its length (uint32, this machine's byte order) and its bytes
 * stdout: what the program returned, one decimal a line
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char bytes[1 << 20];

static uint32_t next(void) {
  uint32_t length;
  if (fread(&length, sizeof length, 1, stdin) != 1 || length > sizeof bytes) return 0;
  return fread(bytes, 1, length, stdin) == length ? length : 0;
}

static int bpf(int command, union bpf_attr *attr) {
  return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

int main(int argc, char **argv) {
  (void)argv;
  union bpf_attr attr;
  uint32_t length = next();
  memset(&attr, 0, sizeof attr);
  attr.prog_type = argc > 1 ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_SOCKET_FILTER;
  attr.insns = (uintptr_t)bytes;
  attr.insn_cnt = length / sizeof(struct bpf_insn);
  attr.license = (uintptr_t) "MIT";
  int program = bpf(BPF_PROG_LOAD, &attr);
  if (program < 0) return perror("BPF_PROG_LOAD"), 1;
  while ((length = next()) > 0) {
    memset(&attr, 0, sizeof attr);
    attr.test.prog_fd = (uint32_t)program;
    attr.test.data_in = (uintptr_t)bytes;
    attr.test.data_size_in = length;
    if (bpf(BPF_PROG_TEST_RUN, &attr) < 0) return perror("BPF_PROG_TEST_RUN"), 1;
    printf("%u\n", attr.test.retval);
  }
  return 0;
}
