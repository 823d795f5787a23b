/* Opens many connections that nobody holds: a SYN and an ACK each, from as many clients as it takes,
 * written to a device as they are. Paced, for a TAP throws away what its reader is too slow for.
 *
 *   open-many DEVICE DESTINATION_MAC VIP PORT COUNT PER_SECOND */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define PORTS 50000 /* of each client, from 1024 on */
#define FIRST_CLIENT 0x0b000000u

struct frame {
  struct ether_header eth;
  struct iphdr ip;
  struct tcphdr tcp;
} __attribute__((packed));

/* RFC 1071, of an even number of bytes; `sum` is what was added before. */
static uint16_t checksum(const void *bytes, size_t count, uint32_t sum) {
  uint16_t words[16];
  memcpy(words, bytes, count);
  for (size_t i = 0; i < count / 2; i++) sum += words[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

/* Of the pseudo header: both addresses, the protocol and the length of a bare TCP header. */
static uint32_t pseudo(const struct iphdr *ip) {
  return (ip->saddr >> 16) + (ip->saddr & 0xffff) + (ip->daddr >> 16) + (ip->daddr & 0xffff) +
         htons(IPPROTO_TCP) + htons(sizeof(struct tcphdr));
}

static void fill(struct frame *frame, uint32_t conn, int is_ack) {
  frame->ip.saddr = htonl(FIRST_CLIENT + 1 + conn / PORTS);
  frame->ip.check = 0;
  frame->ip.check = checksum((char *)frame + offsetof(struct frame, ip), sizeof frame->ip, 0);
  frame->tcp.source = htons((uint16_t)(1024 + conn % PORTS));
  frame->tcp.seq = htonl(1000 + (uint32_t)is_ack);
  frame->tcp.syn = !is_ack;
  frame->tcp.ack = (uint16_t)is_ack;
  struct iphdr ip = frame->ip;
  frame->tcp.check = 0;
  frame->tcp.check =
      checksum((char *)frame + offsetof(struct frame, tcp), sizeof frame->tcp, pseudo(&ip));
}

int main(int argc, char **argv) {
  if (argc != 7) {
    fprintf(stderr, "usage: open-many DEVICE DESTINATION_MAC VIP PORT COUNT PER_SECOND\n");
    return 2;
  }
  static struct frame frames[BATCH];
  struct frame model = {.eth.ether_type = htons(ETHERTYPE_IP)};
  unsigned mac[6];
  if (sscanf(argv[2], "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
    return 2;
  for (int i = 0; i < 6; i++) model.eth.ether_dhost[i] = (uint8_t)mac[i];
  model.eth.ether_shost[0] = 2;
  model.eth.ether_shost[5] = 1;
  model.ip.version = 4;
  model.ip.ihl = 5;
  model.ip.ttl = 64;
  model.ip.protocol = IPPROTO_TCP;
  model.ip.tot_len = htons(40);
  model.ip.daddr = inet_addr(argv[3]);
  model.tcp.dest = htons((uint16_t)atoi(argv[4]));
  model.tcp.doff = 5;
  model.tcp.window = htons(1000);
  for (int i = 0; i < BATCH; i++) frames[i] = model;

  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) < 0) {
    perror(argv[1]);
    return 1;
  }
  struct iovec pieces[BATCH];
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    pieces[i] = (struct iovec){&frames[i], sizeof frames[i]};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  uint32_t count = (uint32_t)atol(argv[5]);
  struct timespec next, gap = {0, (long)(1e9 * BATCH / atof(argv[6]))};
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (uint32_t sent = 0; sent < count * 2;) {
    int batch = 0;
    for (; batch < BATCH && sent < count * 2; batch++, sent++)
      fill(&frames[batch], sent / 2, sent & 1);
    for (int done = 0; done < batch;) {
      int n = sendmmsg(fd, messages + done, (unsigned)(batch - done), 0);
      done += n > 0 ? n : 1; /* refused: lost, and the count of connections will tell */
    }
    next.tv_nsec += gap.tv_nsec;
    if (next.tv_nsec >= 1000000000) next.tv_nsec -= 1000000000, next.tv_sec++;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  return 0;
}
