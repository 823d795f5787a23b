/**
 * ICMPv6 errors of others about packets that we have translated, as icmp-errors.ts has those of ICMP: each goes on to whoever sent that
 * packet, who must recognise in it what was sent. Before changing this file read RFC 4443 2.4, RFC 8201 and RFC 5927.
 */

import { adjust, diff16, diff32, fold, sumWords } from '../wire/checksum.ts'
import { ICMPV6, ICMPV6_TYPE, writeIcmpv6Checksum } from '../wire/icmpv6.ts'
import {
  ADDRESS6_BYTES,
  IPV6,
  isSingleHost6,
  MTU6_LEAST,
  quotedHeader6,
  readAddress6,
  writeAddress6,
} from '../wire/ipv6.ts'
import { TCP, TOA6_BYTES } from '../wire/tcp.ts'
import type { AddressBook } from './address-book.ts'
import { type Arm, isOurs } from './arm.ts'
import { CELL, KEY, PROTOCOL_BITS, RECORD, TUPLE } from './conn-layout.ts'
import { type Counters, Drop, Event } from './counters.ts'
import { Family } from './family.ts'
import type { Frames } from './frames.ts'
import { adjustUdp, type TranslatedErrors } from './icmp-errors.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { ErrorsOfFamily } from './quoted.ts'
import { armTowards6 } from './route-out6.ts'
import { Addresses6 } from './xmit/addresses6.ts'
import { restoreEcho } from './xmit/echo.ts'
import { decrementHops } from './xmit/ip.ts'

const { BINDING } = CELL
const { PORTS } = TUPLE
const { of: recordOf, peer: peerOf } = RECORD
const { HEADER: IP_HEADER, SRC, DST, PAYLOAD_LENGTH } = IPV6
const { HEADER: ICMP_HEADER, MTU } = ICMPV6

export class TranslatedErrors6 implements ErrorsOfFamily {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #cells: Int32Array
  readonly #book: AddressBook
  readonly #counters: Counters
  readonly #addresses: Addresses6
  /** Who knows what numbers are quoted. */
  readonly #numbers: TranslatedErrors
  /** Of the error at hand. */
  readonly #sender = new Int32Array(4)

  constructor(parts: Parts, numbers: TranslatedErrors) {
    this.#frames = parts.frames
    this.#arms = parts.arms
    this.#cells = parts.table.cells
    this.#book = parts.book
    this.#counters = parts.counters
    this.#addresses = new Addresses6(parts)
    this.#numbers = numbers
  }

  judge(p: Parsed, t: number, binding: number, mtu: number): number {
    const { pkt } = this.#frames
    // A router of the link may have no other address than one of the link.
    if (isOurs(this.#arms, Family.IPV6, this.#book.read(pkt, p.ip + SRC))) return -Drop.IP_SOURCE
    if (this.#numbers.keepsSender(t) && !this.#isFromOutside(p.ip, binding)) return -Drop.IP_SOURCE
    const quote = p.l4 + ICMP_HEADER
    const l4 = quote + quotedHeader6(pkt, quote)
    if (!this.#numbers.isUnderWay(l4, t, binding)) return -Drop.ICMP_SEQUENCE
    return p.ipTotal > mtu ? -Drop.IP_TOO_BIG : 0
  }

  /** As of IPv4: who is told sees the sender, which must not be one that he reaches as it is. */
  #isFromOutside(ip: number, binding: number): boolean {
    const { pkt } = this.#frames
    const a = pkt.getInt32(ip + SRC)
    const b = pkt.getInt32(ip + SRC + 4)
    const c = pkt.getInt32(ip + SRC + 8)
    const d = pkt.getInt32(ip + SRC + 12)
    // What is of the link alone means nothing behind us (RFC 4007 9).
    if (!isSingleHost6(a, b, c, d)) return false
    const back = armTowards6(this.#arms, a, b, c, d)
    return back === undefined || back === this.#numbers.armOfRs(binding)
  }

  decrement(p: Parsed): void {
    decrementHops(this.#frames.pkt, p)
  }

  translate(_slot: number, ip: number, icmp: number, t: number): void {
    const { pkt } = this.#frames
    readAddress6(pkt, ip + SRC, this.#sender)
    this.#addresses.write(pkt, ip, t)
    const bytes = pkt.getUint16(ip + PAYLOAD_LENGTH) - (icmp - ip - IP_HEADER)
    this.#translateQuote(ip, icmp + ICMP_HEADER, bytes - ICMP_HEADER, t)
    if (this.#numbers.keepsSender(t)) writeAddress6(pkt, ip + SRC, this.#sender, 0)
    if ((t & 1) === 1) this.#lowerMtu(icmp, t)
    writeIcmpv6Checksum(pkt, ip, icmp, bytes)
  }

  /** The packet quoted at `ip` has the addresses of the error at `outer` the other way round. */
  #translateQuote(outer: number, ip: number, bytes: number, t: number): void {
    const { pkt } = this.#frames
    const before = fold(sumWords(pkt, ip + SRC, 2 * ADDRESS6_BYTES))
    for (let i = 0; i < ADDRESS6_BYTES; i += 4) {
      pkt.setInt32(ip + SRC + i, pkt.getInt32(outer + DST + i))
      pkt.setInt32(ip + DST + i, pkt.getInt32(outer + SRC + i))
    }
    const after = fold(sumWords(pkt, ip + SRC, 2 * ADDRESS6_BYTES))
    const header = quotedHeader6(pkt, ip)
    const l4 = ip + header
    const quoted = Math.min(bytes, IP_HEADER + pkt.getUint16(ip + PAYLOAD_LENGTH)) - header
    const ports = this.#cells[peerOf(t) | PORTS]
    const addresses = diff16(before, after)
    if ((this.#cells[recordOf(t) | BINDING] & PROTOCOL_BITS) === KEY.ICMP) {
      restoreEcho(pkt, l4, ports, t, addresses)
      return
    }
    const changed = addresses + diff32(pkt.getInt32(l4), ports)
    pkt.setInt32(l4, ports)
    if (this.#isTcp(t)) {
      const moved = this.#numbers.moveNumber(l4, quoted, t)
      if (quoted >= TCP.CHECKSUM + 2) adjust(pkt, l4 + TCP.CHECKSUM, changed + moved)
    } else adjustUdp(pkt, l4, changed)
  }

  #isTcp(t: number): boolean {
    return (this.#cells[recordOf(t) | BINDING] & PROTOCOL_BITS) === KEY.TCP
  }

  /** As of IPv4, by 20 bytes; less than every link carries nobody would believe (RFC 8201 4). */
  #lowerMtu(icmp: number, t: number): void {
    const { pkt } = this.#frames
    if (!this.#isTcp(t)) return
    const grown = this.#numbers.grownBy(t >> 1, TOA6_BYTES)
    if (pkt.getUint8(icmp + ICMPV6.TYPE) !== ICMPV6_TYPE.TOO_BIG) return
    const mtu = pkt.getInt32(icmp + MTU) >>> 0
    if (grown === 0 || mtu <= MTU6_LEAST) return
    pkt.setInt32(icmp + MTU, Math.max(MTU6_LEAST, mtu - grown))
    this.#counters.count(Event.ICMP_MTU_LOWERED)
  }
}
