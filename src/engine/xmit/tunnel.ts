/**
 * A tunnel of IP in IP (RFC 2003): the client's packet goes whole and as it is behind a header of ours to the RS, which has the VIP
 * itself and answers the client past us. TOS and DF are the packet's own, so that who sent it hears of a path that is too narrow.
 */

import { ETH } from '../../wire/ethernet.ts'
import { IP_DF, IPV4, PROTO, writeHeaderChecksum, writeIpv4 } from '../../wire/ipv4.ts'
import { FRAME_HEAD, type Frames } from '../frames.ts'
import { putInFront } from '../icmp-output.ts'

/** Bytes by which a packet grows. */
export const TUNNEL_BYTES = IPV4.HEADER
/** What the length of a packet can say. */
export const IP_MOST = 65_535

/**
 * Puts a header from `source` to `rip` in front of the packet in `slot`, whose checksum is complete. That it came in fragments is still
 * known. => Where its Ethernet header is then
 */
export function wrap(frames: Frames, slot: number, source: number, rip: number): number {
  const { pkt } = frames
  const came = frames.fragment[slot]
  const inner = frames.start[slot] + FRAME_HEAD
  const total = TUNNEL_BYTES + pkt.getUint16(inner + IPV4.TOTAL_LENGTH)
  const ip = putInFront(frames, slot, inner, TUNNEL_BYTES, total)
  frames.fragment[slot] = came
  const df = pkt.getUint16(inner + IPV4.FRAGMENT) & IP_DF
  writeIpv4(pkt, ip, PROTO.IPIP, total, source, rip)
  pkt.setUint8(ip + IPV4.TOS, pkt.getUint8(inner + IPV4.TOS))
  // What is to be cut gets an ID then (RFC 6864), and what is not needs none.
  pkt.setUint16(ip + IPV4.FRAGMENT, df)
  writeHeaderChecksum(pkt, ip, IPV4.HEADER)
  return ip - ETH.HEADER
}
