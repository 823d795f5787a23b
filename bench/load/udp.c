/* UDP, both ends of it.
 *
 *   udp serve ADDRESS PORT                            answers until it is ended
 *   udp dns ADDRESS PORT SECONDS WINDOW SOURCE...     queries a second
 *   udp bulk ADDRESS PORT SECONDS WINDOW SOURCE...    datagrams of 1200 bytes a second
 *
 * A flow for each source address, and on each of them at most WINDOW datagrams under way, so that what is measured is
 * what passes and not how much can be thrown away. `dns`: each query is answered by an A record, and the next one takes
 * its place. `bulk`: as QUIC does, only every ASK-th datagram is answered, by the number of all that have arrived.
 * A flow that hears nothing for PATIENCE_NS gives what is under way up as lost.
 * => {"datagrams":N,"lost":N,"seconds":S}; those of `bulk` are counted where they arrive */
#include "client.h"

#define BATCH 32
#define MAX_FLOWS 64
#define MAX_WINDOW 256
#define BULK_BYTES 1200
#define ASK 8
#define PATIENCE_NS 50000000
#define BUFFERS (4 << 20)

/* Of `bulk`, at the head of a datagram, and all of an answer. */
struct mark {
  uint64_t number;  /* of the flow */
  uint64_t arrived; /* at the server, of all flows; 1 in a question, 0 in a datagram that asks nothing */
};

/* A query for example.net A IN, but for its id, and what follows it in the answer. */
static const uint8_t QUERY[] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e',
                                3, 'n', 'e', 't', 0, 0, 1, 0, 1};
static const uint8_t RECORD[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};

static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];
static struct sockaddr_storage peers[BATCH];
static uint8_t data[BATCH][2048];

static void lay_out(int with_peers) {
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){.iov_base = data[i], .iov_len = sizeof data[i]};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    if (with_peers) {
      messages[i].msg_hdr.msg_name = &peers[i];
      messages[i].msg_hdr.msg_namelen = sizeof peers[i];
    }
  }
}

static int bound(struct sockaddr_storage at, int flags) {
  int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | flags, 0), bytes = BUFFERS;
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0) DIE("bind");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  return fd;
}

static void send_all(int fd, struct mmsghdr *first, int n) {
  while (n > 0) {
    int sent = sendmmsg(fd, first, (unsigned)n, 0);
    if (sent < 0) DIE("send");
    first += sent;
    n -= sent;
  }
}

/* => the length of the answer that is now in the place of the datagram; 0: none */
static size_t answer(uint8_t *datagram, size_t length, uint64_t arrived) {
  if (length == sizeof QUERY) {
    datagram[2] |= 0x80; /* QR */
    datagram[7] = 1;     /* ANCOUNT */
    memcpy(datagram + length, RECORD, sizeof RECORD);
    return length + sizeof RECORD;
  }
  struct mark mark;
  memcpy(&mark, datagram, sizeof mark);
  if (length != BULK_BYTES || mark.arrived == 0) return 0;
  mark.arrived = arrived;
  memcpy(datagram, &mark, sizeof mark);
  return sizeof mark;
}

static void serve(struct sockaddr_storage at) {
  int fd = bound(at, 0);
  uint64_t arrived = 0;
  for (;;) {
    lay_out(1);
    int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL), answers = 0;
    if (n < 0 && errno != EINTR) DIE("receive");
    for (int i = 0; i < n; i++) {
      arrived += messages[i].msg_len == BULK_BYTES;
      size_t length = answer(data[i], messages[i].msg_len, arrived);
      if (length == 0) continue;
      parts[i].iov_len = length;
      messages[answers++].msg_hdr = messages[i].msg_hdr;
    }
    send_all(fd, messages, answers);
  }
}

static struct flow {
  int fd;
  uint64_t sent, done; /* numbers; what is between them is under way */
  int64_t heard;       /* ns */
} flows[MAX_FLOWS];
static int n_flows, bulk;
static uint64_t window, done, lost, first_arrived, last_arrived;

