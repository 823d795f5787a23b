/**
 * The TCP segments of one capture as columns, 59 bytes a segment beside the file itself, so that a million of them fit. A
 * segment is its row's number. Sequence numbers, addresses and ports are int32 as in the engine: of IPv6 an address is the number that
 * it has been given here.
 */

import { endpointText } from '../../wire/address.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { hostText } from '../../wire/ip-address.ts'
import { IPV4, PROTO } from '../../wire/ipv4.ts'
import { IPV6 } from '../../wire/ipv6.ts'
import { Located } from '../../wire/locate.ts'
import { OPT, optionLength, TCP, TOA_BYTES, TOA6_BYTES } from '../../wire/tcp.ts'
import { UOA } from '../../wire/uoa.ts'
import type { CapturedPacket } from '../capture/captured.ts'
import { AddressNumbers } from './address-numbers.ts'

/** Bytes of payload that are hashed. */
const HASHED = 64

/** Why packets of a capture are no rows. */
export interface Passed {
  /** Neither IPv4 nor IPv6. */
  other: number
  /** Of a link type that is not known. */
  link: number
  /** Datagrams and pieces of them, and what is neither TCP nor UDP. */
  udp: number
  notTcp: number
  /** Fragments, and headers that were cut off. */
  broken: number
}

/** Where a packet and its IP header begin in the view, and where what was captured of it ends. */
interface Captured {
  start: number
  ip: number
  there: number
  atNs: number
  /** Bytes on the wire. */
  wire: number
}

export class Packets {
  count = 0
  /** ns since 1970 of the first packet of any kind; `at` counts from it. */
  baseNs = 0n
  /** All packets, those that are no rows too. */
  all = 0
  readonly passed: Passed = { other: 0, link: 0, udp: 0, notTcp: 0, broken: 0 }
  #capacity = 0
  at = new Float64Array(0)
  /** 4 or 6. */
  version = new Uint8Array(0)
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
  /** 0 of IPv6. */
  ipId = new Uint16Array(0)
  /** Where its IP header is in view(i), and how many bytes from there on were captured. */
  ip = new Uint32Array(0)
  captured = new Int32Array(0)
  /** Bytes from there to its TCP header. */
  behind = new Uint16Array(0)
  /** Bytes of its link layer in front of the IP header. */
  link = new Uint8Array(0)
  /** Of the beginning of the payload, 0 without one. */
  hash = new Int32Array(0)
  /** The row of the other capture that is this segment; -1 none. */
  match = new Int32Array(0)
  /** 1 if it is in the memory of our own, 0 if it is in the file; then its Ethernet header is its own. */
  copied = new Uint8Array(0)
  #file: DataView<ArrayBufferLike>
  #own = new DataView(new ArrayBuffer(0))
  #ownUsed = 0
  readonly #addresses = new AddressNumbers()
  #lastNs = 0

  /** `file` holds the bytes of most packets; those of others are copied. */
  constructor(file: Uint8Array) {
    this.#file = new DataView(file.buffer)
  }

  /** Where the row's bytes are. */
  view(i: number): DataView<ArrayBufferLike> {
    return this.copied[i] === 0 ? this.#file : this.#own
  }

  /** ns after the base of the latest packet of any kind. */
  get lastNs(): number {
    return this.#lastNs
  }

  /** Takes in a packet as readCapture() gives it. */
  add({ bytes, atNs, length, link }: CapturedPacket): void {
    if (this.all++ === 0) this.baseNs = atNs
    const afterNs = Number(atNs - this.baseNs)
    this.#lastNs = Math.max(this.#lastNs, afterNs)
    if (link === 'unknown') {
      this.passed.link++
      return
    }
    const isCopied = link === 'none'
    const at = isCopied ? this.#copy(bytes) : bytes.byteOffset
    const view = isCopied ? this.#own : this.#file
    const end = at + bytes.length
    const ip = networkLayer(view, at, end)
    if (ip < 0) this.passed.other++
    else this.#segment(view, { start: at, ip, there: end, atNs: afterNs, wire: length })
  }

