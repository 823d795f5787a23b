/** What a frame that has come in is, as far as the world has to know. */

import { mayBeFragment6 } from './inside6.ts'

/** Where IP begins in a frame, and what is no IPv4. */
const IP = 24
const [IPV6, VLAN] = [0x86dd, 0x8100]

/** The frame of `length` bytes at `start`. */
export function kindOfFrame(
  pkt: DataView,
  start: number,
  length: number,
): { isIpv6: boolean; isFragment: boolean } {
  // A priority in front of it is taken off.
  const isTagged = length >= IP && pkt.getUint16(start + IP - 2) === VLAN
  const ip = start + IP + (isTagged ? 4 : 0)
  const isIpv6 = length >= ip - start && pkt.getUint16(ip - 2) === IPV6
  const isFragment = isIpv6
    ? length >= 72 && mayBeFragment6(pkt, ip)
    : length >= 32 && (pkt.getUint16(ip + 6) & 0x3fff) !== 0
  return { isIpv6, isFragment }
}
