/* Runs a program under a seccomp filter like that of a systemd unit: the system calls of a list are allowed, every other
 * gives EPERM. The numbers of the allowed ones are in a file, one a line.
 *   seccomp-run FILE PROGRAM ARGUMENT... */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MOST 2000

int main(int argc, char **argv) {
  static struct sock_filter code[2 * MOST + 2];
  unsigned short n = 0;
  int number;
  FILE *file = argc > 2 ? fopen(argv[1], "r") : NULL;
  if (!file) return fprintf(stderr, "usage: seccomp-run FILE PROGRAM ARGUMENT...\n"), 2;
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  while (n < 2 * MOST && fscanf(file, "%d", &number) == 1) {
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  fclose(file);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  struct sock_fprog program = {.len = n, .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
    return perror("seccomp"), 1;
  execvp(argv[2], argv + 2);
  return perror(argv[2]), 1;
}
