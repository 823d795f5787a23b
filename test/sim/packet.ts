/**
 * Frames of the simulated network, made and read fast and without the product's code. A frame is as a TAP gives it: ten bytes of
 * virtio-net header, Ethernet, IP. Addresses and sequence numbers are int32, a MAC is a number of 48 bits.
 */

export const FIN = 1
export const SYN = 2
export const RST = 4
export const PSH = 8
export const ACK = 16

export const IP_AT = 24
const NO_PAYLOAD = new Uint8Array()

const NO_SACK: readonly number[] = []

/** What a segment says; without anything, but for its ends, when it is made. */
export class Segment {
  readonly src: number
  readonly sport: number
  readonly dst: number
  readonly dport: number
  seq = 0
  ack = 0
  flags = 0
  /** 0 for none. */
  mss = 0
  sackOk = false
  timestamps = false
  /** Edges, from and to in turn. */
  sack = NO_SACK
  /** Port * 2^32 + address of the client, or -1. */
  toa = -1
  payload: Uint8Array = NO_PAYLOAD

  constructor(src: number, sport: number, dst: number, dport: number) {
    this.src = src
    this.sport = sport
    this.dst = dst
    this.dport = dport
  }

  /** With these flags and numbers. */
  says(flags: number, seq: number, ack: number): this {
    this.flags = flags
    this.seq = seq
    this.ack = ack
    return this
  }
}

/** The one's complement sum of 16-bit words, not folded. */
export function sum(bytes: Uint8Array, from: number, to: number): number {
  let total = 0
  let at = from
  for (; at + 1 < to; at += 2) total += ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  if (at < to) total += (bytes[at] as number) << 8
  return total
}

export function folded(total: number): number {
  let left = total
  while (left > 0xffff) left = (left & 0xffff) + Math.floor(left / 65_536)
  return left
}

/** A frame with room for `bytes` of IP, addressed. */
export function frame(dst: number, src: number, type: number, bytes: number): Uint8Array {
  const out = new Uint8Array(IP_AT + bytes)
  putMac(out, 10, dst)
  putMac(out, 16, src)
  out[22] = type >> 8
  out[23] = type & 255
  return out
}

export function putMac(out: Uint8Array, at: number, mac: number): void {
  put16(out, at, Math.floor(mac / 2 ** 32))
  put32(out, at + 2, mac | 0)
}

export function macAt(bytes: Uint8Array, at: number): number {
  return get16(bytes, at) * 2 ** 32 + (get32(bytes, at + 2) >>> 0)
}

export function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = (value >> 8) & 255
  out[at + 1] = value & 255
}

export function put32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24
  out[at + 1] = (value >>> 16) & 255
  out[at + 2] = (value >>> 8) & 255
  out[at + 3] = value & 255
}

export function get16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

export function get32(bytes: Uint8Array, at: number): number {
  return (get16(bytes, at) << 16) | get16(bytes, at + 2)
}

/** What an IP header says beside addresses and protocol. */
export interface IpFields {
  id: number
  df: boolean
  ttl: number
}
const USUAL: IpFields = { id: 1, df: true, ttl: 64 }

/** The IP header of a packet whose body is there. */
export function putIp(
  out: Uint8Array,
  src: number,
  dst: number,
  protocol: number,
  { id, df, ttl } = USUAL,
): void {
  out[IP_AT] = 0x45
  put16(out, IP_AT + 2, out.length - IP_AT)
  put16(out, IP_AT + 4, id)
  put16(out, IP_AT + 6, df ? 0x4000 : 0)
  out[IP_AT + 8] = ttl
  out[IP_AT + 9] = protocol
  put32(out, IP_AT + 12, src)
  put32(out, IP_AT + 16, dst)
  put16(out, IP_AT + 10, ~folded(sum(out, IP_AT, IP_AT + 20)))
}

/** Sum of pseudo header and everything behind the IP header: 0xffff if the checksum in it is right. */
export function bodySum(bytes: Uint8Array): number {
  const at = IP_AT + ((bytes[IP_AT] as number) & 15) * 4
  const end = IP_AT + get16(bytes, IP_AT + 2)
  const pseudo = sum(bytes, IP_AT + 12, IP_AT + 20) + (bytes[IP_AT + 9] as number) + end - at
  return folded(pseudo + sum(bytes, at, end))
}

function optionBytes({ mss, sackOk, timestamps, sack }: Segment): number {
  const bytes = (mss > 0 ? 4 : 0) + (sackOk ? 2 : 0) + (timestamps ? 10 : 0)
  return (bytes + (sack.length > 0 ? 2 + sack.length * 4 : 0) + 3) & ~3
}

export function tcpFrame(dstMac: number, srcMac: number, s: Segment): Uint8Array {
  const options = optionBytes(s)
  const out = frame(dstMac, srcMac, 0x0800, 40 + options + s.payload.length)
  const at = IP_AT + 20
  put16(out, at, s.sport)
  put16(out, at + 2, s.dport)
  put32(out, at + 4, s.seq)
  put32(out, at + 8, (s.flags & ACK) === 0 ? 0 : s.ack)
  out[at + 12] = (5 + options / 4) << 4
  out[at + 13] = s.flags
  put16(out, at + 14, 0xffff)
  out.fill(1, at + 20, at + 20 + options)
  putOptions(out, at + 20, s)
  out.set(s.payload, at + 20 + options)
  putIp(out, s.src, s.dst, 6)
  put16(out, at + 16, ~bodySum(out))
  return out
}

