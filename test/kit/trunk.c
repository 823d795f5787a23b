// A switch with a trunk and access ports, for kernels without 8021q: what the trunk's device receives with the tag of an
// access port goes there without it, and what a port brings leaves by the trunk with its tag.
//
//   trunk DEVICE ID=NETNS:TAP...
//
// DEVICE is looked for in the namespace that it is run in; the TAPs are made in theirs. Frames pass whole, as they are
// offloaded: 64 KiB with a partial checksum become neither segments nor complete. Prints `ready`, runs until it is killed.

#define _GNU_SOURCE
#include <err.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PORTS_MAX = 8, MACS = 12, TAG = 4, FRAME_MAX = 66000 };

struct port {
  int id;
  int fd;
};

static int open_tap(const char *netns, const char *name) {
  char path[300];
  int home = open("/proc/self/ns/net", O_RDONLY);
  snprintf(path, sizeof path, "/run/netns/%s", netns);
  int there = open(path, O_RDONLY);
  if (there < 0 || setns(there, CLONE_NEWNET) < 0) err(1, "%s", path);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) err(1, "%s", name);
  if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0) err(1, "offloads of %s", name);
  if (setns(home, CLONE_NEWNET) < 0) err(1, "back home");
  close(there);
  close(home);
  return fd;
}

static int open_trunk(const char *name) {
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
  int on = 1;
  if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) < 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) < 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0)
    err(1, "packet socket");
  struct sockaddr_ll at = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name)};
  if (at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0) err(1, "%s", name);
  return fd;
}

// The kernel takes the tag of what a device receives out of the frame and tells it beside. => its VLAN id, or -1
static int vlan_of(struct msghdr *message) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
    struct tpacket_auxdata *aux = (void *)CMSG_DATA(c);
    return aux->tp_status & TP_STATUS_VLAN_VALID ? aux->tp_vlan_tci & 0xfff : -1;
  }
  return -1;
}

static uint8_t frame[sizeof(struct virtio_net_hdr) + TAG + FRAME_MAX];

static int from_trunk(int trunk, const struct port *ports, int count) {
  char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
  struct iovec whole = {frame, sizeof frame};
  struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t bytes = recvmsg(trunk, &message, 0);
  if (bytes < 0) return 0;
  int id = vlan_of(&message);
  for (int i = 0; i < count; i++)
    if (ports[i].id == id && write(ports[i].fd, frame, (size_t)bytes) < 0 && errno != EIO) err(1, "port %d", id);
  return 1;
}

static int from_port(int trunk, const struct port *port) {
  struct virtio_net_hdr *vnet = (void *)frame;
  uint8_t *eth = frame + sizeof *vnet;
  // Read behind the place of a tag, into which the addresses move.
  struct iovec parts[] = {{vnet, sizeof *vnet}, {eth + TAG, FRAME_MAX}};
  ssize_t bytes = readv(port->fd, parts, 2);
  if (bytes < 0) return 0;
  memmove(eth, eth + TAG, MACS);
  eth[MACS] = 0x81;
  eth[MACS + 1] = 0;
  eth[MACS + 2] = (uint8_t)(port->id >> 8);
  eth[MACS + 3] = (uint8_t)port->id;
  if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) vnet->csum_start += TAG;
  if (vnet->gso_type != VIRTIO_NET_HDR_GSO_NONE) vnet->hdr_len += TAG;
  else vnet->hdr_len = 0;
  // A queue that is full loses it, as a switch would.
  if (send(trunk, frame, (size_t)bytes + TAG, 0) < 0 && errno != ENOBUFS && errno != EAGAIN) warn("trunk");
  return 1;
}

int main(int argc, char **argv) {
  struct port ports[PORTS_MAX];
  struct pollfd polls[PORTS_MAX + 1];
  int count = argc - 2;
  if (count < 1 || count > PORTS_MAX) errx(2, "trunk DEVICE ID=NETNS:TAP...");
  int trunk = open_trunk(argv[1]);
  polls[count] = (struct pollfd){.fd = trunk, .events = POLLIN};
  for (int i = 0; i < count; i++) {
    char *netns = strchr(argv[i + 2], '=');
    char *tap = netns ? strchr(netns, ':') : NULL;
    if (!tap) errx(2, "not ID=NETNS:TAP: %s", argv[i + 2]);
    *netns++ = *tap++ = 0;
    ports[i] = (struct port){.id = atoi(argv[i + 2]), .fd = open_tap(netns, tap)};
    polls[i] = (struct pollfd){.fd = ports[i].fd, .events = POLLIN};
  }
  puts("ready");
  fflush(stdout);
  while (poll(polls, (nfds_t)count + 1, -1) >= 0 || errno == EINTR) {
    for (int i = 0; i < count; i++)
      for (int n = 0; polls[i].revents && n < 64 && from_port(trunk, &ports[i]); n++) {}
    for (int n = 0; polls[count].revents && n < 64 && from_trunk(trunk, ports, count); n++) {}
  }
  err(1, "poll");
}
