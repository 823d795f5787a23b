/**
 * Fragments of IPv6 (RFC 8200 4.5), which only who sends a packet makes: what came in fragments, and was put together here, leaves in
 * some again, into none larger than it came in, or than 1280 bytes, which every link carries. Nothing else is cut. fragmentation.ts says when.
 */

import { extensionBytes, FRAGMENT6, IPV6, isExtension, MTU6_LEAST, NEXT } from '../wire/ipv6.ts'
import type { Arm } from './arm.ts'
import { type Counters, Drop, Event } from './counters.ts'
import { FRAME_HEAD, type Frames } from './frames.ts'
import type { Parts } from './parts.ts'
import type { Random } from './random.ts'

const { HEADER: IP_HEADER, PAYLOAD_LENGTH, NEXT: IP_NEXT } = IPV6
const { HEADER: FRAGMENT_HEADER, OFFSET, ID, MORE } = FRAGMENT6

export class Fragmentation6 {
  readonly #frames: Frames
  readonly #counters: Counters
  readonly #random: Random
  /** Of the datagram at hand: bytes of the headers that go into all fragments, where the last of them says what follows, and that. */
  #header = 0
  #nextAt = 0
  #next = 0
  #id = 0
  /** Of its payload, in all fragments but the last. */
  #step = 0

  constructor({ frames, counters, random }: Pick<Parts, 'frames' | 'counters' | 'random'>) {
    this.#frames = frames
    this.#counters = counters
    this.#random = random
  }

  /** As Fragmentation.cut, of one whose largest fragment had `came` bytes. */
  cut(slot: number, arm: Arm, came: number): number {
    const last = this.begin(slot, arm.mtu, came)
    for (let i = 0; i < last; i++) arm.send(this.copy(slot, i))
    if (last > 0) this.becomeLast(slot, last)
    return last < 0 ? last : 0
  }

  /** The datagram in `slot` is to fit where `mtu` bytes do: copy() and becomeLast() are to follow. => The number of its last fragment, 0 if it fits whole, or minus a drop reason */
  begin(slot: number, mtu: number, came: number): number {
    const frames = this.#frames
    const total = frames.length[slot] - FRAME_HEAD
    const most = Math.min(mtu, Math.max(came, MTU6_LEAST))
    if (total <= most) return 0
    this.#readHeaders(frames.start[slot] + FRAME_HEAD)
    const header = this.#header
    const step = (most - header - FRAGMENT_HEADER) & ~7
    if (step <= 0) return -Drop.IP_TOO_BIG
    const last = Math.ceil((total - header) / step) - 1
    if (!frames.hasRoomFor(last)) return -Drop.NO_BUFFER
    this.#step = step
    // Nobody can tell the next one (RFC 7739).
    this.#id = (this.#random.below(65_536) << 16) | this.#random.below(65_536)
    this.#counters.count(Event.FRAGMENTED)
    return last
  }

  /** Up to a routing header, or hop-by-hop options without one, all nodes on the way read them. */
  #readHeaders(ip: number): void {
    const { pkt } = this.#frames
    this.#header = IP_HEADER
    this.#nextAt = IP_NEXT
    let next = pkt.getUint8(ip + IP_NEXT)
    this.#next = next
    for (let at = ip + IP_HEADER; isExtension(next); ) {
      const isOnTheWay = next === NEXT.HOP_BY_HOP || next === NEXT.ROUTING
      const from = at
      next = pkt.getUint8(at)
      at += extensionBytes(pkt, at)
      if (!isOnTheWay) continue
      this.#header = at - ip
      this.#nextAt = from - ip
      this.#next = next
    }
  }

  /** Fragment number `i`, which is not the last one, in a slot of its own. => That slot */
  copy(slot: number, i: number): number {
    const frames = this.#frames
    const header = this.#header
    const step = this.#step
    const piece = frames.take()
    const from = frames.start[slot]
    const to = frames.start[piece]
    const payload = from + FRAME_HEAD + header + i * step
    frames.bytes.copyWithin(to, from, from + FRAME_HEAD + header)
    frames.bytes.copyWithin(to + FRAME_HEAD + header + FRAGMENT_HEADER, payload, payload + step)
    this.#settle(to + FRAME_HEAD, step, (i * step) | MORE)
    frames.length[piece] = FRAME_HEAD + header + FRAGMENT_HEADER + step
    frames.mark[piece] = frames.mark[slot]
    return piece
  }

  /** The frame keeps what its last fragment, of this number, has of the payload, with its headers moved there. */
  becomeLast(slot: number, last: number): void {
    const frames = this.#frames
    const header = this.#header
    const offset = last * this.#step
    const from = frames.start[slot]
    const to = from + offset - FRAGMENT_HEADER
    const bytes = frames.length[slot] - FRAME_HEAD - header - offset
    frames.bytes.copyWithin(to, from, from + FRAME_HEAD + header)
    this.#settle(to + FRAME_HEAD, bytes, offset)
    frames.start[slot] = to
    frames.length[slot] = FRAME_HEAD + header + FRAGMENT_HEADER + bytes
  }

  /** The headers at `ip` become those of a fragment of `bytes` bytes; `place` is its offset, and whether more follow. */
  #settle(ip: number, bytes: number, place: number): void {
    const { pkt } = this.#frames
    const at = ip + this.#header
    pkt.setUint16(ip + PAYLOAD_LENGTH, this.#header + FRAGMENT_HEADER + bytes - IP_HEADER)
    pkt.setUint8(ip + this.#nextAt, NEXT.FRAGMENT)
    pkt.setUint16(at, this.#next << 8)
    pkt.setUint16(at + OFFSET, place)
    pkt.setInt32(at + ID, this.#id)
  }
}
