/** What leaves is judged as a strict receiver and a kernel would: lengths, checksums, offloads, the MTU of the arm. */

import { inside6 } from './inside6.ts'
import { fold, pseudo, Sum, sumState, TCP, UDP, UOA, words } from './sums.ts'

const HEAD = 24
const ARP_BYTES = HEAD + 28
const NEEDS_CSUM = 1
const IPIP = 4
const IN_IPV6 = 41

/** The fragments of one datagram leave one behind the other. */
interface Pieces {
  id: number
  next: number
  sum: number
  /** What is summed, as the header of UDP says: not always all that there is. */
  length: number
}

/** One of them: where it is, and what it says of itself. */
interface Piece {
  ip: number
  data: number
  bytes: number
  offset: number
  more: boolean
  id: number
  protocol: number
}

export class Leaving {
  readonly #pieces: Pieces[]
  readonly #inner = new DataView(new ArrayBuffer(1 << 16))

  constructor(arms: number) {
    this.#pieces = Array.from({ length: arms }, () => ({ id: -1, next: 0, sum: 0, length: 0 }))
  }

  /**
   * The frame at `at` is about to leave on `arm`. `came` is one of Sum, of the frame that it was; with `payload` its checksum
   * was complete, and of more than headers. => What is wrong with it, '' for nothing
   */
  judge(
    pkt: DataView,
    at: number,
    length: number,
    arm: { index: number; mtu: number },
    came: number,
    payload: boolean,
  ): string {
    if (length < HEAD) return 'a runt'
    const type = pkt.getUint16(at + 22)
    if (type === 0x0806) return length < ARP_BYTES ? 'a short ARP' : ''
    if (type === 0x86dd && length > HEAD + 48 && pkt.getUint8(at + HEAD + 6) === 44)
      return this.#piece6(pkt, at + HEAD, length - HEAD, arm, came)
    if (type === 0x86dd && length > HEAD + 40 && pkt.getUint8(at + HEAD + 6) === IN_IPV6)
      return this.#tunnelled(pkt, at, length, 40, arm, came, payload)
    if (type === 0x86dd) return judge6(pkt, at, length, arm.mtu, came, payload)
    if (type !== 0x0800) return `ethertype ${type.toString(16)}`
    const shape = shapeOf(pkt, at, length, arm.mtu)
    if (shape !== '') return shape
    const ip = at + HEAD
    if (pkt.getUint8(ip + 9) === IPIP && (pkt.getUint16(ip + 6) & 0x3fff) === 0)
      return this.#tunnelled(pkt, at, length, 20, arm, came, payload)
    if ((pkt.getUint16(ip + 6) & 0x3fff) !== 0) return this.#piece(pkt, ip, arm.index, came)
    if (came === Sum.TAGGED) return ''
    const state = sumState(pkt, at, length)
    const protocol = pkt.getUint8(ip + 9)
    if (came === Sum.WRONG) {
      // Others than TCP and UDP never pass with a wrong one. An answer of ours, in its place, has no payload.
      if (protocol === UOA) return payload ? 'a wrong checksum is hidden' : ''
      if (protocol !== TCP && protocol !== UDP) return state === Sum.RIGHT ? '' : 'a wrong checksum'
      const isAnswer = protocol === TCP && !carries(pkt, ip)
      return state === Sum.RIGHT && payload && !isAnswer ? 'a wrong checksum became right' : ''
    }
    if (state === Sum.WRONG) return `a wrong checksum of protocol ${protocol}`
    if (state === Sum.UNKNOWN) return `protocol ${protocol} with headers that are not whole`
    // Behind the header of UOA there is none (semantics 4.2).
    const hasGone = state === Sum.NONE && came === Sum.RIGHT && protocol !== UOA
    return hasGone ? 'a checksum has gone' : ''
  }

