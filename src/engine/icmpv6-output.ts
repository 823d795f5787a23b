/**
 * ICMPv6 errors that the appliance itself originates, as icmp-output.ts has those of ICMP: each is made in place of the packet that it
 * is about, with headers in front of it. Before changing this file read RFC 4443 2.4 and 3.
 */

import { ETH } from '../wire/ethernet.ts'
import { ICMPV6, ICMPV6_TYPE, UNREACHABLE6, writeIcmpv6Checksum } from '../wire/icmpv6.ts'
import { ADDRESS6_BYTES, IPV6, isSingleHost6, MTU6_LEAST, NEXT, writeIpv6 } from '../wire/ipv6.ts'
import type { AddressBook } from './address-book.ts'
import { type Arm, isOurs } from './arm.ts'
import { type Counters, Event } from './counters.ts'
import { Family } from './family.ts'
import { type Frames, STRIDE } from './frames.ts'
import { type IcmpErrors, PARKED_QUOTE, putInFront } from './icmp-output.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { sourceFor6 } from './route-out6.ts'
import { swapMacs } from './rst.ts'

const { IPV6: FAMILY } = Family
const { SRC, DST, PAYLOAD_LENGTH } = IPV6
/** What is put in front of the packet. */
const GROWTH = IPV6.HEADER + ICMPV6.HEADER
const HOPS = 64

export class Icmpv6Errors {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #book: AddressBook
  readonly #counters: Counters
  /** Who keeps both from being too many. */
  readonly #pace: IcmpErrors

  constructor({ frames, arms, book, counters }: Parts, pace: IcmpErrors) {
    this.#frames = frames
    this.#arms = arms
    this.#book = book
    this.#counters = counters
    this.#pace = pace
  }

  /** As IcmpErrors.answer; `mtu` is that of TOO_BIG, else 0. */
  answer(
    slot: number,
    p: Parsed,
    arm: Arm,
    type: number,
    code: number,
    mtu: number,
    reason: number,
  ): number {
    const { source, daddr } = p
    const a = source[0]
    const b = source[1]
    const c = source[2]
    const d = source[3]
    const book = this.#book
    const from = isOurs(this.#arms, FAMILY, daddr) ? daddr : sourceFor6(arm, book, a, b, c, d)
    if (from === 0 || !isSingleHost6(a, b, c, d)) return -reason
    if (isOurs(this.#arms, FAMILY, book.find(a, b, c, d)) || !this.#mayWrite(slot)) return -reason
    const { pkt } = this.#frames
    swapMacs(pkt, p.eth)
    // A frame that stands for several segments is quoted as the one that was too large.
    if (p.largest < p.ipTotal) pkt.setUint16(p.ip + PAYLOAD_LENGTH, p.largest - IPV6.HEADER)
    const outer = this.#write(slot, p.ip, p.ipTotal)
    for (let i = 0; i < ADDRESS6_BYTES; i += 4)
      pkt.setInt32(outer + DST + i, pkt.getInt32(p.ip + SRC + i))
    book.write(pkt, outer + SRC, from)
    this.#finish(outer, type, code, mtu)
    this.#counters.count(eventOf(type, code))
    return arm.index
  }

  /** As IcmpErrors.returned. */
  returned(slot: number, at: number, bytes: number): boolean {
    if (!this.#pace.maySend()) return false
    const { bytes: all } = this.#frames
    const quoted = Math.min(bytes, PARKED_QUOTE)
    // TOA may have taken the room in front; behind so few bytes there is some.
    const ip = at + GROWTH
    all.copyWithin(ip - ETH.HEADER, at - ETH.HEADER, at + quoted)
    this.about(slot, ip, quoted, ICMPV6_TYPE.UNREACHABLE, UNREACHABLE6.ADDRESS, 0)
    this.#counters.count(Event.ICMP_HOST_UNREACHABLE)
    return true
  }

  /** As IcmpErrors.about. */
  about(slot: number, ip: number, bytes: number, type: number, code: number, mtu: number): void {
    const { pkt } = this.#frames
    const outer = this.#write(slot, ip, bytes)
    for (let i = 0; i < ADDRESS6_BYTES; i += 4) {
      pkt.setInt32(outer + SRC + i, pkt.getInt32(ip + DST + i))
      pkt.setInt32(outer + DST + i, pkt.getInt32(ip + SRC + i))
    }
    this.#finish(outer, type, code, mtu)
  }

  #mayWrite(slot: number): boolean {
    return this.#frames.start[slot] - slot * STRIDE >= GROWTH && this.#pace.maySend()
  }

  /** Headers in front of the packet at `ip`, of which so many bytes as fit stay; the Ethernet header moves along. => Where the new one is */
  #write(slot: number, ip: number, bytes: number): number {
    const total = Math.min(GROWTH + bytes, MTU6_LEAST)
    const outer = putInFront(this.#frames, slot, ip, GROWTH, total)
    writeIpv6(this.#frames.pkt, outer, NEXT.ICMPV6, total - IPV6.HEADER, HOPS)
    return outer
  }

  #finish(ip: number, type: number, code: number, mtu: number): void {
    const { pkt } = this.#frames
    const icmp = ip + IPV6.HEADER
    pkt.setInt32(icmp, (type << 24) | (code << 16))
    pkt.setInt32(icmp + ICMPV6.MTU, mtu)
    writeIcmpv6Checksum(pkt, ip, icmp, pkt.getUint16(ip + PAYLOAD_LENGTH))
  }
}

function eventOf(type: number, code: number): number {
  if (type === ICMPV6_TYPE.TIME_EXCEEDED) return Event.ICMP_TIME_EXCEEDED
  if (type === ICMPV6_TYPE.TOO_BIG) return Event.ICMP_FRAG_NEEDED
  return code === UNREACHABLE6.PORT ? Event.ICMP_PORT_UNREACHABLE : Event.ICMP_HOST_UNREACHABLE
}
