/**
 * The TCP segments of one capture as columns, 60 bytes a segment beside the file itself, so that a million of them fit. A
 * segment is its row's number. Sequence numbers, addresses and ports are int32 as in the engine.
 */

import { ETHERTYPE } from '../../wire/ethernet.ts'
import { IPV4, PROTO } from '../../wire/ipv4.ts'
import { OPT, optionLength, TCP } from '../../wire/tcp.ts'

/** What readers of captures give; `bytes` is a view of the file. */
export interface CapturedPacket {
  /** ns since 1970. */
  atNs: bigint
  interface: number
  /** Bytes on the wire; `bytes` may have fewer. */
  length: number
  bytes: Uint8Array
}

/** LINKTYPE_ numbers (tcpdump.org/linktypes.html) that are understood. */
export const LINK = {
  NULL: 0,
  ETHERNET: 1,
  RAW_BSD: 12,
  RAW: 101,
  SLL: 113,
  IPV4: 228,
  SLL2: 276,
} as const

/** Bytes of payload that are hashed. */
const HASHED = 64

/** Why packets of a capture are no rows. */
export interface Passed {
  /** Neither IPv4 nor IPv6, or of an unknown link type. */
  other: number
  ipv6: number
  /** IPv4, but no TCP. */
  notTcp: number
  /** Fragments, and headers that were cut off. */
  broken: number
}

export class Packets {
  count = 0
  /** ns since 1970 of the first packet; `at` counts from it. */
  baseNs = 0n
  readonly passed: Passed = { other: 0, ipv6: 0, notTcp: 0, broken: 0 }
  #capacity = 0
  at = new Float64Array(0)
  saddr = new Int32Array(0)
  daddr = new Int32Array(0)
  /** source << 16 | destination */
  ports = new Int32Array(0)
  seq = new Int32Array(0)
  ack = new Int32Array(0)
  flags = new Uint8Array(0)
  /** Payload bytes by the IP header. */
  payload = new Int32Array(0)
  window = new Uint16Array(0)
  ttl = new Uint8Array(0)
  ipId = new Uint16Array(0)
  /** Where its IPv4 header is in the file, and how many bytes from there on were captured. */
  ip = new Uint32Array(0)
  captured = new Int32Array(0)
  /** Where its link layer begins, in front of the IPv4 header. */
  link = new Uint8Array(0)
  /** Of length and beginning of the payload, 0 without one. */
  hash = new Int32Array(0)
  /** The row of the other capture that is this segment; -1 none. */
  match = new Int32Array(0)
  view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0))

  get lastNs(): number {
    return this.count === 0 ? 0 : this.at[this.count - 1]
  }

  /** Takes a packet in. `linkType` is a LINKTYPE_ number. */
  add(packet: CapturedPacket, linkType: number): void {
    const { bytes } = packet
    if (this.view.buffer !== bytes.buffer) this.view = new DataView(bytes.buffer)
    const at = bytes.byteOffset
    const ip = networkLayer(this.view, at, at + bytes.length, linkType)
    if (ip < 0) this.passed.other++
    else if (this.view.getUint8(ip) >>> 4 === 6) this.passed.ipv6++
    else this.#segment(packet, at, ip, at + bytes.length)
  }

  #segment(packet: CapturedPacket, start: number, ip: number, there: number): void {
    const { view, passed } = this
    if (ip + IPV4.HEADER > there || view.getUint8(ip) >>> 4 !== 4) {
      passed.broken++
      return
    }
    if (view.getUint8(ip + IPV4.PROTOCOL) !== PROTO.TCP) {
      passed.notTcp++
      return
    }
    const tcp = ip + ((view.getUint8(ip) & 15) << 2)
    const fragment = view.getUint16(ip + IPV4.FRAGMENT) & 0x3fff
    if (tcp + TCP.HEADER > there || fragment !== 0) {
      passed.broken++
      return
    }
    const i = this.#row(packet.atNs)
    // A device that cuts segments itself shows total length 0 above 64 KiB (Linux, BIG TCP).
    const total = view.getUint16(ip + IPV4.TOTAL_LENGTH) || packet.length - (ip - start)
    const header = (view.getUint8(tcp + TCP.OFFSET) >>> 4) << 2
    this.saddr[i] = view.getInt32(ip + IPV4.SRC)
    this.daddr[i] = view.getInt32(ip + IPV4.DST)
    this.ports[i] = view.getInt32(tcp)
    this.seq[i] = view.getInt32(tcp + TCP.SEQ)
    this.ack[i] = view.getInt32(tcp + TCP.ACK)
    this.flags[i] = view.getUint8(tcp + TCP.FLAGS)
    this.payload[i] = Math.max(0, total - (tcp - ip) - header)
    this.window[i] = view.getUint16(tcp + TCP.WINDOW)
    this.ttl[i] = view.getUint8(ip + IPV4.TTL)
    this.ipId[i] = view.getUint16(ip + IPV4.ID)
    this.ip[i] = ip
    this.captured[i] = Math.min(there - ip, total)
    this.link[i] = ip - start
    this.hash[i] =
      this.payload[i] === 0 ? 0 : hashOf(view, tcp + header, ip + this.captured[i], this.payload[i])
    this.match[i] = -1
  }

  #row(atNs: bigint): number {
    if (this.count === 0) this.baseNs = atNs
    if (this.count === this.#capacity) this.#grow(Math.max(1024, this.#capacity * 2))
    this.at[this.count] = Number(atNs - this.baseNs)
    return this.count++
  }

  #grow(capacity: number): void {
    this.#capacity = capacity
    const grown = <T extends { set(from: T): void }>(kind: new (n: number) => T, old: T): T => {
      const bigger = new kind(capacity)
      bigger.set(old)
      return bigger
    }
    this.at = grown(Float64Array, this.at)
    this.saddr = grown(Int32Array, this.saddr)
    this.daddr = grown(Int32Array, this.daddr)
    this.ports = grown(Int32Array, this.ports)
    this.seq = grown(Int32Array, this.seq)
    this.ack = grown(Int32Array, this.ack)
    this.flags = grown(Uint8Array, this.flags)
    this.payload = grown(Int32Array, this.payload)
    this.window = grown(Uint16Array, this.window)
    this.ttl = grown(Uint8Array, this.ttl)
    this.ipId = grown(Uint16Array, this.ipId)
    this.ip = grown(Uint32Array, this.ip)
    this.captured = grown(Int32Array, this.captured)
    this.link = grown(Uint8Array, this.link)
    this.hash = grown(Int32Array, this.hash)
    this.match = grown(Int32Array, this.match)
  }

  /** Offset of the TCP header in the file. */
  tcp(i: number): number {
    return this.ip[i] + ((this.view.getUint8(this.ip[i]) & 15) << 2)
  }

  /** Bytes of the TCP header. */
  tcpHeader(i: number): number {
    return (this.view.getUint8(this.tcp(i) + TCP.OFFSET) >>> 4) << 2
  }

  /** Bytes of the payload that are in the file. */
  payloadThere(i: number): number {
    const headers = this.tcp(i) - this.ip[i] + this.tcpHeader(i)
    return Math.max(0, Math.min(this.captured[i] - headers, this.payload[i]))
  }

  /** Offset in the file of the first option of a kind, -1 for none. */
  option(i: number, kind: number, bytes: number): number {
    const from = this.tcp(i) + TCP.HEADER
    const end = Math.min(this.tcp(i) + this.tcpHeader(i), this.ip[i] + this.captured[i])
    for (let at = from, length = 0; at < end; at += length) {
      length = optionLength(this.view, at, end)
      if (length === 0) return -1
      if (length === bytes && this.view.getUint8(at) === kind) return at
    }
    return -1
  }

  /**
   * Offset of an option that can be a TOA, -1 for none: 8 bytes, kind 254, or a kind that IANA has given to nothing of that
   * length (other balancers use 28 and 200).
   */
  toa(i: number): number {
    const from = this.tcp(i) + TCP.HEADER
    if (this.tcpHeader(i) === TCP.HEADER) return -1
    const end = Math.min(this.tcp(i) + this.tcpHeader(i), this.ip[i] + this.captured[i])
    for (let at = from, length = 0; at < end; at += length) {
      length = optionLength(this.view, at, end)
      if (length === 0) return -1
      if (length === 8 && this.view.getUint8(at) > OPT.TIMESTAMP) return at
    }
    return -1
  }

  /** The frame from an Ethernet header on, which is made up (MACs 0) if the capture has another link layer. */
  frame(i: number): Uint8Array {
    const ip = this.ip[i]
    const { buffer } = this.view
    const plain = this.link[i] === 14 && this.view.getUint16(ip - 2) === ETHERTYPE.IPV4
    if (plain) return new Uint8Array(buffer, ip - 14, 14 + this.captured[i])
    const frame = new Uint8Array(14 + this.captured[i])
    frame[12] = ETHERTYPE.IPV4 >>> 8
    frame.set(new Uint8Array(buffer, ip, this.captured[i]), 14)
    return frame
  }
}