  /** Those of IPv6 have a header of their own, and an ID of 32 bits. */
  #piece6(
    pkt: DataView,
    ip: number,
    total: number,
    arm: { index: number; mtu: number },
    came: number,
  ): string {
    const data = ip + 48
    const field = pkt.getUint16(ip + 42)
    if (total !== 40 + pkt.getUint16(ip + 4)) return 'a length that is none'
    if (total > arm.mtu) return `${total} bytes on an MTU of ${arm.mtu}`
    if (pkt.getUint8(ip + 7) === 0) return 'hop limit 0'
    // What came as a fragment that is all of its packet is passed on as one.
    if ((field & 0xfff9) === 0) return ''
    const more = (field & 1) !== 0
    const at = { ip, data, bytes: total - 48, offset: field & 0xfff8, more }
    const id = pkt.getUint32(ip + 44)
    return this.#next(pkt, { ...at, id, protocol: pkt.getUint8(ip + 40) }, arm.index, came)
  }

  /** What is inside, behind `header` bytes, is judged as if it were alone; no device knows what to do for it. */
  #tunnelled(
    pkt: DataView,
    at: number,
    length: number,
    header: number,
    arm: { index: number; mtu: number },
    came: number,
    payload: boolean,
  ): string {
    for (let i = 0; i < 10; i++) if (pkt.getUint8(at + i) !== 0) return 'a tunnel with offloads'
    const inner = this.#inner
    for (let i = 0; i < HEAD; i++) inner.setUint8(i, pkt.getUint8(at + i))
    for (let i = HEAD + header; i < length; i++) inner.setUint8(i - header, pkt.getUint8(at + i))
    const mtu = arm.mtu - header
    return this.judge(inner, 0, length - header, { index: arm.index, mtu }, came, payload)
  }

  /** Sums of the pieces add up to that of the datagram. */
  #piece(pkt: DataView, ip: number, arm: number, came: number): string {
    const header = (pkt.getUint8(ip) & 15) * 4
    const field = pkt.getUint16(ip + 6)
    const at = { ip, data: ip + header, bytes: pkt.getUint16(ip + 2) - header }
    const place = { offset: (field & 0x1fff) * 8, more: (field & 0x2000) !== 0 }
    const whose = { id: pkt.getUint16(ip + 4), protocol: pkt.getUint8(ip + 9) }
    return this.#next(pkt, { ...at, ...place, ...whose }, arm, came)
  }

  #next(pkt: DataView, one: Piece, arm: number, came: number): string {
    const { ip, data, bytes, offset, more, id, protocol } = one
    const pieces = this.#pieces[arm] as Pieces
    const length = bytes >= 8 ? pkt.getUint16(data + 4) : 0
    if (offset === 0) Object.assign(pieces, { id, next: 0, sum: 0, length })
    if (pieces.id !== id || pieces.next !== offset) return 'a fragment without those before it'
    pieces.sum += words(pkt, data, data + bytes)
    pieces.next += bytes
    if (more) return bytes % 8 === 0 ? '' : 'a fragment of no eights'
    pieces.id = -1
    if (came !== Sum.RIGHT || (protocol !== TCP && protocol !== UDP)) return ''
    if (protocol === UDP && pieces.length !== pieces.next) return ''
    const whole = pseudo(pkt, ip, protocol, pieces.next) + pieces.sum
    return fold(whole) === 0xffff ? '' : 'fragments with a wrong checksum'
  }
}

/** The same of IPv6. */
function judge6(
  pkt: DataView,
  at: number,
  length: number,
  mtu: number,
  came: number,
  payload: boolean,
): string {
  const ip = at + HEAD
  if (length < HEAD + 40 || pkt.getUint8(ip) >> 4 !== 6) return 'no IPv6'
  const total = 40 + pkt.getUint16(ip + 4)
  if (total !== length - HEAD) return `${total} bytes of IPv6 in a frame of ${length}`
  if (pkt.getUint8(ip + 7) === 0) return 'hop limit 0'
  const { next, at: l4 } = inside6(pkt, ip, total)
  const isPartial = (pkt.getUint8(at) & NEEDS_CSUM) !== 0
  const field = next === TCP ? 16 : next === UDP ? 6 : -1
  if (isPartial && (pkt.getUint16(at + 6, true) !== l4 - at - 10 || field < 0)) return 'csum_start'
  if (isPartial && pkt.getUint16(at + 8, true) !== field) return 'csum_offset'
  const header = next === TCP ? (pkt.getUint8(l4 + 12) >> 4) * 4 : 8
  const isWhole = pkt.getUint8(at + 1) === 0
  const largest = isWhole ? total : l4 - ip + header + pkt.getUint16(at + 4, true)
  if (Math.min(total, largest) > mtu) return `${largest} bytes on an MTU of ${mtu}`
  if (came === Sum.TAGGED) return ''
  const state = sumState(pkt, at, length)
  if (state === Sum.UNKNOWN) return `number ${next} of IPv6`
  // ICMPv6 never passes with a wrong one, and an answer of ours, in the place of what came, has its own.
  if (came === Sum.WRONG && (next === TCP || next === UDP || next === UOA)) {
    const isAnswer = next === TCP && ip + total === l4 + header
    return state === Sum.RIGHT && payload && !isAnswer ? 'a wrong checksum became right' : ''
  }
  return state === Sum.RIGHT ? '' : 'a wrong checksum'
}

