/** What is asked of and done to a packet whatever is inside: does it fit, the TTL if the config says so, and room for an option. */

import { adjust, diff16 } from '../../wire/checksum.ts'
import { IP_DF, IPV4 } from '../../wire/ipv4.ts'
import { IPV6 as HEADER6 } from '../../wire/ipv6.ts'
import { VNET } from '../../wire/vnet-hdr.ts'
import { KEY, PROTOCOL_BITS } from '../conn-layout.ts'
import { Drop } from '../counters.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { FRAGMENT, TTL: IP_TTL, CHECKSUM: IP_CHECKSUM } = IPV4
const { TCP: KEY_TCP, IPV6 } = KEY
const { HOP_LIMIT } = HEADER6
const DF = IP_DF

/**
 * => Minus the reason why the packet cannot leave where `mtu` bytes do, or 0. `came` is as Frames.fragment. What is too large may leave in
 * fragments (fragmentation.ts), with DF only in such as it came in.
 */
export function unfit(
  pkt: DataView,
  p: Parsed,
  came: number,
  mtu: number,
  decrementsTtl: boolean,
): number {
  if (p.largest > mtu && (came === 0 || came > mtu)) {
    // Datagrams in one frame are not a stream: each of them would have to be cut up by itself.
    const isWhole = p.gsoSize !== 0 && (p.key & PROTOCOL_BITS) !== KEY_TCP
    // Over IPv6 only who sends a packet cuts it up (RFC 8200 5).
    if (isWhole || p.key >= IPV6 || (pkt.getUint16(p.ip + FRAGMENT) & DF) !== 0)
      return -Drop.IP_TOO_BIG
  }
  return decrementsTtl && p.ttl <= 1 ? -Drop.IP_TTL : 0
}

/**
 * Moves all that is in front of `end` by `by` bytes (a multiple of 4) towards the headroom; what is behind stays where it is. With
 * a negative `by` it moves towards the payload, over what has become free there. p follows, but no length in the packet does.
 */
export function moveHeaders(
  frames: Frames,
  slot: number,
  p: Parsed,
  end: number,
  by: number,
): void {
  const { pkt } = frames
  const from = frames.start[slot]
  // All headers together are whole words, and so is what they move by.
  if (by >= 0) for (let at = from; at < end; at += 4) pkt.setInt32(at - by, pkt.getInt32(at))
  else for (let at = end - 4; at >= from; at -= 4) pkt.setInt32(at - by, pkt.getInt32(at))
  frames.start[slot] = from - by
  frames.length[slot] += by
  p.eth -= by
  p.ip -= by
  p.l4 -= by
}

export function decrementTtl(pkt: DataView, ip: number): void {
  const ttl = pkt.getUint16(ip + IP_TTL)
  pkt.setUint16(ip + IP_TTL, ttl - 0x100)
  adjust(pkt, ip + IP_CHECKSUM, diff16(ttl, ttl - 0x100))
}

/** The same of a packet over IPv6. */
export function decrementHops(pkt: DataView, { ip, ttl }: Pick<Parsed, 'ip' | 'ttl'>): void {
  pkt.setUint8(ip + HOP_LIMIT, ttl - 1)
}

/** The length of the headers of a frame to be segmented is ours to keep true. */
export function settleHdrLen(pkt: DataView, p: Parsed): void {
  pkt.setUint16(p.eth - VNET.BYTES + VNET.HDR_LEN, p.l4 - p.eth + p.l4Header, true)
}
