/** What is asked of and done to an IP header whatever is inside: does it fit, and the TTL if the config says so. */

import { adjust, diff16 } from '../../wire/checksum.ts'
import { IP_DF, IPV4 } from '../../wire/ipv4.ts'
import type { Arm } from '../arm.ts'
import { KEY } from '../conn-layout.ts'
import { Drop } from '../counters.ts'
import type { Parsed } from '../parsed.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { FRAGMENT, TTL: IP_TTL, CHECKSUM: IP_CHECKSUM } = IPV4
const { TCP: KEY_TCP } = KEY
const DF = IP_DF

/**
 * => Minus the reason why the packet cannot leave on `arm`, or 0. `came` is as Frames.fragment. What is too large may leave in
 * fragments (fragmentation.ts), with DF only in such as it came in.
 */
export function unfit(
  pkt: DataView,
  p: Parsed,
  came: number,
  arm: Arm,
  decrementsTtl: boolean,
): number {
  if (p.largest > arm.mtu && (came === 0 || came > arm.mtu)) {
    // Datagrams in one frame are not a stream: each of them would have to be cut up by itself.
    const isWhole = p.gsoSize !== 0 && p.key !== KEY_TCP
    if (isWhole || (pkt.getUint16(p.ip + FRAGMENT) & DF) !== 0) return -Drop.IP_TOO_BIG
  }
  return decrementsTtl && p.ttl <= 1 ? -Drop.IP_TTL : 0
}

export function decrementTtl(pkt: DataView, ip: number): void {
  const ttl = pkt.getUint16(ip + IP_TTL)
  pkt.setUint16(ip + IP_TTL, ttl - 0x100)
  adjust(pkt, ip + IP_CHECKSUM, diff16(ttl, ttl - 0x100))
}
