/** IP of the mixed worlds: datagrams and ICMP as frames (packet.ts), cut into fragments and put together, without the product's code. */

import {
  bodySum,
  folded,
  frame,
  get16,
  get32,
  IP_AT,
  type IpFields,
  ipHeader,
  put16,
  putIp,
  sum,
  UOA_PROTOCOL,
} from './packet.ts'
import { PREFIX } from './six-packet.ts'

const DF = 0x4000
const MORE = 0x2000
/** Code of UOA's option, and what a header of protocol 248 says in front of it, of clients of either family. */
const UOA_CODE = 31
const UOA_HEADERS = [
  [16, 17, 0, 12],
  [32, 17, 0, 24],
] as const

/** From whom to whom on the wire, and on the way. */
export interface Way {
  dstMac: number
  srcMac: number
  src: number
  dst: number
}

export interface Datagram {
  src: number
  sport: number
  dst: number
  dport: number
  payload: Uint8Array
  /** Port * 2^32 + address of the client as UOA tells it, or -1. */
  uoa: number
}

/** A datagram with a checksum, or with none. */
export function udpFrame(
  way: Way,
  sport: number,
  dport: number,
  payload: Uint8Array,
  how: IpFields & { sum: boolean },
): Uint8Array {
  const out = frame(way.dstMac, way.srcMac, 0x0800, 28 + payload.length)
  const at = IP_AT + 20
  put16(out, at, sport)
  put16(out, at + 2, dport)
  put16(out, at + 4, 8 + payload.length)
  out.set(payload, at + 8)
  putIp(out, way.src, way.dst, 17, how)
  if (how.sum) put16(out, at + 6, ~bodySum(out) & 0xffff || 0xffff)
  return out
}

/** An ICMP message, whose checksum is made. */
export function icmpFrame(way: Way, message: Uint8Array, how: IpFields): Uint8Array {
  const out = frame(way.dstMac, way.srcMac, 0x0800, 20 + message.length)
  out.set(message, IP_AT + 20)
  putIp(out, way.src, way.dst, 1, how)
  put16(out, IP_AT + 22, ~folded(sum(out, IP_AT + 20, out.length)))
  return out
}

/** The datagram in a whole frame without fault(); a string says why what is told of the client is none. */
export function readUdp(bytes: Uint8Array): Datagram | string {
  const header = ipHeader(bytes)
  const inHeader = bytes[IP_AT + 9] === UOA_PROTOCOL
  const body = IP_AT + header
  // One of IPv6 is longer by the prefix of its client's address (six-packet.ts).
  const isSix = inHeader && bytes[body] === UOA_HEADERS[1][0]
  const said = UOA_HEADERS[isSix ? 1 : 0]
  if (inHeader && said.some((byte, i) => bytes[body + i] !== byte)) return 'header of UOA'
  const hasOption = !inHeader && header >= 28 && bytes[IP_AT + 20] === UOA_CODE
  const at = body + (inHeader ? said[3] : 0)
  const option = inHeader ? body + 4 : IP_AT + 20
  const isTold = inHeader || hasOption
  if (isTold && (bytes[option] !== UOA_CODE || bytes[option + 1] !== said[3] - 4)) {
    return 'option of UOA'
  }
  const address = option + 4 + (isSix ? 12 : 0)
  if (isSix && get32(bytes, option + 4) !== PREFIX) return 'prefix in UOA'
  const told = get16(bytes, option + 2) * 2 ** 32 + (get32(bytes, address) >>> 0)
  return {
    src: get32(bytes, IP_AT + 12),
    sport: get16(bytes, at),
    dst: get32(bytes, IP_AT + 16),
    dport: get16(bytes, at + 2),
    payload: bytes.subarray(at + 8, at + get16(bytes, at + 4)),
    uoa: isTold ? told : -1,
  }
}

