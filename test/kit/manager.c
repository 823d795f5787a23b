/* manager SOCKET MOST PROGRAM...: a service manager that stores descriptors, as systemd does it: FDSTORE=1 with FDNAME=, the same
 * file once only, FDSTOREREMOVE=1 by name, and the next process of the service finds them from 3 on. It starts the program again
 * when that has failed. Lines of stdin: `restart` and `stop` end it by SIGTERM, `kill` by SIGKILL; `stop` forgets what is stored, and is
 * the end. Says on stdout `started PID`, `ended STATUS`, `stored NAME`, `removed NAME`, `same NAME`, `full NAME`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 1024
#define KCMP_FILE 0

static struct {
  int fd;
  char name[256];
} stored[MOST];
static int count, most;
static const char *address;
static char **program;
static pid_t main_pid;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void start(sigset_t *before) {
  main_pid = fork();
  if (main_pid < 0) fail("fork");
  if (main_pid > 0) {
    printf("started %d\n", main_pid);
    return;
  }
  sigprocmask(SIG_SETMASK, before, NULL);
  char text[32], names[MOST * 64] = "";
  /* First out of the way of the places that they are to have. */
  int moved[MOST];
  for (int i = 0; i < count; i++) moved[i] = fcntl(stored[i].fd, F_DUPFD_CLOEXEC, 3 + MOST);
  for (int i = 0; i < count; i++) {
    if (dup2(moved[i], 3 + i) < 0) fail("dup2");
    if (i > 0) strcat(names, ":");
    strcat(names, stored[i].name);
  }
  setenv("NOTIFY_SOCKET", address, 1);
  snprintf(text, sizeof text, "%d", most);
  setenv("FDSTORE", text, 1);
  if (count > 0) {
    snprintf(text, sizeof text, "%d", getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof text, "%d", count);
    setenv("LISTEN_FDS", text, 1);
    setenv("LISTEN_FDNAMES", names, 1);
  }
  execv(program[0], program);
  fail(program[0]);
}

static bool same(int one, int other) {
  return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, one, other) == 0;
}

static void store(int fd, const char *name) {
  for (int i = 0; i < count; i++) {
    if (!same(stored[i].fd, fd)) continue;
    printf("same %s\n", name);
    close(fd);
    return;
  }
  if (count == most) {
    printf("full %s\n", name);
    close(fd);
    return;
  }
  stored[count].fd = fd;
  snprintf(stored[count].name, sizeof stored[count].name, "%s", name);
  count++;
  printf("stored %s\n", name);
}

static void removed(const char *name) {
  for (int i = count - 1; i >= 0; i--) {
    if (strcmp(stored[i].name, name) != 0) continue;
    close(stored[i].fd);
    /* The last takes its place: nobody is to believe in an order. */
    stored[i] = stored[--count];
    printf("removed %s\n", name);
  }
}

static void hear(int socket) {
  char text[4096], room[CMSG_SPACE(253 * sizeof(int))], name[256] = "stored";
  struct iovec data = {text, sizeof text - 1};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  ssize_t bytes = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (bytes < 0) return;
  text[bytes] = 0;
  bool wants = false, forgets = false;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    if (strcmp(line, "FDSTORE=1") == 0) wants = true;
    if (strcmp(line, "FDSTOREREMOVE=1") == 0) forgets = true;
    if (strncmp(line, "FDNAME=", 7) == 0) snprintf(name, sizeof name, "%s", line + 7);
    if (strcmp(line, "READY=1") == 0) printf("ready\n");
  }
  for (const char *c = name; *c; c++)
    if (*c < ' ' || *c > '~' || *c == ':') fail("a name that systemd would not take");
  for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
    size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      if (wants)
        store(fd, name);
      else
        close(fd);
    }
  }
  if (forgets) removed(name);
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  address = argv[1];
  most = atoi(argv[2]);
  program = argv + 3;
  setvbuf(stdout, NULL, _IOLBF, 0);
  sigset_t children, before;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, &before);
  int ended = signalfd(-1, &children, SFD_CLOEXEC);
  int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strncpy(name.sun_path, address, sizeof name.sun_path - 1);
  unlink(address);
  if (bind(sock, (struct sockaddr *)&name, sizeof name) < 0) fail("bind");
  start(&before);
  bool wanted = false, last = false;
  for (;;) {
    struct pollfd fds[] = {{sock, POLLIN, 0}, {ended, POLLIN, 0}, {0, POLLIN, 0}};
    if (poll(fds, 3, -1) < 0) continue;
    /* What it has said before it ended comes first. */
    if (fds[0].revents) {
      hear(sock);
      continue;
    }
    if (fds[2].revents) {
      char line[64];
      if (!fgets(line, sizeof line, stdin)) line[0] = 0, last = true;
      wanted = strncmp(line, "restart", 7) == 0;
      last = last || strncmp(line, "stop", 4) == 0;
      kill(main_pid, strncmp(line, "kill", 4) == 0 ? SIGKILL : SIGTERM);
    }
    if (!fds[1].revents) continue;
    struct signalfd_siginfo info;
    int status;
    if (read(ended, &info, sizeof info) < 0) continue;
    if (waitpid(main_pid, &status, WNOHANG) != main_pid) continue;
    printf("ended %d\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    if (last || (status == 0 && !wanted)) return 0;
    wanted = false;
    start(&before);
  }
}