function putOptions(out: Uint8Array, from: number, { mss, sackOk, timestamps, sack }: Segment) {
  let at = from
  const put = (kind: number, length: number) => {
    out[at] = kind
    out[at + 1] = length
    at += length
    return at - length + 2
  }
  if (mss > 0) put16(out, put(2, 4), mss)
  if (sackOk) put(4, 2)
  if (timestamps) put32(out, put(8, 10), 0x1234_5678)
  if (sack.length === 0) return
  const edges = put(5, 2 + sack.length * 4)
  for (const [i, edge] of sack.entries()) put32(out, edges + i * 4, edge)
}

/** IP protocol of a header of UOA, behind which UDP has no checksum. */
export const UOA_PROTOCOL = 248

/** IP protocols of what is in a tunnel: a packet of IPv4, or of IPv6. */
export const TUNNELS: ReadonlySet<number> = new Set([4, 41])

/** Bytes of the IP header. */
export function ipHeader(bytes: Uint8Array): number {
  return ((bytes[IP_AT] as number) & 15) * 4
}

export function isFragment(bytes: Uint8Array): boolean {
  return (get16(bytes, IP_AT + 6) & 0x3fff) !== 0
}

/** What is wrong with a frame that has been forwarded, or undefined: lengths, checksums. Of a fragment only the header is known. */
export function fault(bytes: Uint8Array): string | undefined {
  // What stays of IPv6 is what nobody could read.
  if (get16(bytes, 22) === 0x86dd) return 'IPv6'
  if (get16(bytes, 22) !== 0x0800) return undefined
  const total = get16(bytes, IP_AT + 2)
  const header = ipHeader(bytes)
  if ((bytes[IP_AT] as number) >> 4 !== 4 || header < 20) return 'IP header'
  if (total + IP_AT > bytes.length || total < header) return 'IP length'
  if (folded(sum(bytes, IP_AT, IP_AT + header)) !== 0xffff) return 'IP checksum'
  const protocol = bytes[IP_AT + 9] as number
  if (isFragment(bytes) || TUNNELS.has(protocol)) return undefined
  const at = IP_AT + header
  if (protocol === UOA_PROTOCOL) return faultOfUoa(bytes, at)
  if (protocol === 1) {
    return folded(sum(bytes, at, IP_AT + total)) === 0xffff ? undefined : 'ICMP checksum'
  }
  if (protocol === 17 && get16(bytes, at + 6) === 0) return undefined
  return bodySum(bytes) === 0xffff ? undefined : 'checksum'
}

/** Over IPv6 the datagram behind UOA has its checksum, whose pseudo header names UDP (RFC 8200 8.1). */
function faultOfUoa(bytes: Uint8Array, from: number): string | undefined {
  const [at, end] = [from + get16(bytes, from + 2), IP_AT + get16(bytes, IP_AT + 2)]
  if (at + 8 > end) return 'UOA length'
  if (get16(bytes, at + 6) === 0) return undefined
  const pseudo = sum(bytes, IP_AT + 12, IP_AT + 20) + 17 + end - at
  return folded(pseudo + sum(bytes, at, end)) === 0xffff ? undefined : 'checksum behind UOA'
}

/** The segment in a frame without fault(). */
export function readTcp(bytes: Uint8Array): Segment {
  const at = IP_AT + 20
  const header = ((bytes[at + 12] as number) >> 4) * 4
  const src = get32(bytes, IP_AT + 12)
  const s = new Segment(src, get16(bytes, at), get32(bytes, IP_AT + 16), get16(bytes, at + 2))
  s.seq = get32(bytes, at + 4)
  s.ack = get32(bytes, at + 8)
  s.flags = bytes[at + 13] as number
  if (header > 20) readOptions(bytes, at + 20, at + header, s)
  const end = IP_AT + get16(bytes, IP_AT + 2)
  if (end > at + header) s.payload = bytes.subarray(at + header, end)
  return s
}

function readOptions(bytes: Uint8Array, from: number, to: number, s: Segment): void {
  for (let at = from; at < to; ) {
    const kind = bytes[at] as number
    if (kind === 0) return
    if (kind === 1) {
      at++
      continue
    }
    const length = bytes[at + 1] as number
    if (length < 2 || at + length > to) return
    if (kind === 2) s.mss = get16(bytes, at + 2)
    else if (kind === 4) s.sackOk = true
    else if (kind === 8) s.timestamps = true
    else if (kind === 254) s.toa = get16(bytes, at + 2) * 2 ** 32 + (get32(bytes, at + 4) >>> 0)
    else if (kind === 5) {
      const edges: number[] = []
      for (let edge = at + 2; edge < at + length; edge += 4) edges.push(get32(bytes, edge))
      s.sack = edges
    }
    at += length
  }
}

/** ARP: a request (1), an answer (2), an announcement (an answer for oneself to all). */
export function arpFrame(
  op: number,
  sender: { mac: number; ip: number },
  target: { mac: number; ip: number },
  dstMac: number,
): Uint8Array {
  const out = frame(dstMac, sender.mac, 0x0806, 28)
  put16(out, IP_AT, 1)
  put16(out, IP_AT + 2, 0x0800)
  put16(out, IP_AT + 4, 0x0604)
  put16(out, IP_AT + 6, op)
  putMac(out, IP_AT + 8, sender.mac)
  put32(out, IP_AT + 14, sender.ip)
  putMac(out, IP_AT + 18, target.mac)
  put32(out, IP_AT + 24, target.ip)
  return out
}