function resum(bytes: Uint8Array): void {
  put16(bytes, IP_AT + 10, 0)
  put16(bytes, IP_AT + 10, ~folded(sum(bytes, IP_AT, IP_AT + ipHeader(bytes))))
}

/** Takes this many from the TTL. */
export function age(bytes: Uint8Array, hops: number): void {
  bytes[IP_AT + 8] = (bytes[IP_AT + 8] as number) - hops
  resum(bytes)
}

export function isUncuttable(bytes: Uint8Array): boolean {
  return (get16(bytes, IP_AT + 6) & DF) !== 0
}

/** The packet in fragments of at most `mtu` bytes; options stay with the first (UOA's is none that is copied). */
export function pieces(bytes: Uint8Array, mtu: number): Uint8Array[] {
  const total = get16(bytes, IP_AT + 2)
  const header = ipHeader(bytes)
  const word = get16(bytes, IP_AT + 6)
  const all: Uint8Array[] = []
  for (let from = header; from < total; ) {
    const own = from === header ? header : 20
    const room = (mtu - own) & ~7
    const size = Math.min(room, total - from)
    const isLast = from + size === total
    const out = new Uint8Array(IP_AT + own + size)
    out.set(bytes.subarray(0, IP_AT + own))
    out.set(bytes.subarray(IP_AT + from, IP_AT + from + size), IP_AT + own)
    out[IP_AT] = 0x40 | (own >> 2)
    put16(out, IP_AT + 2, own + size)
    const offset = (word & 0x1fff) + ((from - header) >> 3)
    put16(out, IP_AT + 6, (word & DF) | (isLast ? word & MORE : MORE) | offset)
    resum(out)
    all.push(out)
    from += size
  }
  return all
}

interface Held {
  first: Uint8Array | undefined
  /** Offset, and payload from there on. */
  parts: [number, Uint8Array][]
  got: number
  total: number
  born: number
}

/** ms that a host waits for the rest of a datagram (Linux). */
const WAIT = 30_000

/** Puts together what a host receives in fragments. One that overlaps another is no part of anything (RFC 5722). */
export class Joiner {
  readonly #held = new Map<string, Held>()

  /** => the whole packet as a frame, when this one has completed it */
  add(bytes: Uint8Array, now: number): Uint8Array | undefined {
    const key = `${get32(bytes, IP_AT + 12)} ${get16(bytes, IP_AT + 4)} ${bytes[IP_AT + 9]}`
    let held = this.#held.get(key)
    if (held === undefined || now - held.born > WAIT) {
      held = { first: undefined, parts: [], got: 0, total: -1, born: now }
      this.#held.set(key, held)
    }
    if (!this.#fits(held, bytes) || held.got !== held.total || held.first === undefined) {
      return undefined
    }
    this.#held.delete(key)
    const header = ipHeader(held.first)
    const out = new Uint8Array(IP_AT + header + held.total)
    out.set(held.first.subarray(0, IP_AT + header))
    for (const [offset, part] of held.parts) out.set(part, IP_AT + header + offset)
    put16(out, IP_AT + 2, header + held.total)
    put16(out, IP_AT + 6, 0)
    resum(out)
    return out
  }

  #fits(held: Held, bytes: Uint8Array): boolean {
    const word = get16(bytes, IP_AT + 6)
    const offset = (word & 0x1fff) * 8
    const payload = bytes.subarray(IP_AT + ipHeader(bytes), IP_AT + get16(bytes, IP_AT + 2))
    const end = offset + payload.length
    const isLast = (word & MORE) === 0
    // Of two datagrams with one ID.
    if (held.total >= 0 && (isLast || end > held.total)) return false
    for (const [from, part] of held.parts) {
      if (isLast && from > offset) return false
      if (from < end && offset < from + part.length) return false
    }
    if (offset === 0) held.first = bytes
    held.parts.push([offset, payload.slice()])
    held.got += payload.length
    if (isLast) held.total = end
    return true
  }
}
