/**
 * Reads a frame back into fields and judges it as a strict receiver would: every length, the IP checksum and the whole
 * TCP, UDP or ICMP checksum recomputed from the bytes.
 */

import { flagLetters } from '../../src/see/frame/notation.ts'
import { checksum, concat, pseudoHeader } from './frame.ts'

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
  /** 0: there is none. */
  checksum: number
  /** `opp 202.108.10.2.5353` of the header of protocol 248, or `ipo` of the IP option. */
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

export type Decoded = DecodedTcp | DecodedUdp | DecodedArp | DecodedIcmp | DecodedFragment

const macText = (bytes: Uint8Array) =>
  [...bytes].map(b => b.toString(16).padStart(2, '0')).join(':')
const ipText = (bytes: Uint8Array) => [...bytes].join('.')

/** Decodes `bytes` (virtio-net header, then the frame). Throws an Error that names the first thing wrong. */
export function decode(bytes: Uint8Array): Decoded {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const frame = bytes.subarray(10)
  if (frame.length < 14) throw new Error('runt')
  const macs = { dstMac: macText(frame.subarray(0, 6)), srcMac: macText(frame.subarray(6, 12)) }
  const type = view.getUint16(10 + 12)
  if (type === 0x0806) {
    return {
      kind: 'arp',
      ...macs,
      op: view.getUint16(10 + 20),
      senderMac: macText(frame.subarray(22, 28)),
      sender: ipText(frame.subarray(28, 32)),
      targetMac: macText(frame.subarray(32, 38)),
      target: ipText(frame.subarray(38, 42)),
    }
  }
  if (type !== 0x0800) throw new Error(`ethertype ${type.toString(16)}`)
  const ihl = (frame[14] & 15) * 4
  const total = view.getUint16(10 + 16)
  if (frame.length !== 14 + total)
    throw new Error(`frame of ${frame.length} bytes carries ${total} of IP`)
  if (checksum(frame.subarray(14, 14 + ihl)) !== 0) throw new Error('bad IP checksum')
  const l3 = {
    src: ipText(frame.subarray(26, 30)),
    dst: ipText(frame.subarray(30, 34)),
    ttl: frame[22],
    tos: frame[15],
  }
  if (l3.ttl === 0) throw new Error('TTL 0')
  const l4 = frame.subarray(14 + ihl)
  if ((view.getUint16(10 + 20) & 0x3fff) !== 0) {
    if (bytes[0] !== 0 || bytes[1] !== 0) throw new Error('a fragment with offloads')
    return { kind: 'fragment', ...macs, ...l3, packet: frame.slice(14) }
  }
  if (frame[23] === 1) {
    if (checksum(l4) !== 0) throw new Error('bad ICMP checksum')
    return { kind: 'icmp', ...macs, ...l3, type: l4[0], code: l4[1], rest: l4.slice(4) }
  }
  if (frame[23] === 17 || frame[23] === 248) return udpOf(frame, view, ihl, { ...macs, ...l3 })
  if (frame[23] !== 6) throw new Error(`protocol ${frame[23]}`)
  const doff = (l4[12] >> 4) * 4
  if (doff < 20 || doff > l4.length) throw new Error(`TCP header of ${doff} bytes`)
  const vnet = vnetOf(view)
  checkTcpChecksum(frame, ihl, l4, vnet)
  const at = 10 + 14 + ihl
  return {
    kind: 'tcp',
    ...macs,
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
    id: view.getUint16(10 + 18),
    df: (frame[20] & 0x40) !== 0,
    ipHeaderBytes: ihl,
    tcpHeaderBytes: doff,
    ipTotal: total,
  }
}

function udpOf(
  frame: Uint8Array,
  view: DataView,
  ihl: number,
  l3: Pick<DecodedUdp, 'srcMac' | 'dstMac' | 'src' | 'dst' | 'ttl' | 'tos'>,
): DecodedUdp {
  const inHeader = frame[23] === 248
  const l4 = 14 + ihl + (inHeader ? 12 : 0)
  const at = 10 + l4
  const length = view.getUint16(at + 4)
  if (length < 8 || l4 + length > frame.length) throw new Error(`UDP length ${length}`)
  const vnet = vnetOf(view)
  const datagram = frame.subarray(l4, l4 + length)
  checkUdpChecksum(frame, l4, datagram, vnet)
  return {
    kind: 'udp',
    ...l3,
    vnet,
    sport: view.getUint16(at),
    dport: view.getUint16(at + 2),
    payload: datagram.slice(8),
    checksum: view.getUint16(at + 6),
    uoa: uoaOf(frame, ihl, inHeader),
    df: (frame[20] & 0x40) !== 0,
    ipHeaderBytes: ihl,
    ipTotal: view.getUint16(10 + 16),
  }
}

/** Version 1, next protocol 17, 12 bytes; then, as in the option of IP: kind 31, 8 bytes, port, address. */
function uoaOf(frame: Uint8Array, ihl: number, inHeader: boolean): string | null {
  if (inHeader && frame.slice(14 + ihl, 18 + ihl).join() !== '16,17,0,12')
    throw new Error('header of UOA')
  if (!inHeader && (ihl < 28 || frame[34] !== 31)) return null
  const option = frame.subarray(inHeader ? 18 + ihl : 34)
  if (option[0] !== 31 || option[1] !== 8) throw new Error('option of UOA')
  const client = `${ipText(option.subarray(4, 8))}.${option[2] * 256 + option[3]}`
  return `${inHeader ? 'opp' : 'ipo'} ${client}`
}

function checkUdpChecksum(
  frame: Uint8Array,
  at: number,
  datagram: Uint8Array,
  vnet: DecodedTcp['vnet'],
): void {
  const pseudo = pseudoHeader(
    [...frame.subarray(26, 30)],
    [...frame.subarray(30, 34)],
    17,
    datagram.length,
  )
  const field = datagram[6] * 256 + datagram[7]
  if ((vnet.flags & 1) === 0) {
    if (vnet.gsoType !== 0) throw new Error('GSO without a partial checksum')
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

/** A partial checksum must be exactly the folded pseudo-header sum; a complete one must verify. */
function checkTcpChecksum(
  frame: Uint8Array,
  ihl: number,
  l4: Uint8Array,
  vnet: DecodedTcp['vnet'],
): void {
  const src = [...frame.subarray(26, 30)]
  const dst = [...frame.subarray(30, 34)]
  const pseudo = pseudoHeader(src, dst, 6, l4.length)
  if ((vnet.flags & 1) === 0) {
    if (vnet.gsoType !== 0) throw new Error('GSO without a partial checksum')
    if (checksum(concat(pseudo, l4)) !== 0) throw new Error('bad TCP checksum')
    return
  }
  if (vnet.csumStart !== 14 + ihl || vnet.csumOffset !== 16)
    throw new Error('csum_start does not point at TCP')
  const partial = l4[16] * 256 + l4[17]
  const expected = 0xffff - checksum(pseudo)
  if (partial % 0xffff !== expected % 0xffff)
    throw new Error(`partial checksum ${partial}, not ${expected}`)
  if (vnet.gsoType !== 0 && vnet.hdrLen !== 14 + ihl + (l4[12] >> 4) * 4)
    throw new Error('hdr_len is wrong')
}
