/* The limit: what a user-space balancer between two TAPs could reach if it did nothing at all.
 *
 *   limit NETNS-A TAP-A NETNS-B TAP-B
 *
 * Moves frames between the two TAPs unchanged, so the two namespaces have to share one subnet. The
 * TAPs are opened as the balancer opens them (src/io/native/tap.c): same flags, same virtio-net
 * header, same offloads; one queue each. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define VNET_HDR_BYTES 10
#define FRAME_BYTES (65536 + 256) /* a segment of 64 KiB with its headers */
#define BURST 64                  /* frames from one side before the other gets its turn */
#define OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

static void die(const char *step, const char *name) {
  fprintf(stderr, "limit: %s %s: %s\n", step, name, strerror(errno));
  exit(1);
}

/* => a non-blocking queue of a TAP that is there already; this process is then in its namespace */
static int open_tap(const char *netns, const char *name) {
  int ns = open(netns, O_RDONLY | O_CLOEXEC);
  if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) die("enter", netns);
  close(ns);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) die("open", "/dev/net/tun");

  struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE};
  strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
  int header_bytes = VNET_HDR_BYTES;
  if (ioctl(fd, TUNSETIFF, &ifr) < 0) die("TUNSETIFF", name);
  if (ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) < 0) die("TUNSETVNETHDRSZ", name);
  if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)OFFLOADS) < 0) die("TUNSETOFFLOAD", name);
  return fd;
}

/* Moves frames until there are none or the other side's turn has come. What the other side does not
 * take is lost, as on a full wire. */
static void move(int from, int to) {
  static char frame[FRAME_BYTES];
  for (int n = 0; n < BURST; n++) {
    ssize_t length = read(from, frame, sizeof frame);
    if (length < 0) {
      if (errno != EAGAIN && errno != EINTR) die("read", "TAP");
      return;
    }
    if (write(to, frame, (size_t)length) < 0 && errno == EBADFD) die("write", "TAP");
  }
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: limit NETNS-A TAP-A NETNS-B TAP-B\n");
    return 2;
  }
  struct pollfd taps[2] = {{.events = POLLIN}, {.events = POLLIN}};
  for (int i = 0; i < 2; i++) taps[i].fd = open_tap(argv[1 + 2 * i], argv[2 + 2 * i]);
  for (;;) {
    if (poll(taps, 2, -1) < 0 && errno != EINTR) die("poll", "TAPs");
    for (int i = 0; i < 2; i++) {
      if (taps[i].revents) move(taps[i].fd, taps[!i].fd);
    }
  }
}
