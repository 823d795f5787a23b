/** What translation does to the IP header, whatever is inside: addresses, and the TTL if the config says so. */

import { adjust, adjusted, diff16 } from '../../wire/checksum.ts'
import { IPV4 } from '../../wire/ipv4.ts'
import type { Arm } from '../arm.ts'
import { Drop } from '../counters.ts'
import type { Parsed } from '../parsed.ts'

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { TTL: IP_TTL, CHECKSUM: IP_CHECKSUM, SRC: IP_SRC, DST: IP_DST } = IPV4

/** => Minus the reason why the packet cannot leave on `arm`, or 0. */
export function unfit(p: Parsed, arm: Arm, decrementsTtl: boolean): number {
  if (p.largest > arm.mtu) return -Drop.IP_TOO_BIG
  return decrementsTtl && p.ttl <= 1 ? -Drop.IP_TTL : 0
}

/** Gives the header at `ip` other ends; `difference` is that of the addresses. */
export function readdress(
  pkt: DataView,
  ip: number,
  src: number,
  dst: number,
  difference: number,
): void {
  const sum = adjusted(pkt.getUint16(ip + IP_CHECKSUM), difference)
  pkt.setUint16(ip + IP_CHECKSUM, sum)
  pkt.setInt32(ip + IP_SRC, src)
  pkt.setInt32(ip + IP_DST, dst)
}

export function decrementTtl(pkt: DataView, ip: number): void {
  const ttl = pkt.getUint16(ip + IP_TTL)
  pkt.setUint16(ip + IP_TTL, ttl - 0x100)
  adjust(pkt, ip + IP_CHECKSUM, diff16(ttl, ttl - 0x100))
}
