/** Frames of neighbour discovery. */

import { icmpv6, ip, ipv6, mac } from './frame.ts'

/** A packet with a neighbour advertisement, or with type 135 a solicitation, of `target`; with these flags, and a MAC if one is given. */
export function advertisement(
  ends: { src: string; dst: string },
  target: string,
  link: string | null,
  flags = 0,
  type = 136,
  hopLimit = 255,
): Uint8Array {
  const option = link === null ? [] : [type === 136 ? 2 : 1, 1, ...mac(link)]
  const body = Uint8Array.from([flags, 0, 0, 0, ...ip(target), ...option])
  return ipv6({ ...ends, next: 58, hopLimit }, icmpv6(ends, type, 0, body))
}
