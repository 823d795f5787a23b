/**
 * Reads a frame back into fields and judges it as a strict receiver would: every length, the IP checksum and the whole
 * TCP, UDP, ICMP or ICMPv6 checksum recomputed from the bytes.
 */

import { flagLetters } from '../../src/see/frame/notation.ts'
import { uoaHeader, uoaInOption } from './decode-client.ts'
import { ipText, ipv4Of, ipv6Of, type Network, pseudoOf } from './decode-ip.ts'
import { checksum, concat } from './frame.ts'

export interface DecodedTcp {
  kind: 'tcp'
  srcMac: string
  dstMac: string
  src: string
  dst: string
  sport: number
  dport: number
  flags: string
  seq: number
  ack: number
  win: number
  urgent: number
  options: Uint8Array
  payload: Uint8Array
  ttl: number
  tos: number
  id: number
  df: boolean
  ipHeaderBytes: number
  tcpHeaderBytes: number
  ipTotal: number
  vnet: {
    flags: number
    gsoType: number
    hdrLen: number
    gsoSize: number
    csumStart: number
    csumOffset: number
  }
}

export interface DecodedUdp {
  kind: 'udp'
  srcMac: string
  dstMac: string
  src: string
  dst: string
  sport: number
  dport: number
  payload: Uint8Array
  /** 0: there is none, which IPv6 does not allow. */
  checksum: number
  /** `opp 202.108.10.2.5353` of the header of protocol 248, or `ipo` of the IP option; the client may be of IPv6. */
  uoa: string | null
  ttl: number
  tos: number
  df: boolean
  ipHeaderBytes: number
  ipTotal: number
  vnet: DecodedTcp['vnet']
}

export interface DecodedArp {
  kind: 'arp'
  srcMac: string
  dstMac: string
  op: number
  senderMac: string
  sender: string
  targetMac: string
  target: string
}

export interface DecodedIcmp {
  kind: 'icmp'
  srcMac: string
  dstMac: string
  src: string
  dst: string
  type: number
  code: number
  ttl: number
  tos: number
  rest: Uint8Array
}

export type DecodedIcmpv6 = Omit<DecodedIcmp, 'kind'> & { kind: 'icmpv6' }

/** What is inside cannot be judged before the datagram is whole: kit/fragments.ts. */
export interface DecodedFragment {
  kind: 'fragment'
  srcMac: string
  dstMac: string
  src: string
  dst: string
  ttl: number
  tos: number
  /** From the IP header on. */
  packet: Uint8Array
}

/** The header in front of a packet in a tunnel of IP in IP, or of IPv6 in IPv6. */
export type Outer = Pick<DecodedTcp, 'src' | 'dst' | 'ttl' | 'tos' | 'df' | 'ipTotal'>

export type Decoded = { tunnel?: Outer } & Inner

type Inner = DecodedTcp | DecodedUdp | DecodedArp | DecodedIcmp | DecodedIcmpv6 | DecodedFragment

const macText = (bytes: Uint8Array) =>
  [...bytes].map(b => b.toString(16).padStart(2, '0')).join(':')

/** Decodes `bytes` (virtio-net header, then the frame). Throws an Error that names the first thing wrong. */
export function decode(bytes: Uint8Array): Decoded {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const frame = bytes.subarray(10)
  if (frame.length < 14) throw new Error('runt')
  const macs = { dstMac: macText(frame.subarray(0, 6)), srcMac: macText(frame.subarray(6, 12)) }
  const type = view.getUint16(10 + 12)
  if (type === 0x0806) return { kind: 'arp', ...macs, ...arpOf(frame, view) }
  if (type !== 0x0800 && type !== 0x86dd) throw new Error(`ethertype ${type.toString(16)}`)
  const ip = type === 0x0800 ? ipv4Of(frame) : ipv6Of(frame)
  if (frame.length !== 14 + ip.total)
    throw new Error(`frame of ${frame.length} bytes carries ${ip.total} of IP`)
  if (ip.ttl === 0) throw new Error('TTL 0')
  const l3 = { ...macs, src: ipText(ip.src), dst: ipText(ip.dst), ttl: ip.ttl, tos: ip.tos }
  if (ip.isFragment) {
    if (bytes[0] !== 0 || bytes[1] !== 0) throw new Error('a fragment with offloads')
    return { kind: 'fragment', ...l3, packet: frame.slice(14) }
  }
  const l4 = frame.subarray(14 + ip.header)
  if (ip.protocol === 1 || ip.protocol === 58) {
    const pseudo = ip.protocol === 1 ? new Uint8Array() : pseudoOf(ip, 58, l4.length)
    const name = ip.protocol === 1 ? 'icmp' : 'icmpv6'
    if ((name === 'icmp') !== (type === 0x0800)) throw new Error(`${name} in the other family`)
    if (checksum(concat(pseudo, l4)) !== 0) throw new Error('bad ICMP checksum')
    return { kind: name, ...l3, type: l4[0], code: l4[1], rest: l4.slice(4) }
  }
  if (ip.protocol === (type === 0x0800 ? 4 : 41)) return tunnelled(bytes, ip)
  if (ip.protocol === 17 || ip.protocol === 248) return udpOf(frame, view, ip, l3)
  if (ip.protocol !== 6) throw new Error(`protocol ${ip.protocol}`)
  return tcpOf(frame, view, ip, l3)
}

/** No device knows what to do for a packet in a tunnel. */
function tunnelled(bytes: Uint8Array, ip: Network): Decoded {
  if (bytes.subarray(0, 10).some(byte => byte !== 0)) throw new Error('a tunnel with offloads')
  const inner = decode(concat(bytes.subarray(0, 24), bytes.subarray(24 + ip.header)))
  const { ttl, tos, df, total: ipTotal } = ip
  return { ...inner, tunnel: { src: ipText(ip.src), dst: ipText(ip.dst), ttl, tos, df, ipTotal } }
}

