/** A packet in a tunnel: IP in IP (RFC 2003, RFC 2473), told as the packet that it carries. */

import { ETHERTYPE } from '../../wire/ethernet.ts'
import { IP_OFFSET_BITS, PROTO } from '../../wire/ipv4.ts'
import { NEXT } from '../../wire/ipv6.ts'
import { locateIp } from '../../wire/locate.ts'
import { addressesOf } from './located-text.ts'

export interface Tunnelled {
  /** The frame as it were without the header in front, and how long. */
  bytes: Uint8Array
  length: number
  /** `A > B`, of the header in front. */
  outer: string
}

/** null for a frame without a whole header of IP in front of another; `length` counts all of it. */
export function tunnelled(bytes: Uint8Array, length: number): Tunnelled | null {
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found = locateIp(pkt)
  if (found === undefined || (found.fragment & IP_OFFSET_BITS) !== 0) return null
  const { protocol, l3, l4 } = found
  if ((protocol !== PROTO.IPIP && protocol !== NEXT.IPV6) || l4 >= bytes.length) return null
  const { source, destination } = addressesOf(pkt, found)
  const inside = new Uint8Array(l3 + bytes.length - l4)
  inside.set(bytes.subarray(0, l3))
  inside.set(bytes.subarray(l4), l3)
  const type = protocol === PROTO.IPIP ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6
  new DataView(inside.buffer).setUint16(l3 - 2, type)
  return { bytes: inside, length: length - (l4 - l3), outer: `${source} > ${destination}` }
}
