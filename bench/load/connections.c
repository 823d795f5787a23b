/* New connections per second: connect, PING, +PONG, close, over and over.
 *
 *   connections ADDRESS PORT SECONDS CONCURRENCY SOURCE...
 *
 * Connections take the source addresses in turn: with all of them from one address the ports would
 * be in TIME_WAIT before long. The port is chosen in connect (IP_BIND_ADDRESS_NO_PORT), where the
 * kernel knows the whole tuple.
 * => {"connections":N,"seconds":S} */
#include "client.h"

static struct sockaddr_storage to;
static struct sockaddr_storage *sources;
static int n_sources;
static int epoll;

/* Begins the next connection. A descriptor is all that has to be remembered of it: what comes next
 * is to be written when it becomes writable, and to be read when it becomes readable. */
static void begin(void) {
  static int turn;
  int one = 1;
  int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) DIE("socket");
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  struct sockaddr_storage *from = &sources[turn++ % n_sources];
  if (bind(fd, (struct sockaddr *)from, sizeof *from) < 0) DIE("bind");
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) DIE("connect");
  struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) DIE("epoll_ctl");
}

/* => 1 if the connection is over */
static int proceed(int fd, uint32_t events) {
  if (events & (EPOLLERR | EPOLLHUP)) {
    socklen_t length = sizeof errno;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &length);
    DIE("connection");
  }
  if (events & EPOLLOUT) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (write(fd, PING, PING_BYTES) != PING_BYTES) DIE("write");
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) < 0) DIE("epoll_ctl");
    return 0;
  }
  char reply[64];
  ssize_t length = read(fd, reply, sizeof reply);
  if (length != PONG_BYTES || memcmp(reply, PONG, PONG_BYTES) != 0) DIE("reply of %zd bytes", length);
  close(fd);
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 6) {
    fprintf(stderr, "usage: connections ADDRESS PORT SECONDS CONCURRENCY SOURCE...\n");
    return 2;
  }
  to = endpoint(argv[1], atoi(argv[2]));
  int64_t duration = (int64_t)(atof(argv[3]) * 1e9);
  int concurrency = atoi(argv[4]);
  n_sources = argc - 5;
  sources = calloc((size_t)n_sources, sizeof *sources);
  for (int i = 0; i < n_sources; i++) sources[i] = endpoint(argv[5 + i], 0);
  epoll = epoll_create1(EPOLL_CLOEXEC);

  int64_t start = now_ns(), end = start;
  uint64_t done = 0;
  for (int i = 0; i < concurrency; i++) begin();
  while (end - start < duration) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, 5000);
    if (n == 0) {
      fprintf(stderr, "no connection makes progress for 5 s\n");
      return 1;
    }
    for (int i = 0; i < n; i++) {
      if (!proceed(events[i].data.fd, events[i].events)) continue;
      done++;
      begin();
    }
    end = now_ns();
  }
  printf("{\"connections\":%llu,\"seconds\":%.6f}\n", (unsigned long long)done,
         (double)(end - start) / 1e9);
}
