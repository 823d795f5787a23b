/* What the two load clients share. Both say their result as one line of JSON, or one line of why not. */
#ifndef CLIENT_H
#define CLIENT_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PING "PING\r\n"
#define PONG "+PONG\r\n"
#define PING_BYTES ((ssize_t)sizeof PING - 1)
#define PONG_BYTES ((ssize_t)sizeof PONG - 1)

#define DIE(...)                            \
  do {                                      \
    fprintf(stderr, __VA_ARGS__);           \
    fprintf(stderr, ": %s\n", strerror(errno)); \
    exit(1);                                \
  } while (0)

/* CLOCK_MONOTONIC in ns */
static inline int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Of either family. The kernel takes the whole of it for one of IPv4, too. */
static inline struct sockaddr_storage endpoint(const char *address, int port) {
  struct sockaddr_storage to = {0};
  struct sockaddr_in *v4 = (struct sockaddr_in *)&to;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to;
  if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
  } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
  } else {
    fprintf(stderr, "%s is no address\n", address);
    exit(2);
  }
  return to;
}

#endif
