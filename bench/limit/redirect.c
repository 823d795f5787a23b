/* The limit of arms that are NICs, as limit.c is that of TAPs: frames go from one to the other inside the kernel, and
 * nobody looks at them.
 *
 *   redirect NETNS DEVICE-A DEVICE-B
 *
 * A tcx program on each device (Linux 6.6) redirects all that comes in to the other one, so the two ends have to share
 * one subnet. Two links hold the programs: they are gone when this process is. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, in no header before Linux 6.6 */

static void die(const char *step, const char *name) {
  fprintf(stderr, "redirect: %s %s: %s\n", step, name, strerror(errno));
  exit(1);
}

static int bpf(int command, union bpf_attr *attr) {
  return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

static unsigned device(const char *name) {
  unsigned index = if_nametoindex(name);
  if (index == 0) die("find", name);
  return index;
}

/* return bpf_redirect(to, 0) */
static void redirect(const char *from, const char *to) {
  struct bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = (int)device(to)},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0},
      {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
      {.code = BPF_JMP | BPF_EXIT},
  };
  union bpf_attr load = {
      .prog_type = BPF_PROG_TYPE_SCHED_CLS,
      .insn_cnt = sizeof program / sizeof *program,
      .insns = (uint64_t)(uintptr_t)program,
      .license = (uint64_t)(uintptr_t) "MIT",
  };
  int fd = bpf(BPF_PROG_LOAD, &load);
  if (fd < 0) die("load the program of", from);
  union bpf_attr link = {.link_create = {.prog_fd = (uint32_t)fd, .attach_type = TCX_INGRESS}};
  link.link_create.target_ifindex = device(from);
  if (bpf(BPF_LINK_CREATE, &link) < 0) die("attach to", from);
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: redirect NETNS DEVICE-A DEVICE-B\n");
    return 2;
  }
  int ns = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) die("enter", argv[1]);
  redirect(argv[2], argv[3]);
  redirect(argv[3], argv[2]);
  for (;;) pause();
}