function arpOf(frame: Uint8Array, view: DataView) {
  return {
    op: view.getUint16(10 + 20),
    senderMac: macText(frame.subarray(22, 28)),
    sender: ipText(frame.subarray(28, 32)),
    targetMac: macText(frame.subarray(32, 38)),
    target: ipText(frame.subarray(38, 42)),
  }
}

type L3 = Pick<DecodedUdp, 'srcMac' | 'dstMac' | 'src' | 'dst' | 'ttl' | 'tos'>

function tcpOf(frame: Uint8Array, view: DataView, ip: Network, l3: L3): DecodedTcp {
  const l4 = frame.subarray(14 + ip.header)
  const doff = (l4[12] >> 4) * 4
  if (doff < 20 || doff > l4.length) throw new Error(`TCP header of ${doff} bytes`)
  const vnet = vnetOf(view)
  checkTcpChecksum(ip, l4, vnet, ip.src.length === 4 ? 1 : 4)
  const at = 10 + 14 + ip.header
  return {
    kind: 'tcp',
    ...l3,
    vnet,
    sport: view.getUint16(at),
    dport: view.getUint16(at + 2),
    seq: view.getUint32(at + 4),
    ack: view.getUint32(at + 8),
    flags: flagLetters(l4[13]),
    win: view.getUint16(at + 14),
    urgent: view.getUint16(at + 18),
    options: l4.slice(20, doff),
    payload: l4.slice(doff),
    id: ip.id,
    df: ip.df,
    ipHeaderBytes: ip.header,
    tcpHeaderBytes: doff,
    ipTotal: ip.total,
  }
}

function udpOf(frame: Uint8Array, view: DataView, ip: Network, l3: L3): DecodedUdp {
  const told = ip.protocol === 248 ? uoaHeader(frame, 14 + ip.header) : null
  const l4 = 14 + ip.header + (told?.bytes ?? 0)
  const at = 10 + l4
  const length = view.getUint16(at + 4)
  if (length < 8 || l4 + length > frame.length) throw new Error(`UDP length ${length}`)
  const vnet = vnetOf(view)
  const datagram = frame.subarray(l4, l4 + length)
  checkUdpChecksum(frame, l4, datagram, vnet, ip)
  return {
    kind: 'udp',
    ...l3,
    vnet,
    sport: view.getUint16(at),
    dport: view.getUint16(at + 2),
    payload: datagram.slice(8),
    checksum: view.getUint16(at + 6),
    uoa: told?.client ?? uoaInOption(frame, ip),
    df: ip.df,
    ipHeaderBytes: ip.header,
    ipTotal: ip.total,
  }
}

function checkUdpChecksum(
  frame: Uint8Array,
  at: number,
  datagram: Uint8Array,
  vnet: DecodedTcp['vnet'],
  ip: Network,
): void {
  const pseudo = pseudoOf(ip, 17, datagram.length)
  const field = datagram[6] * 256 + datagram[7]
  if ((vnet.flags & 1) === 0) {
    if (vnet.gsoType !== 0) throw new Error('GSO without a partial checksum')
    if (field === 0 && ip.src.length === 16) throw new Error('IPv6 without a UDP checksum')
    if (field !== 0 && checksum(concat(pseudo, datagram)) !== 0) throw new Error('bad UDP checksum')
    return
  }
  if (vnet.csumStart !== at || vnet.csumOffset !== 6)
    throw new Error('csum_start does not point at UDP')
  const expected = 0xffff - checksum(pseudo)
  if (field % 0xffff !== expected % 0xffff)
    throw new Error(`partial checksum ${field}, not ${expected}`)
  if (at + datagram.length !== frame.length) throw new Error('a partial checksum of a part')
}

function vnetOf(view: DataView) {
  return {
    flags: view.getUint8(0),
    gsoType: view.getUint8(1),
    hdrLen: view.getUint16(2, true),
    gsoSize: view.getUint16(4, true),
    csumStart: view.getUint16(6, true),
    csumOffset: view.getUint16(8, true),
  }
}

/** A partial checksum must be exactly the folded pseudo-header sum; a complete one must verify. `gso` is the family's type. */
function checkTcpChecksum(
  ip: Network,
  l4: Uint8Array,
  vnet: DecodedTcp['vnet'],
  gso: number,
): void {
  const pseudo = pseudoOf(ip, 6, l4.length)
  if ((vnet.flags & 1) === 0) {
    if (vnet.gsoType !== 0) throw new Error('GSO without a partial checksum')
    if (checksum(concat(pseudo, l4)) !== 0) throw new Error('bad TCP checksum')
    return
  }
  if (vnet.csumStart !== 14 + ip.header || vnet.csumOffset !== 16)
    throw new Error('csum_start does not point at TCP')
  const partial = l4[16] * 256 + l4[17]
  const expected = 0xffff - checksum(pseudo)
  if (partial % 0xffff !== expected % 0xffff)
    throw new Error(`partial checksum ${partial}, not ${expected}`)
  if (vnet.gsoType === 0) return
  // The bit 0x80 says that CWR is set in the first segment only (virtio 5.1.6).
  if ((vnet.gsoType & 0x7f) !== gso) throw new Error(`GSO of type ${vnet.gsoType}`)
  if (vnet.hdrLen !== 14 + ip.header + (l4[12] >> 4) * 4) throw new Error('hdr_len is wrong')
}
