/** Headers of IPv6 and ICMPv6 as values with names. */

import { ICMPV6, ND } from '../../wire/icmpv6.ts'
import { ipv6TextAt } from '../../wire/ip-address.ts'
import { IP_MORE, IP_OFFSET_BITS } from '../../wire/ipv4.ts'
import { FRAGMENT6, IPV6, NEXT } from '../../wire/ipv6.ts'
import { extensionBytes, Located } from '../../wire/locate.ts'
import type { Icmpv6Header, IpHeader } from './packet-types.ts'

/** null if it is not whole. */
export function ipv6HeaderAt(view: DataView, at: number): IpHeader | null {
  const found = new Located()
  if (!found.readIpv6(view, at, view.byteLength)) return null
  const first = view.getInt32(at)
  const { l4, protocol, fragment, version } = found
  const { extensions, id } = extensionsOf(view, at, l4)
  return {
    version,
    header: l4 - at,
    total: found.end - at,
    tos: (first >>> 20) & 0xff,
    id,
    df: false,
    more: (fragment & IP_MORE) !== 0,
    offset: (fragment & IP_OFFSET_BITS) * 8,
    ttl: view.getUint8(at + IPV6.HOP_LIMIT),
    protocol,
    checksum: 0,
    src: ipv6TextAt(view, at + IPV6.SRC),
    dst: ipv6TextAt(view, at + IPV6.DST),
    extensions,
  }
}

/** What was read over up to `end`, and the ID of a fragment. */
function extensionsOf(view: DataView, ip: number, end: number) {
  const extensions: number[] = []
  let id = 0
  let next = view.getUint8(ip + IPV6.NEXT)
  for (let at = ip + IPV6.HEADER; at < end; ) {
    extensions.push(next)
    if (next === NEXT.FRAGMENT) id = view.getUint32(at + FRAGMENT6.ID)
    const bytes = extensionBytes(view, at, next)
    next = view.getUint8(at)
    at += bytes
  }
  return { extensions, id }
}

/** `at` has a whole ICMP header. */
export function icmpv6At(view: DataView, at: number): Icmpv6Header {
  const address = (from: number) => (from + 16 <= view.byteLength ? ipv6TextAt(view, from) : null)
  return {
    type: view.getUint8(at + ICMPV6.TYPE),
    code: view.getUint8(at + ICMPV6.CODE),
    checksum: view.getUint16(at + ICMPV6.CHECKSUM),
    id: view.getUint16(at + ICMPV6.ID),
    sequence: view.getUint16(at + ICMPV6.SEQUENCE),
    rest: view.getInt32(at + ICMPV6.ID),
    quoted: null,
    target: address(at + ND.TARGET),
    destination: address(at + ND.OPTIONS),
  }
}