/* Sends what the window leaves room for. */
static void fill(struct flow *flow) {
  for (;;) {
    uint64_t room = window - (flow->sent - flow->done);
    int n = room < BATCH ? (int)room : BATCH;
    if (n == 0) return;
    lay_out(0);
    for (int i = 0; i < n; i++) {
      uint64_t number = flow->sent++;
      if (bulk) {
        struct mark mark = {number, number % ASK == ASK - 1};
        memcpy(data[i], &mark, sizeof mark);
        parts[i].iov_len = BULK_BYTES;
      } else {
        memcpy(data[i], QUERY, sizeof QUERY);
        data[i][0] = (uint8_t)(number >> 8);
        data[i][1] = (uint8_t)number;
        parts[i].iov_len = sizeof QUERY;
      }
    }
    send_all(flow->fd, messages, n);
  }
}

static void take(struct flow *flow, const uint8_t *datagram, size_t length) {
  if (!bulk) {
    if (length != sizeof QUERY + sizeof RECORD) DIE("an answer of %zu bytes", length);
    /* Which one it is does not matter: so many places in the window are free again. One that was given up is late. */
    if (flow->done < flow->sent) flow->done++, done++;
    return;
  }
  struct mark mark;
  if (length != sizeof mark) DIE("an answer of %zu bytes", length);
  memcpy(&mark, datagram, sizeof mark);
  if (mark.number >= flow->done && mark.number < flow->sent) flow->done = mark.number + 1;
  if (first_arrived == 0) first_arrived = mark.arrived;
  if (mark.arrived > last_arrived) last_arrived = mark.arrived;
}

static void listen_to(struct flow *flow, int64_t now) {
  lay_out(0);
  int n = recvmmsg(flow->fd, messages, BATCH, MSG_DONTWAIT, NULL);
  if (n < 0 && errno != EAGAIN) DIE("receive");
  for (int i = 0; i < n; i++) take(flow, data[i], messages[i].msg_len);
  if (n > 0) flow->heard = now;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "serve") == 0) serve(endpoint(argv[2], atoi(argv[3])));
  if (argc < 7 || argc - 6 > MAX_FLOWS || atoi(argv[5]) < ASK || atoi(argv[5]) > MAX_WINDOW) {
    fprintf(stderr, "usage: udp serve ADDRESS PORT, or udp dns|bulk ADDRESS PORT SECONDS WINDOW SOURCE...\n");
    return 2;
  }
  bulk = strcmp(argv[1], "bulk") == 0;
  struct sockaddr_storage to = endpoint(argv[2], atoi(argv[3]));
  int64_t duration = (int64_t)(atof(argv[4]) * 1e9);
  window = (uint64_t)atoi(argv[5]);
  n_flows = argc - 6;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int64_t start = now_ns(), now = start;
  for (int i = 0; i < n_flows; i++) {
    flows[i] = (struct flow){.fd = bound(endpoint(argv[6 + i], 0), 0), .heard = start};
    if (connect(flows[i].fd, (struct sockaddr *)&to, sizeof to) < 0) DIE("connect");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &flows[i]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, flows[i].fd, &event) < 0) DIE("epoll_ctl");
    fill(&flows[i]);
  }
  while (now - start < duration) {
    struct epoll_event events[MAX_FLOWS];
    int n = epoll_wait(epoll, events, MAX_FLOWS, PATIENCE_NS / 1000000);
    now = now_ns();
    for (int i = 0; i < n; i++) {
      listen_to(events[i].data.ptr, now);
      fill(events[i].data.ptr);
    }
    for (int i = 0; i < n_flows; i++) {
      if (now - flows[i].heard < PATIENCE_NS) continue;
      lost += flows[i].sent - flows[i].done;
      flows[i].done = flows[i].sent;
      flows[i].heard = now;
      fill(&flows[i]);
    }
  }
  if (bulk) done = last_arrived - first_arrived;
  if (done == 0) {
    fprintf(stderr, "no datagram came through\n");
    return 1;
  }
  printf("{\"datagrams\":%llu,\"lost\":%llu,\"seconds\":%.6f}\n", (unsigned long long)done,
         (unsigned long long)lost, (double)(now - start) / 1e9);
}
