/** ICMP to the appliance: echo is answered for addresses of the receiving arm, the rest has names and counters. */

import { ICMP, ICMP_TYPE, isIcmpIntact, isTranslated, writeIcmpChecksum } from '../wire/icmp.ts'
import { IP_DF, IPV4, writeHeaderChecksum } from '../wire/ipv4.ts'
import { clearVnetHdr } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { type Counters, Drop, Event } from './counters.ts'
import { Family } from './family.ts'
import type { Frames } from './frames.ts'
import type { Parsed } from './parsed.ts'
import { swapMacs } from './rst.ts'

/**
 * Turns an echo request into its reply, in place: source is the pinged address, TTL 64, TOS kept, ID 0 with DF as RFC
 * 6864 allows for a datagram that is never fragmented. One that came in fragments leaves in some, and with the ID of the
 * request: no other datagram between the two has it, as long as the asker keeps to the rules. Goes back to the MAC it came from, so a ping needs no route.
 * => The arm, or minus a drop reason.
 */
export function icmpInput(
  frames: Frames,
  slot: number,
  p: Parsed,
  arm: Arm,
  counters: Counters,
): number {
  const { pkt } = frames
  const bytes = p.ipTotal - p.ipHeader
  const { saddr: asker, daddr: asked } = p
  if (!arm.owns(Family.IPV4, asked)) return -Drop.ICMP_NOT_OURS
  if (bytes < ICMP.HEADER) return -Drop.ICMP_HEADER
  // Verified before it is replaced: answering a corrupt request with a good checksum would launder it.
  if (!isIcmpIntact(pkt, p.l4, bytes)) return -Drop.ICMP_CHECKSUM
  const type = pkt.getUint8(p.l4 + ICMP.TYPE)
  if (type !== ICMP_TYPE.ECHO) return isTranslated(type) ? -Drop.ICMP_QUOTE : -Drop.ICMP_TYPE
  swapMacs(pkt, p.eth)
  pkt.setInt32(p.ip + IPV4.SRC, asked)
  pkt.setInt32(p.ip + IPV4.DST, asker)
  const isWhole = frames.fragment[slot] === 0 && p.ipTotal <= arm.mtu
  if (isWhole) pkt.setUint16(p.ip + IPV4.ID, 0)
  pkt.setUint16(p.ip + IPV4.FRAGMENT, isWhole ? IP_DF : 0)
  pkt.setUint8(p.ip + IPV4.TTL, 64)
  writeHeaderChecksum(pkt, p.ip, p.ipHeader)
  pkt.setUint8(p.l4 + ICMP.TYPE, ICMP_TYPE.ECHO_REPLY)
  writeIcmpChecksum(pkt, p.l4, bytes)
  clearVnetHdr(pkt, frames.start[slot])
  counters.count(Event.ICMP_ECHO_REPLIES)
  return arm.index
}
