/**
 * A packet's headers as values with names, of a frame or of what an ICMP error quotes. What was cut off is null, and what stands
 * before it is still there.
 */

import { ipv4Text } from '../../wire/address.ts'
import { ICMP, isIcmpError } from '../../wire/icmp.ts'
import { isIcmpv6Error } from '../../wire/icmpv6.ts'
import { IP_DF, IP_MORE, IP_OFFSET_BITS, IPV4, PROTO } from '../../wire/ipv4.ts'
import { NEXT } from '../../wire/ipv6.ts'
import { TCP } from '../../wire/tcp.ts'
import { UDP } from '../../wire/udp.ts'
import { UOA } from '../../wire/uoa.ts'
import { icmpv6At, ipv6HeaderAt } from './ipv6-values.ts'
import type { IcmpHeader, IpHeader, IpValues, TcpHeader } from './packet-types.ts'
import { uoaOption } from './uoa-values.ts'

/** The packet that begins at `at`; null without a whole header of that version. `bytes` are those of the view. */
export function ipValues(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  version: 4 | 6 = 4,
): IpValues | null {
  return valuesAt(view, bytes, at, { version, quotes: true })
}

/** What is read, and whether what it quotes is read too: what an error quotes is no error (RFC 1122 3.2.2, RFC 4443 2.4), or is not read as one. */
interface How {
  version: 4 | 6
  quotes: boolean
}

function valuesAt(view: DataView, bytes: Uint8Array, at: number, how: How): IpValues | null {
  const ip = how.version === 6 ? ipv6HeaderAt(view, at) : ipAt(view, at)
  if (ip === null) return null
  const found: IpValues = {
    ip,
    l3: at,
    l4: at + ip.header,
    protocol: ip.protocol,
    uoa: null,
    tcp: null,
    udp: null,
    icmp: null,
    icmpv6: null,
    ports: null,
    seq: null,
  }
  if (ip.header < IPV4.HEADER) return found
  if (ip.version === 4)
    found.uoa = uoaOption(view, at + IPV4.HEADER, Math.min(found.l4, bytes.length))
  if (ip.offset > 0) return found
  if (ip.protocol === UOA.PROTOCOL) passUoaHeader(found, view)
  addInside(found, view, bytes, { at, ...how })
  return found
}

function addInside(
  found: IpValues,
  view: DataView,
  bytes: Uint8Array,
  { at, version, quotes }: How & { at: number },
): void {
  const { ip, l4, protocol } = found
  const room = bytes.length - l4
  const length = ip.total - (l4 - at)
  const quoted = (isError: boolean) =>
    quotes && isError ? valuesAt(view, bytes, l4 + ICMP.HEADER, { version, quotes: false }) : null
  if ((protocol === PROTO.TCP || protocol === PROTO.UDP) && room >= 4)
    found.ports = { sport: view.getUint16(l4), dport: view.getUint16(l4 + 2) }
  if (protocol === PROTO.TCP && room >= TCP.SEQ + 4) found.seq = view.getUint32(l4 + TCP.SEQ)
  if (protocol === PROTO.TCP && room >= TCP.HEADER) found.tcp = tcpAt(view, bytes, l4, length)
  else if (version === 4 && protocol === PROTO.ICMP && room >= ICMP.HEADER) {
    found.icmp = icmpAt(view, l4)
    found.icmp.quoted = quoted(isIcmpError(found.icmp.type))
  } else if (version === 6 && protocol === NEXT.ICMPV6 && room >= ICMP.HEADER) {
    found.icmpv6 = icmpv6At(view, l4)
    found.icmpv6.quoted = quoted(isIcmpv6Error(found.icmpv6.type))
  } else if (protocol === PROTO.UDP && found.ports !== null) {
    const whole = room >= UDP.HEADER
    found.udp = {
      ...found.ports,
      length: whole ? view.getUint16(l4 + UDP.LENGTH) : null,
      checksum: whole ? view.getUint16(l4 + UDP.CHECKSUM) : null,
    }
  }
}

/** Reads over a UOA header; one that is cut off, or that nobody would read on, stays what the packet has. */
function passUoaHeader(found: IpValues, view: DataView): void {
  const { l4 } = found
  if (view.byteLength < l4 + UOA.HEADER) return
  const bytes = view.getUint16(l4 + UOA.LENGTH)
  if (bytes < UOA.HEADER || view.byteLength < l4 + bytes) return
  const uoa = uoaOption(view, l4 + UOA.HEADER, l4 + bytes)
  found.uoa = uoa && { ...uoa, place: 'header' }
  found.protocol = view.getUint8(l4 + UOA.NEXT)
  found.l4 = l4 + bytes
}

function ipAt(view: DataView, at: number): IpHeader | null {
  if (at + IPV4.HEADER > view.byteLength) return null
  const first = view.getUint8(at)
  const fragment = view.getUint16(at + IPV4.FRAGMENT)
  return {
    version: first >>> 4,
    header: (first & 15) * 4,
    total: view.getUint16(at + IPV4.TOTAL_LENGTH),
    tos: view.getUint8(at + IPV4.TOS),
    id: view.getUint16(at + IPV4.ID),
    df: (fragment & IP_DF) !== 0,
    more: (fragment & IP_MORE) !== 0,
    offset: (fragment & IP_OFFSET_BITS) * 8,
    ttl: view.getUint8(at + IPV4.TTL),
    protocol: view.getUint8(at + IPV4.PROTOCOL),
    checksum: view.getUint16(at + IPV4.CHECKSUM),
    src: ipv4Text(view.getInt32(at + IPV4.SRC)),
    dst: ipv4Text(view.getInt32(at + IPV4.DST)),
    extensions: [],
  }
}

function icmpAt(view: DataView, at: number): IcmpHeader {
  return {
    type: view.getUint8(at + ICMP.TYPE),
    code: view.getUint8(at + ICMP.CODE),
    checksum: view.getUint16(at + ICMP.CHECKSUM),
    id: view.getUint16(at + ICMP.ID),
    sequence: view.getUint16(at + ICMP.SEQUENCE),
    rest: view.getInt32(at + ICMP.ID),
    quoted: null,
  }
}

/** `bytes` are of the frame, `length` those behind the IP header. */
function tcpAt(view: DataView, bytes: Uint8Array, at: number, length: number): TcpHeader {
  const header = (view.getUint8(at + TCP.OFFSET) >>> 4) * 4
  const end = Math.min(at + header, at + Math.max(length, 0), bytes.length)
  return {
    sport: view.getUint16(at + TCP.SPORT),
    dport: view.getUint16(at + TCP.DPORT),
    seq: view.getUint32(at + TCP.SEQ),
    ack: view.getUint32(at + TCP.ACK),
    header,
    flags: view.getUint8(at + TCP.FLAGS),
    window: view.getUint16(at + TCP.WINDOW),
    urgent: view.getUint16(at + TCP.URGENT),
    checksum: view.getUint16(at + TCP.CHECKSUM),
    options: bytes.subarray(at + TCP.HEADER, Math.max(end, at + TCP.HEADER)),
    payload: Math.max(0, length - header),
  }
}
