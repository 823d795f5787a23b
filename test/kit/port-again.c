/* A client that uses one port for one connection after the other, each to the same address, with first sequence numbers
 * of its choice, and that can forget a connection without a word (TCP_REPAIR). Says of each how long connect() took.
 *
 *   port-again ADDRESS PORT OWN_ADDRESS OWN_PORT NUMBER:END...      => NUMBER MILLISECONDS SYNS_IN_VAIN ANSWER
 *   port-again serve ADDRESS PORT                                   accepts, and neither reads nor closes
 *
 * END: quit    asks for `name`, reads to the end and closes
 *      forget  the same, but the last FIN is never sent
 *      half    closes its half, waits for the ACK of that and forgets
 *      reset   closes with an RST */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIN_WAIT_2 5
#define LIMIT_S 10

static void need(int ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "port-again: %s: %s\n", what, strerror(errno));
  exit(1);
}

static struct sockaddr_in end_of(const char *address, const char *port) {
  struct sockaddr_in end = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  need(inet_pton(AF_INET, address, &end.sin_addr) == 1, address);
  return end;
}

static void set(int s, int level, int option, int value) {
  need(setsockopt(s, level, option, &value, sizeof value) == 0, "setsockopt");
}

static void forget(int s) {
  set(s, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
}

static struct tcp_info state_of(int s) {
  struct tcp_info info;
  socklen_t bytes = sizeof info;
  need(getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &bytes) == 0, "TCP_INFO");
  return info;
}

static void wait_for_ack(int s) {
  for (int i = 0; i < LIMIT_S * 1000; i++) {
    if (state_of(s).tcpi_state == FIN_WAIT_2) return;
    usleep(1000);
  }
  errno = ETIMEDOUT;
  need(0, "no ACK of the FIN");
}

/* The value of `name`, behind the line with its length. */
static void ask(int s, char *answer, size_t room) {
  static const char question[] = "GET name\r\nQUIT\r\n";
  char text[256] = "";
  size_t got = 0;
  need(write(s, question, sizeof question - 1) > 0, "write");
  for (ssize_t more; (more = read(s, text + got, sizeof text - 1 - got)) > 0;) got += (size_t)more;
  char *value = strstr(text, "\r\n");
  if (value != NULL) snprintf(answer, room, "%.*s", (int)strcspn(value + 2, "\r\n"), value + 2);
}

/* A socket on the own port whose SYN will have this number. */
static int begin(const struct sockaddr_in *from, uint32_t number) {
  struct timeval limit = {.tv_sec = LIMIT_S};
  int s = socket(AF_INET, SOCK_STREAM, 0);
  need(s >= 0, "socket");
  need(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0, "SO_SNDTIMEO");
  need(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0, "SO_RCVTIMEO");
  set(s, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
  set(s, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
  set(s, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)number);
  set(s, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF);
  set(s, SOL_SOCKET, SO_REUSEADDR, 1); /* the end of the repair has taken it back */
  need(bind(s, (const struct sockaddr *)from, sizeof *from) == 0, "bind");
  return s;
}

static void one(const struct sockaddr_in *to, const struct sockaddr_in *from, const char *step) {
  char *how;
  uint32_t number = (uint32_t)strtoul(step, &how, 10);
  struct timespec a, b;
  char answer[64] = "-";
  int s, refused;
  for (int tries = 0;; tries++) {
    s = begin(from, number);
    clock_gettime(CLOCK_MONOTONIC, &a);
    refused = connect(s, (const struct sockaddr *)to, sizeof *to);
    clock_gettime(CLOCK_MONOTONIC, &b);
    /* Until the ACK of its last FIN has come, the one before is still there. */
    if (!refused || errno != EADDRNOTAVAIL || tries == LIMIT_S * 1000) break;
    close(s);
    usleep(1000);
  }
  uint32_t in_vain = state_of(s).tcpi_total_retrans;
  if (refused) snprintf(answer, sizeof answer, "%s", strerrorname_np(errno));
  else if (strcmp(how, ":quit") == 0) ask(s, answer, sizeof answer);
  else if (strcmp(how, ":forget") == 0) ask(s, answer, sizeof answer), forget(s);
  else if (strcmp(how, ":half") == 0) shutdown(s, SHUT_WR), wait_for_ack(s), forget(s);
  else {
    struct linger at_once = {.l_onoff = 1};
    setsockopt(s, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  close(s);
  double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
  printf("%u %.1f %u %s\n", number, ms, in_vain, answer);
  fflush(stdout);
}

static void serve(const struct sockaddr_in *at) {
  int s = socket(AF_INET, SOCK_STREAM, 0);
  set(s, SOL_SOCKET, SO_REUSEADDR, 1);
  need(bind(s, (const struct sockaddr *)at, sizeof *at) == 0, "bind");
  need(listen(s, 100) == 0, "listen");
  puts("serves");
  fflush(stdout);
  while (accept(s, NULL, NULL) >= 0);
}

int main(int count, char **words) {
  if (count == 4 && strcmp(words[1], "serve") == 0) {
    struct sockaddr_in at = end_of(words[2], words[3]);
    serve(&at);
    return 0;
  }
  if (count < 6) return 2;
  struct sockaddr_in to = end_of(words[1], words[2]);
  struct sockaddr_in from = end_of(words[3], words[4]);
  for (int i = 5; i < count; i++) one(&to, &from, words[i]);
  return 0;
}
