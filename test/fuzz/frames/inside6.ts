/** Where a packet of IPv6 has what is behind its extension headers, by code of the tests' own. */

const IP_HEADER = 40

/** What is behind the extension headers of the packet at `ip`, of which there are `bytes`: its number and where it begins; -1 for a fragment, or what is not whole. */
export function inside6(pkt: DataView, ip: number, bytes: number): { next: number; at: number } {
  let next = pkt.getUint8(ip + 6)
  let at = ip + IP_HEADER
  while ([0, 43, 60].includes(next) && at + 8 <= ip + bytes) {
    next = pkt.getUint8(at)
    at += 8 * (1 + pkt.getUint8(at + 1))
  }
  return next === 44 || at > ip + bytes ? { next: -1, at } : { next, at }
}

/** The header of a fragment is somewhere among its extension headers. */
export function mayBeFragment6(pkt: DataView, ip: number): boolean {
  return pkt.getUint8(ip + 6) === 44 || [0, 43, 60].includes(pkt.getUint8(ip + 6))
}
