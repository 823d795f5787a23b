/* What is left of system calls under the filters of src/io/native/filter.c, whose functions are linked to this.
 *   filtered thread CALL    a thread confines itself and tries; then another one opens a file
 *   filtered process CALL   the process is confined, and a thread that was there before tries
 *   filtered none CALL
 * Prints `ok` or the name of the error. A call that ends the process ends this one. */
#define _GNU_SOURCE
#include "../../src/io/native/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING 77

static char *const TRUE[] = {"/bin/true", NULL};
static char page[4096] __attribute__((aligned(4096)));

/* A child that is made ends at once. */
static long child_of(long pid) {
  if (pid == 0) _exit(0);
  return pid;
}

static long with_signal(int signal) { return syscall(__NR_tgkill, getpid(), gettid(), signal); }

static long map_file(void) {
  return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 0, 0) == MAP_FAILED ? -1 : 0;
}

static long map_code(void) {
  void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED || mprotect(at, 4096, PROT_READ | PROT_EXEC) < 0) return -1;
  return munmap(at, 4096);
}

static long count_up(void) {
  static int fd = -1;
  if (fd < 0) return fd = eventfd(0, EFD_NONBLOCK);
  uint64_t one = 1;
  return write(fd, &one, sizeof one) < 0 ? -1 : read(fd, &one, sizeof one);
}

#define CALL(name, expression) \
  if (strcmp(call, name) == 0) return (expression);

static long try(const char *call) {
  CALL("read and write", count_up())
  CALL("map memory", map_code())
  CALL("map a file", map_file())
  CALL("signal itself", with_signal(0))
  CALL("signal another", syscall(__NR_tgkill, getppid(), getppid(), 0))
  CALL("kill", kill(getpid(), 0))
  CALL("open", open("/etc/passwd", O_RDONLY))
  CALL("socket", socket(AF_INET, SOCK_STREAM, 0))
  CALL("sendmsg", send(-1, page, 1, MSG_NOSIGNAL) < 0 && errno == EBADF ? 0 : -1)
  CALL("ioctl", syscall(__NR_ioctl, -1, 0, page) < 0 && errno == EBADF ? 0 : -1)
  CALL("dup", dup(0))
  CALL("fork", child_of(syscall(__NR_clone, SIGCHLD, NULL, NULL, NULL, NULL)))
  CALL("clone3", syscall(__NR_clone3, NULL, 0))
  CALL("execve", syscall(__NR_execve, *TRUE, TRUE, NULL))
  CALL("ptrace", ptrace(PTRACE_DETACH, -1, NULL, NULL))
  CALL("bpf", syscall(__NR_bpf, 0, NULL, 0))
  CALL("process_vm_readv", syscall(__NR_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0))
  CALL("mount", syscall(__NR_mount, NULL, NULL, NULL, 0, NULL))
  CALL("chroot", syscall(__NR_chroot, NULL))
  CALL("init_module", syscall(__NR_init_module, NULL, 0, NULL))
  CALL("kexec_load", syscall(__NR_kexec_load, 0, 0, NULL, -1L))
  CALL("reboot", syscall(__NR_reboot, 0, 0, 0, NULL))
  CALL("keyctl", syscall(__NR_keyctl, 0, 0, 0, 0, 0))
  CALL("perf_event_open", syscall(__NR_perf_event_open, NULL, 0, -1, -1, 0))
  CALL("userfaultfd", syscall(__NR_userfaultfd, 0))
  CALL("io_uring_setup", syscall(__NR_io_uring_setup, 64, NULL))
  CALL("io_uring_setup of libuv", syscall(__NR_io_uring_setup, 256, NULL))
  CALL("io_uring_enter", syscall(__NR_io_uring_enter, RING, 0, 0, 0, NULL, 0))
  CALL("io_uring_enter of another", syscall(__NR_io_uring_enter, 0, 0, 0, 0, NULL, 0))
  CALL("io_uring_register", syscall(__NR_io_uring_register, -1, 0, NULL, 0))
  CALL("memfd_create", memfd_create("x", 0))
  CALL("unshare net", unshare(CLONE_NEWNET))
  CALL("unshare user", unshare(CLONE_NEWUSER))
  CALL("unshare mount and net", unshare(CLONE_NEWNET | CLONE_NEWNS))
  CALL("clone user", child_of(syscall(__NR_clone, SIGCHLD | CLONE_NEWUSER, NULL, NULL, NULL, NULL)))
  CALL("setns net", setns(-1, CLONE_NEWNET))
  CALL("setns any", setns(-1, 0))
  CALL("dumpable", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
  CALL("setuid", syscall(__NR_setuid, getuid()))
#ifdef __x86_64__
  CALL("x32", syscall(0x40000000L | __NR_getpid))
#endif
  fprintf(stderr, "filtered: no call %s\n", call);
  exit(2);
}

static void say(const char *call) {
  long result = try(call);
  const char *word = result >= 0 ? "ok" : strerrorname_np(errno);
  /* stdio asks for more. */
  if (write(1, word, strlen(word)) < 0) abort();
}

static void must(int failed, const char *step) {
  if (failed < 0) fprintf(stderr, "filtered: %s: %s\n", step, strerror(errno)), exit(2);
}

static sem_t confined;

static void *try_when_confined(void *call) {
  sem_wait(&confined);
  say(call);
  return NULL;
}

static void *confine_and_try(void *call) {
  const char *step = "";
  /* No descriptor of ours, so that its number can be told from another one. */
  must(confine_thread(RING, &step), step);
  say(call);
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t thread;
  const char *step = "";
  if (argc != 3) return 2;
  count_up();
  sem_init(&confined, 0, 0);
  int of_thread = strcmp(argv[1], "thread") == 0;
  pthread_create(&thread, NULL, of_thread ? confine_and_try : try_when_confined, argv[2]);
  if (strcmp(argv[1], "process") == 0) must(confine_process(&step), step);
  sem_post(&confined);
  pthread_join(thread, NULL);
  /* Of one thread only. */
  must(of_thread ? open("/etc/passwd", O_RDONLY) : 0, "open");
  return 0;
}