function carries(pkt: DataView, ip: number): boolean {
  const header = (pkt.getUint8(ip) & 15) * 4
  return pkt.getUint16(ip + 2) > header + (pkt.getUint8(ip + header + 12) >> 4) * 4
}

/** Whether the frame that has come in has payload behind a header of TCP or UDP, and a complete checksum. */
export function hasPayload(pkt: DataView, at: number): boolean {
  if ((pkt.getUint8(at) & NEEDS_CSUM) !== 0) return false
  const ip = at + HEAD
  if (pkt.getUint16(ip - 2) === 0x86dd) {
    const total = 40 + pkt.getUint16(ip + 4)
    const { next, at: l4 } = inside6(pkt, ip, total)
    if (next === UDP) return pkt.getUint16(l4 + 4) > 8
    return next === TCP && ip + total > l4 + (pkt.getUint8(l4 + 12) >> 4) * 4
  }
  const header = (pkt.getUint8(ip) & 15) * 4
  const protocol = pkt.getUint8(ip + 9)
  if (protocol === UDP) return pkt.getUint16(ip + header + 4) > 8
  return protocol === TCP && carries(pkt, ip)
}

function shapeOf(pkt: DataView, at: number, length: number, mtu: number): string {
  const ip = at + HEAD
  if (length < HEAD + 20 || pkt.getUint8(ip) >> 4 !== 4) return 'no IPv4'
  const header = (pkt.getUint8(ip) & 15) * 4
  const total = pkt.getUint16(ip + 2)
  if (header < 20 || total < header || total !== length - HEAD)
    return `a header of ${header} and ${total} bytes in a frame of ${length}`
  if (fold(words(pkt, ip, ip + header)) !== 0xffff) return 'a wrong IP checksum'
  if (pkt.getUint8(ip + 8) === 0) return 'TTL 0'
  return offloadsOf(pkt, at, length, mtu)
}

/** What the virtio-net header says must be what a kernel expects (virtio 1.2, 5.1.6.2). */
function offloadsOf(pkt: DataView, at: number, length: number, mtu: number): string {
  const ip = at + HEAD
  const header = (pkt.getUint8(ip) & 15) * 4
  const l4 = ip + header
  const protocol = pkt.getUint8(ip + 9)
  const gso = pkt.getUint8(at + 1)
  const total = length - HEAD
  const isPartial = (pkt.getUint8(at) & NEEDS_CSUM) !== 0
  if (isPartial) {
    const behind = protocol === 248 ? 12 : 0
    const field = protocol === TCP ? 16 : 6
    if (pkt.getUint16(at + 6, true) !== 14 + header + behind) return 'csum_start'
    if (pkt.getUint16(at + 8, true) !== field) return 'csum_offset'
  }
  if (gso === 0) return total > mtu ? `${total} bytes on an MTU of ${mtu}` : ''
  if (!isPartial) return 'segmentation without a partial checksum'
  const bytes = protocol === TCP ? (pkt.getUint8(l4 + 12) >> 4) * 4 : 8
  const size = pkt.getUint16(at + 4, true)
  const largest = Math.min(total, header + bytes + size)
  return size === 0 || largest > mtu ? `segments of ${largest} bytes on an MTU of ${mtu}` : ''
}
