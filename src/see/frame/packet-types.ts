/** What the headers of a packet say, as values with names: ip-values.ts reads them. What was cut off is null. */

import type { Uoa } from './uoa-values.ts'

/** What IPv6 has not is 0 and false. */
export interface IpHeader {
  version: number
  /** Bytes, as the header says; with extension headers. */
  header: number
  total: number
  /** Of IPv6 the traffic class. */
  tos: number
  id: number
  df: boolean
  more: boolean
  /** Bytes. */
  offset: number
  /** Of IPv6 the hop limit. */
  ttl: number
  /** Of what is behind extension headers. */
  protocol: number
  checksum: number
  src: string
  dst: string
  /** Extension headers that were read over, by their numbers; none of IPv4. */
  extensions: readonly number[]
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

export interface Icmpv6Header extends IcmpHeader {
  /** The address behind the first 8 bytes: who is asked for, or whose group it is; null if it was cut off. */
  target: string | null
  /** The address behind that, whom a redirect is about. */
  destination: string | null
}

export interface IpValues {
  ip: IpHeader
  /** Offset of the IP header. */
  l3: number
  /** Offset of what follows the IP header and a UOA header. */
  l4: number
  /** Of what stands there: that of the IP header, but for a UOA header. */
  protocol: number
  uoa: Uoa | null
  tcp: TcpHeader | null
  udp: UdpHeader | null
  icmp: IcmpHeader | null
  icmpv6: Icmpv6Header | null
  /** Ports of TCP and UDP, even if there is no more of their headers. */
  ports: { sport: number; dport: number } | null
  /** TCP's sequence number, even if there is no more of its header. */
  seq: number | null
}