/** Offset of the IPv4 or IPv6 header, -1 for a frame without one. */
function networkLayer(view: DataView, at: number, end: number, linkType: number): number {
  let type = -1
  let ip = at
  if (linkType === LINK.ETHERNET) {
    if (at + 14 > end) return -1
    ip = at + 14
    type = view.getUint16(at + 12)
    while ((type === ETHERTYPE.VLAN || type === ETHERTYPE.QINQ) && ip + 4 <= end) {
      type = view.getUint16(ip + 2)
      ip += 4
    }
  } else if (linkType === LINK.SLL && at + 16 <= end) {
    type = view.getUint16(at + 14)
    ip = at + 16
  } else if (linkType === LINK.SLL2 && at + 20 <= end) {
    type = view.getUint16(at)
    ip = at + 20
  } else if (linkType === LINK.NULL) {
    ip = at + 4
    type = ETHERTYPE.IPV4
  } else if (linkType === LINK.RAW || linkType === LINK.RAW_BSD || linkType === LINK.IPV4) {
    type = ETHERTYPE.IPV4
  }
  if ((type !== ETHERTYPE.IPV4 && type !== ETHERTYPE.IPV6) || ip >= end) return -1
  return ip
}

/** FNV-1a of the payload's length and its first bytes; never 0. */
function hashOf(view: DataView, from: number, end: number, payload: number): number {
  let hash = 0x811c9dc5 ^ payload
  const to = Math.min(from + HASHED, end)
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193)
  return hash || 1
}
