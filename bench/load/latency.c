/* Latency at a fixed rate: PINGs are sent when they are due, whatever has become of those before
 * (open loop), in turn over some connections. A PING's latency counts from the moment it was due, so
 * a stall is charged to every request that it delayed, and not only to one (no coordinated omission).
 *
 *   latency ADDRESS PORT RATE SECONDS CONNECTIONS
 *
 * => {"requests":N,"seconds":S,"p50":US,"p99":US,"p999":US,"max":US}, in microseconds */
#include "client.h"

#include <sys/prctl.h>

#define MAX_CONNECTIONS 1024
#define DRAIN_NS 2000000000 /* for the replies that are under way at the end */

/* Requests are numbered as they are due, and connection c carries c, c + n, c + 2n ...: the
 * replies of a connection come in order, so the number of the next one is known. */
static struct {
  int fd;
  uint64_t next_reply;
  int rest; /* bytes of a reply that came in pieces */
} conns[MAX_CONNECTIONS];
static uint64_t n_conns, total, answered;
static int64_t start, gap; /* ns */
static uint32_t *latencies; /* ns */

static void open_all(struct sockaddr_storage to, int epoll) {
  for (uint64_t i = 0; i < n_conns; i++) {
    int one = 1, fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) DIE("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) DIE("epoll_ctl");
    conns[i].fd = fd;
    conns[i].next_reply = i;
  }
}

static void take_replies(uint64_t conn) {
  char buffer[4096];
  ssize_t length = recv(conns[conn].fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (length == 0) errno = ECONNRESET;
  if (length <= 0) DIE("read");
  int64_t now = now_ns();
  int bytes = conns[conn].rest + (int)length;
  for (; bytes >= PONG_BYTES; bytes -= PONG_BYTES) {
    uint64_t request = conns[conn].next_reply;
    if (request >= total) DIE("more replies than requests");
    int64_t latency = now - (start + (int64_t)request * gap);
    latencies[request] = latency > UINT32_MAX ? UINT32_MAX : (uint32_t)latency;
    conns[conn].next_reply += n_conns;
    answered++;
  }
  conns[conn].rest = bytes;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static double percentile(double part) {
  return latencies[(uint64_t)(part * (double)(total - 1))] / 1e3;
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: latency ADDRESS PORT RATE SECONDS CONNECTIONS\n");
    return 2;
  }
  gap = (int64_t)(1e9 / atof(argv[3]));
  total = (uint64_t)(atof(argv[3]) * atof(argv[4]));
  n_conns = (uint64_t)atoi(argv[5]);
  latencies = calloc(total, sizeof *latencies);
  if (n_conns < 1 || n_conns > MAX_CONNECTIONS || total < 1 || !latencies) {
    fprintf(stderr, "1 to %d connections and at least one request\n", MAX_CONNECTIONS);
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1UL); /* the default would let each wake-up be 50 us late */
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  open_all(endpoint(argv[1], atoi(argv[2])), epoll);

  start = now_ns() + 1000000;
  uint64_t sent = 0;
  while (answered < total) {
    int64_t now = now_ns();
    for (; sent < total && start + (int64_t)sent * gap <= now; sent++) {
      if (send(conns[sent % n_conns].fd, PING, PING_BYTES, MSG_DONTWAIT) != PING_BYTES) DIE("send");
    }
    int64_t until = sent < total ? start + (int64_t)sent * gap
                                 : start + (int64_t)total * gap + DRAIN_NS;
    int64_t left = until - now_ns();
    struct timespec wait = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
    struct epoll_event events[64];
    int n = epoll_pwait2(epoll, events, 64, &wait, NULL);
    for (int i = 0; i < n; i++) take_replies(events[i].data.u64);
    if (n == 0 && sent == total && left <= 0) {
      fprintf(stderr, "%llu of %llu requests were not answered\n",
              (unsigned long long)(total - answered), (unsigned long long)total);
      return 1;
    }
  }
  double seconds = (double)(now_ns() - start) / 1e9;
  qsort(latencies, total, sizeof *latencies, ascending);
  printf("{\"requests\":%llu,\"seconds\":%.6f,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}\n",
         (unsigned long long)total, seconds, percentile(.5), percentile(.99), percentile(.999),
         percentile(1));
}
