/**
 * struct virtio_net_hdr, the 10 bytes in front of every frame of a TAP with IFF_VNET_HDR (virtio 1.2, 5.1.6; the
 * legacy layout, in host byte order, which is little-endian on every machine we build for).
 *
 * A balancer neither splits nor merges segments: a 64 KiB frame read from one arm is written to the other, and
 * these fields tell the kernel there how to cut it up. What has to stay true when we touch the headers:
 * gso_size (payload bytes per segment) never changes; hdr_len grows with the header; csum_start is counted
 * from the frame's start, and since an inserted TCP option moves the frame's start, not the TCP header's distance
 * from it, it does not change either.
 */

export const VNET = {
  FLAGS: 0,
  GSO_TYPE: 1,
  HDR_LEN: 2,
  GSO_SIZE: 4,
  CSUM_START: 6,
  CSUM_OFFSET: 8,
  BYTES: 10,
} as const

export const VNET_FLAG = { NEEDS_CSUM: 1, DATA_VALID: 2 } as const

/** gso_type: UDP_L4 is several datagrams; ECN is a flag beside the others: CWR only on the first segment (RFC 3168 6.1.2). */
export const GSO = { NONE: 0, TCPV4: 1, TCPV6: 4, UDP_L4: 5, ECN: 0x80 } as const

/** A frame of ours: complete checksum, one segment. */
export function clearVnetHdr(pkt: DataView, at: number): void {
  pkt.setInt32(at, 0)
  pkt.setInt32(at + 4, 0)
  pkt.setUint16(at + 8, 0)
}
