/* Sends frames that no kernel would: segments of made-up senders, at a rate, for some time.
 *
 *   flood IFACE TO_MAC FROM TO PORT FLAGS RATE SECONDS      => frames sent
 *
 * FROM  an address, or `any` for another one of 11.0.0.0/8 with each
 * PORT  the receiver's; with FROM an address the sender's port counts up from 32768 to 60999 and begins anew. PORT:FIRST-LAST
 *       is the other way round: the sender's port is PORT, and the receiver's counts up
 * FLAGS letters of tcpdump: S, R, F, . (ACK), or - for none; `frag` for first fragments of datagrams that never become whole, each
 *       another; `arp` for claims that FROM has another MAC each time, to everybody (TO and PORT mean nothing then)
 *
 * It shares two cores with what it floods, so a frame costs it little: templates, of which only what differs is written, 64 a system
 * call, no queueing discipline, and sleep in between. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST 64
#define FRAME 60
/* Seconds. */
#define LATE 0.004

enum kind { SEGMENT, FRAGMENT, ARP };

static uint32_t state = 2463534242u;
static uint32_t any(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static void need(int ok, const char *what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

static uint32_t sum(const uint8_t *bytes, int count) {
  uint32_t total = 0;
  for (int i = 0; i < count; i += 2) total += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
  return total;
}

static uint16_t fold(uint32_t total) {
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return (uint16_t)~total;
}

static int flags_of(const char *letters) {
  int flags = 0;
  for (; *letters; letters++)
    flags |= *letters == 'S' ? 2 : *letters == 'R' ? 4 : *letters == 'F' ? 1 : *letters == '.' ? 16 : 0;
  return flags;
}

/* What all frames have alike. */
static void template(uint8_t *frame, const unsigned *to, const uint8_t *from, enum kind kind, int flags) {
  uint8_t *ip = frame + 14, *tcp = ip + 20;
  for (int k = 0; k < 6; k++) frame[k] = kind == ARP ? 0xff : (uint8_t)to[k];
  memcpy(frame + 6, from, 6);
  put16(frame + 12, kind == ARP ? 0x0806 : 0x0800);
  if (kind == ARP) {
    static const uint8_t request[8] = {0, 1, 8, 0, 6, 4, 0, 1};
    memcpy(frame + 14, request, 8);
    frame[6] = 2;
    frame[7] = 0;
    return;
  }
  ip[0] = 0x45;
  put16(ip + 2, kind == FRAGMENT ? 44 : 40);
  put16(ip + 6, kind == FRAGMENT ? 0x2000 : 0);
  ip[8] = 64;
  ip[9] = 6;
  tcp[12] = 5 << 4;
  tcp[13] = (uint8_t)flags;
  put16(tcp + 14, 29200);
}

int main(int argc, char **argv) {
  if (argc != 9) return 2;
  uint8_t frames[BURST][FRAME] = {0};
  unsigned mac[6];
  need(sscanf(argv[2], "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) == 6,
       "MAC");
  int s = socket(AF_PACKET, SOCK_RAW, 0);
  need(s >= 0, "socket");
  const int on = 1;
  need(setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) == 0, "PACKET_QDISC_BYPASS");
  struct ifreq device = {0};
  strncpy(device.ifr_name, argv[1], IFNAMSIZ - 1);
  need(ioctl(s, SIOCGIFHWADDR, &device) == 0, argv[1]);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1]), .sll_halen = 6};
  const int is_any = strcmp(argv[3], "any") == 0;
  const uint32_t from = is_any ? 0 : ntohl(inet_addr(argv[3]));
  const uint32_t target = ntohl(inet_addr(argv[4]));
  unsigned port = 0, first = 32768, last = 60999;
  const int is_outward = sscanf(argv[5], "%u:%u-%u", &port, &first, &last) == 3;
  const enum kind kind = strcmp(argv[6], "arp") == 0 ? ARP : strcmp(argv[6], "frag") == 0 ? FRAGMENT : SEGMENT;
  const int flags = kind == SEGMENT ? flags_of(argv[6]) : 16;
  const unsigned own = (unsigned)atoi(argv[5]);
  const double rate = atof(argv[7]), seconds = atof(argv[8]);
  for (int i = 0; i < 6; i++) to.sll_addr[i] = (uint8_t)mac[i];
  struct mmsghdr messages[BURST] = {0};
  struct iovec parts[BURST];
  for (int i = 0; i < BURST; i++) {
    parts[i] = (struct iovec){frames[i], FRAME};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = parts + i, .msg_iovlen = 1, .msg_name = &to, .msg_namelen = sizeof to};
  }
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const double begin = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
  state ^= (uint32_t)now.tv_nsec;
  long sent = 0, forgone = 0;
  unsigned next = first;
  for (int i = 0; i < BURST; i++) template(frames[i], mac, (uint8_t *)device.ifr_hwaddr.sa_data, kind, flags);
  for (;;) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double passed = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - begin;
    if (passed >= seconds) break;
    double owed = passed * rate - (double)(sent + forgone);
    /* Whoever was kept from sending does not make up for it in one burst, which a network would not bring either. */
    if (owed > rate * LATE) {
      forgone += (long)(owed - rate * LATE);
      owed = rate * LATE;
    }
    if (owed < 1) {
      usleep(300);
      continue;
    }
    const int many = owed < BURST ? (int)owed : BURST;
    for (int i = 0; i < many; i++) {
      uint8_t *ip = frames[i] + 14, *tcp = ip + 20;
      if (kind == ARP) {
        put32(frames[i] + 8, any());
        memcpy(frames[i] + 22, frames[i] + 6, 6);
        put32(frames[i] + 28, from);
        put32(frames[i] + 38, from);
        continue;
      }
      put32(ip + 12, is_any ? 11u << 24 | (any() >> 8) : from);
      put32(ip + 16, target);
      if (kind == FRAGMENT) put16(ip + 4, any());
      put16(ip + 10, 0);
      put16(ip + 10, fold(sum(ip, 20)));
      const unsigned counted = is_any ? 1024 + any() % 60000 : next;
      put16(tcp, is_outward ? port : counted);
      put16(tcp + 2, is_outward ? counted : own);
      if (++next > last) next = first;
      put32(tcp + 4, any());
      put32(tcp + 8, flags & 16 ? any() : 0);
      put16(tcp + 16, 0);
      put16(tcp + 16, fold(sum(ip + 12, 8) + 6 + 20 + sum(tcp, 20)));
      /* Every fourth one is spoilt, but for SYNs. */
      if (flags != 2 && i % 4 == 3) tcp[17] ^= 0x5a;
    }
    const int count = sendmmsg(s, messages, (unsigned)many, 0);
    if (count > 0) sent += count;
    else usleep(200);
  }
  printf("%ld\n", sent);
  return 0;
}
