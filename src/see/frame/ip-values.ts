/**
 * An IPv4 packet's headers as values with names, of a frame or of what an ICMP error quotes. What was cut off is null, and what stands
 * before it is still there.
 */

import { endpointText, ipv4Text } from '../../wire/address.ts'
import { ICMP, isIcmpError } from '../../wire/icmp.ts'
import { IP_DF, IP_MORE, IP_OFFSET_BITS, IPV4, PROTO } from '../../wire/ipv4.ts'
import { TCP } from '../../wire/tcp.ts'
import { UDP } from '../../wire/udp.ts'
import { UOA } from '../../wire/uoa.ts'

export interface IpHeader {
  version: number
  /** Bytes, as the header says. */
  header: number
  total: number
  tos: number
  id: number
  df: boolean
  more: boolean
  /** Bytes. */
  offset: number
  ttl: number
  protocol: number
  checksum: number
  src: string
  dst: string
}

export interface TcpHeader {
  sport: number
  dport: number
  seq: number
  ack: number
  /** Bytes, as the header says. */
  header: number
  flags: number
  window: number
  urgent: number
  checksum: number
  options: Uint8Array
  /** Bytes, by the IP header's total length. */
  payload: number
}

export interface UdpHeader {
  sport: number
  dport: number
  /** Bytes, header included, as the header says; null if that was cut off, and so the checksum. */
  length: number | null
  checksum: number | null
}

export interface IcmpHeader {
  type: number
  code: number
  checksum: number
  /** The four bytes behind the checksum, as an echo has them; `rest` is all of them as one number. */
  id: number
  sequence: number
  rest: number
  /** What an error is about, as far as it is quoted. */
  quoted: IpValues | null
}

/** The client that a datagram tells its RS of, and where it does. */
export interface Uoa {
  place: 'option' | 'header'
  client: string
}

export interface IpValues {
  ip: IpHeader
  /** Offset of what follows the IP header and a UOA header. */
  l4: number
  /** Of what stands there: that of the IP header, but for a UOA header. */
  protocol: number
  uoa: Uoa | null
  tcp: TcpHeader | null
  udp: UdpHeader | null
  icmp: IcmpHeader | null
  /** Ports of TCP and UDP, even if there is no more of their headers. */
  ports: { sport: number; dport: number } | null
  /** TCP's sequence number, even if there is no more of its header. */
  seq: number | null
}

/** The packet that begins at `at`; null without a whole IPv4 header. `bytes` are those of the view. */
export function ipValues(view: DataView, bytes: Uint8Array, at: number): IpValues | null {
  return valuesAt(view, bytes, at, true)
}

function valuesAt(view: DataView, bytes: Uint8Array, at: number, quotes: boolean): IpValues | null {
  if (at + IPV4.HEADER > bytes.length) return null
  const ip = ipAt(view, at)
  const found: IpValues = {
    ip,
    l4: at + ip.header,
    protocol: ip.protocol,
    uoa: null,
    tcp: null,
    udp: null,
    icmp: null,
    ports: null,
    seq: null,
  }
  if (ip.header < IPV4.HEADER) return found
  found.uoa = uoaOption(view, at + IPV4.HEADER, Math.min(found.l4, bytes.length))
  if (ip.offset > 0) return found
  if (ip.protocol === UOA.PROTOCOL) passUoaHeader(found, view)
  const { l4, protocol } = found
  const room = bytes.length - l4
  const length = ip.total - (l4 - at)
  if ((protocol === PROTO.TCP || protocol === PROTO.UDP) && room >= 4)
    found.ports = { sport: view.getUint16(l4), dport: view.getUint16(l4 + 2) }
  if (protocol === PROTO.TCP && room >= TCP.SEQ + 4) found.seq = view.getUint32(l4 + TCP.SEQ)
  if (protocol === PROTO.TCP && room >= TCP.HEADER) found.tcp = tcpAt(view, bytes, l4, length)
  else if (protocol === PROTO.ICMP && room >= ICMP.HEADER) {
    found.icmp = icmpAt(view, l4)
    const isError = quotes && isIcmpError(found.icmp.type)
    // What an error quotes is no error (RFC 1122 3.2.2), or is not read as one.
    if (isError) found.icmp.quoted = valuesAt(view, bytes, l4 + ICMP.HEADER, false)
  } else if (protocol === PROTO.UDP && found.ports !== null) {
    const whole = room >= UDP.HEADER
    found.udp = {
      ...found.ports,
      length: whole ? view.getUint16(l4 + UDP.LENGTH) : null,
      checksum: whole ? view.getUint16(l4 + UDP.CHECKSUM) : null,
    }
  }
  return found
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

/** Among options at [from, end), which may have ends of list and NOPs of one byte (RFC 791). */
function uoaOption(view: DataView, from: number, end: number): Uoa | null {
  for (let at = from; at + UOA.BYTES <= end; ) {
    const kind = view.getUint8(at)
    if (kind === 0) return null
    const bytes = kind === 1 ? 1 : view.getUint8(at + 1)
    if (kind === UOA.KIND && bytes === UOA.BYTES) {
      const address = view.getInt32(at + UOA.ADDRESS)
      return { place: 'option', client: endpointText(address, view.getUint16(at + UOA.PORT)) }
    }
    if (bytes === 0) return null
    at += bytes
  }
  return null
}

function ipAt(view: DataView, at: number): IpHeader {
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