  #copy(bytes: Uint8Array): number {
    const at = this.#ownUsed
    this.#ownUsed += bytes.length
    if (this.#ownUsed > this.#own.byteLength) {
      const bigger = new Uint8Array(Math.max(65_536, this.#ownUsed * 2))
      bigger.set(new Uint8Array(this.#own.buffer))
      this.#own = new DataView(bigger.buffer)
    }
    new Uint8Array(this.#own.buffer).set(bytes, at)
    return at
  }

  #segment(view: DataView, { start, ip, there, atNs, wire }: Captured): void {
    const { passed } = this
    const found = new Located()
    const version = view.getUint8(ip) >>> 4
    const isIpv6 = version === 6
    const isWhole = isIpv6 ? found.readIpv6(view, ip, there) : found.read(view, ip, there)
    if (!isWhole || (version !== 4 && !isIpv6)) {
      passed.broken++
      return
    }
    const { protocol, l4: tcp, fragment } = found
    if (protocol !== PROTO.TCP) {
      if (protocol === PROTO.UDP || protocol === UOA.PROTOCOL) passed.udp++
      else passed.notTcp++
      return
    }
    if (tcp + TCP.HEADER > there || fragment !== 0) {
      passed.broken++
      return
    }
    const i = this.#row(atNs)
    // A device that cuts segments itself shows length 0 above 64 KiB (Linux, BIG TCP).
    const said = view.getUint16(ip + (isIpv6 ? IPV6.PAYLOAD_LENGTH : IPV4.TOTAL_LENGTH))
    const total = said === 0 ? wire - (ip - start) : found.end - ip
    const header = (view.getUint8(tcp + TCP.OFFSET) >>> 4) << 2
    this.version[i] = version
    this.saddr[i] = isIpv6
      ? this.#addresses.numberAt(view, ip + IPV6.SRC)
      : view.getInt32(ip + IPV4.SRC)
    this.daddr[i] = isIpv6
      ? this.#addresses.numberAt(view, ip + IPV6.DST)
      : view.getInt32(ip + IPV4.DST)
    this.ports[i] = view.getInt32(tcp)
    this.seq[i] = view.getInt32(tcp + TCP.SEQ)
    this.ack[i] = view.getInt32(tcp + TCP.ACK)
    this.flags[i] = view.getUint8(tcp + TCP.FLAGS)
    this.payload[i] = Math.max(0, total - (tcp - ip) - header)
    this.window[i] = view.getUint16(tcp + TCP.WINDOW)
    this.ttl[i] = view.getUint8(ip + (isIpv6 ? IPV6.HOP_LIMIT : IPV4.TTL))
    this.ipId[i] = isIpv6 ? 0 : view.getUint16(ip + IPV4.ID)
    this.ip[i] = ip
    this.behind[i] = tcp - ip
    this.captured[i] = Math.min(there - ip, total)
    this.link[i] = ip - start
    this.match[i] = -1
    this.copied[i] = Number(view === this.#own)
    const end = ip + this.captured[i]
    this.hash[i] = this.payload[i] === 0 ? 0 : hashOf(view, tcp + header, end, this.payload[i])
  }

  /** address:port of an address as the rows of this version have it. */
  endpointText(version: number, address: number, port: number): string {
    if (version === 6) return `${hostText(this.#addresses.text(address))}:${port}`
    return endpointText(address, port)
  }

  #row(atNs: number): number {
    if (this.count === this.#capacity) this.#grow(Math.max(1024, this.#capacity * 2))
    this.at[this.count] = atNs
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
    this.version = grown(Uint8Array, this.version)
    this.behind = grown(Uint16Array, this.behind)
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
    this.copied = grown(Uint8Array, this.copied)
  }

  /** Its MACs were captured. */
  hasMacs(i: number): boolean {
    return this.copied[i] === 0
  }

  /** Offset of the TCP header. */
  tcp(i: number): number {
    return this.ip[i] + this.behind[i]
  }

  /** Bytes of the TCP header. */
  tcpHeader(i: number): number {
    return (this.view(i).getUint8(this.tcp(i) + TCP.OFFSET) >>> 4) << 2
  }

  /** Offset of the payload. */
  payloadAt(i: number): number {
    return this.tcp(i) + this.tcpHeader(i)
  }

  /** Bytes of the payload that were captured. */
  payloadThere(i: number): number {
    return Math.max(0, Math.min(this.ip[i] + this.captured[i] - this.payloadAt(i), this.payload[i]))
  }

  /** Offset of the first option that `wanted` takes by its kind and length, -1 for none. */
  option(i: number, wanted: (kind: number, bytes: number) => boolean): number {
    const view = this.view(i)
    const end = Math.min(this.payloadAt(i), this.ip[i] + this.captured[i])
    for (let at = this.tcp(i) + TCP.HEADER, length = 0; at < end; at += length) {
      length = optionLength(view, at, end)
      if (length === 0) return -1
      if (wanted(view.getUint8(at), length)) return at
    }
    return -1
  }

  /** The frame from an Ethernet header on; without the tags of VLANs, which say nothing of what a balancer changed. */
  frame(i: number): Uint8Array {
    const { buffer } = this.view(i)
    const [ip, captured] = [this.ip[i], this.captured[i]]
    const start = ip - this.link[i]
    if (this.link[i] === ETH.HEADER) return new Uint8Array(buffer, start, ETH.HEADER + captured)
    const frame = new Uint8Array(ETH.HEADER + captured)
    frame.set(new Uint8Array(buffer, start, ETH.TYPE))
    const type = this.version[i] === 6 ? ETHERTYPE.IPV6 : ETHERTYPE.IPV4
    frame.set([type >>> 8, type & 255], ETH.TYPE)
    frame.set(new Uint8Array(buffer, ip, captured), ETH.HEADER)
    return frame
  }
}

/**
 * Options that can be a TOA: 8 bytes, or 20 of a client of IPv6, of kind 254 or of one that has no meaning of that length (others use
 * 28 and 200). TCP-AO, of kind 29, may have 20 (RFC 5925).
 */
export const isToa = (kind: number, bytes: number) =>
  kind > OPT.TIMESTAMP &&
  kind !== OPT.MPTCP &&
  kind !== OPT.TFO &&
  (bytes === TOA_BYTES || (bytes === TOA6_BYTES && kind !== TCP_AO))
const TCP_AO = 29
export const isMss = (kind: number, bytes: number) => bytes === 4 && kind === OPT.MSS
export const isTimestamp = (kind: number, bytes: number) => bytes === 10 && kind === OPT.TIMESTAMP

/** Offset of the IPv4 or IPv6 header, -1 for a frame without one. */
function networkLayer(view: DataView, at: number, end: number): number {
  if (at + ETH.HEADER > end) return -1
  let ip = at + ETH.HEADER
  let type = view.getUint16(at + ETH.TYPE)
  while ((type === ETHERTYPE.VLAN || type === ETHERTYPE.QINQ) && ip + 4 <= end) {
    type = view.getUint16(ip + 2)
    ip += 4
  }
  if ((type !== ETHERTYPE.IPV4 && type !== ETHERTYPE.IPV6) || ip >= end) return -1
  return ip
}

/**
 * FNV-1a of the payload's first bytes; never 0. Its length counts only below HASHED or where nothing was captured: a frame with
 * offloads is longer than the segment that it begins with.
 */
function hashOf(view: DataView, from: number, end: number, payload: number): number {
  const to = Math.min(from + HASHED, end)
  let hash = 0x811c9dc5 ^ (to > from ? Math.min(payload, HASHED) : payload)
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193)
  return hash || 1
}
