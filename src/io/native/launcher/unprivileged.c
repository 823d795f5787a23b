/* unprivileged [-f] PROGRAM WORDS...
 *
 * Becomes PROGRAM without a capability and without the chance to gain one: neither by a set-user-ID bit nor, as root, by
 * executing anything. -f keeps the right to open files of other users. The user stays who it is. */
#define _GNU_SOURCE /* syscall */

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As a shell has it. */
#define NOT_STARTED 126
#define NOT_FOUND 127

static int fail(const char *what, int code) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  return code;
}

int main(int argc, char **argv) {
  char **words = argv + 1;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct left[2], had[2];
  memset(left, 0, sizeof left);
  if (argc > 1 && strcmp(*words, "-f") == 0) {
    words++;
    if (syscall(SYS_capget, &header, had) < 0) return fail("capget", NOT_STARTED);
    left[0].permitted = had[0].permitted & (1u << CAP_DAC_OVERRIDE);
    left[0].effective = left[0].permitted;
  }
  if (*words == NULL) return NOT_STARTED;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail("no_new_privs", NOT_STARTED);
  /* Ambient capabilities go with the inheritable ones. */
  if (syscall(SYS_capset, &header, left) < 0) return fail("capset", NOT_STARTED);
  execv(*words, words);
  return fail(*words, errno == ENOENT ? NOT_FOUND : NOT_STARTED);
}
