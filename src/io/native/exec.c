/* One process after another: who has the state, how a child ended, and another program in this very process. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a program's arguments and of its environment, each. */
#define WORDS_MOST 4096
/* Since Linux 5.11, and headers of that time. */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef __NR_close_range
#define __NR_close_range 436
#endif

/* Locks of fcntl(2) are a process's, whoever else has the descriptor, and go with it however it ends: with its last thread.
 * They also go when it closes any descriptor of the file, so nobody closes one of this. */
static int change_lock(int fd, short type, int command, pid_t *holder) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
  if (fcntl(fd, command, &lock) < 0) return -1;
  *holder = lock.l_type == F_UNLCK ? 0 : lock.l_pid;
  return 0;
}

/* => 0 when this process has it, else the pid of the one that does */
napi_value lock_memory(napi_env env, napi_callback_info info) {
  int32_t fd;
  pid_t holder = 0;
  if (!fd_argument(env, info, &fd)) return NULL;
  while (change_lock(fd, F_WRLCK, F_SETLK, &holder) < 0) {
    if (errno != EAGAIN && errno != EACCES) return system_error(env, errno, "lock", "", "");
    if (change_lock(fd, F_WRLCK, F_GETLK, &holder) < 0)
      return system_error(env, errno, "lock", "", "");
    /* It may have ended between the two. */
    if (holder != 0) return integer(env, holder);
  }
  return integer(env, 0);
}

napi_value unlock_memory(napi_env env, napi_callback_info info) {
  int32_t fd;
  pid_t holder;
  if (!fd_argument(env, info, &fd)) return NULL;
  return change_lock(fd, F_UNLCK, F_SETLK, &holder) < 0 ? system_error(env, errno, "unlock", "", "")
                                                        : NULL;
}

/* => -1 while it runs; its exit code; 256 and the signal that ended it; 1 for one that is no child of ours */
napi_value wait_child(napi_env env, napi_callback_info info) {
  int32_t pid;
  int status;
  if (!fd_argument(env, info, &pid)) return NULL;
  if (pid <= 0) return range_error(env, "pid: expected that of a process");
  pid_t ended = waitpid(pid, &status, WNOHANG);
  if (ended < 0) return integer(env, 1);
  if (ended == 0) return integer(env, -1);
  return integer(env, WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void free_words(char **words) {
  if (!words) return;
  for (char **word = words; *word; word++) free(*word);
  free(words);
}

/* => an array of texts as exec takes it, the caller's; NULL with an exception */
static char **words_of(napi_env env, napi_value array) {
  uint32_t count;
  if (napi_get_array_length(env, array, &count) != napi_ok || count > WORDS_MOST) {
    type_error(env, "expected a list of at most 4096 texts");
    return NULL;
  }
  char **words = calloc(count + 1, sizeof *words);
  if (!words) system_error(env, ENOMEM, "exec", "", "");
  for (uint32_t i = 0; words && i < count; i++) {
    napi_value word;
    size_t bytes = 0;
    if (napi_get_element(env, array, i, &word) != napi_ok ||
        napi_get_value_string_utf8(env, word, NULL, 0, &bytes) != napi_ok ||
        !(words[i] = malloc(bytes + 1)) || !text(env, word, words[i], bytes + 1, "expected texts")) {
      free_words(words);
      return NULL;
    }
  }
  return words;
}

/* Everything but these goes with exec, whoever opened it; and standard input, output and error stay. */
static int keep_only(const int32_t *fds, size_t count, const char **step) {
  *step = "close_range";
  if (syscall(__NR_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return -1;
  *step = "keep descriptors";
  /* Node has marked these too, so that no child has them but as it is told. */
  for (int fd = 0; fd < 3; fd++) fcntl(fd, F_SETFD, 0);
  for (size_t i = 0; i < count; i++)
    if (fcntl(fds[i], F_SETFD, 0) < 0) return -1;
  return 0;
}

napi_value execute(napi_env env, napi_callback_info info) {
  napi_value args[4], buffer;
  char path[PATH_MAX];
  void *fds;
  size_t count;
  const char *step;
  if (!arguments(env, info, 4, args) ||
      !text(env, args[0], path, sizeof path, "path: expected at most 4095 bytes") ||
      !view(env, args[3], napi_int32_array, &count, &fds, &buffer))
    return NULL;
  char **argv = words_of(env, args[1]);
  char **environment = argv ? words_of(env, args[2]) : NULL;
  int error = 0;
  if (argv && environment) {
    if (keep_only(fds, count, &step) == 0) {
      step = "execve";
      execve(path, argv, environment);
    }
    error = errno;
    for (int fd = 0; fd < 3; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
    for (size_t i = 0; i < count; i++) fcntl(((int32_t *)fds)[i], F_SETFD, FD_CLOEXEC);
  }
  bool asked = argv && environment;
  free_words(argv);
  free_words(environment);
  return asked ? system_error(env, error, step, path, "") : NULL;
}
