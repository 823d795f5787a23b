/**
 * The translation of a TCP segment of a client that speaks IPv6: as tcp.ts has it over IPv4, with addresses of four words. There is no
 * checksum of the header, and TOA has 20 bytes (semantics 3.4), on the way to an RS that speaks IPv4 too (headers64.ts).
 */

import { adjusted, diff32, fold } from '../../wire/checksum.ts'
import { TCP, TOA6_BYTES } from '../../wire/tcp.ts'
import { CELL, COLD, FAMILIES, RECORD, RS_SEEN, SIX_TO_FOUR } from '../conn-layout.ts'
import { type Counters, Event } from '../counters.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { Addresses6 } from './addresses6.ts'
import { Headers64 } from './headers64.ts'
import { decrementHops, settleHdrLen } from './ip.ts'
import { inOptions, isUsual, outOptions } from './tcp-options.ts'
import { insertToa, ToaMode, wantsToa } from './toa.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { CLIENT_PORTS, DELTA, WORD, BINDING, RS_ISN1, RS_PORTS } = CELL
const { of: recordOf, column: columnAt } = RECORD
const { HEADER: TCP_HEADER, CHECKSUM: TCP_CHECKSUM } = TCP
const { SPORT: TCP_SPORT, SEQ: TCP_SEQ, ACK: TCP_ACK } = TCP
const { PROXY } = COLD
const { OFF } = ToaMode
const SEEN = RS_SEEN
const TOA_BYTES = TOA6_BYTES
const BOTH_FAMILIES = FAMILIES
const ACROSS = SIX_TO_FOUR

export class Tcp6Rewrite {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #wide: Int32Array
  readonly #cold: Int32Array
  readonly #addresses: Addresses6
  readonly #headers64: Headers64
  readonly #counters: Counters
  readonly #toaMode: number
  readonly #decrementsTtl: boolean

  constructor(parts: Parts, toaMode: number, decrementsTtl: boolean) {
    const { frames, table, counters } = parts
    this.#frames = frames
    this.#cells = table.cells
    this.#wide = table.wide
    this.#cold = table.cold
    this.#addresses = new Addresses6(parts)
    this.#headers64 = new Headers64(parts, decrementsTtl)
    this.#counters = counters
    this.#toaMode = toaMode
    this.#decrementsTtl = decrementsTtl
  }

  /** As FullNat.translate. */
  rewrite(slot: number, p: Parsed, t: number, mtu: number): number {
    const { pkt } = this.#frames
    const cells = this.#cells
    const { l4, partial } = p
    const conn = recordOf(t)
    const inward = (t & 1) === 0
    const delta = cells[conn | DELTA]
    const options =
      p.l4Header === TCP_HEADER || isUsual(pkt, p) ? 0 : this.#options(pkt, p, inward, delta)
    const toa = inward && this.#isToaDue(pkt, p, conn)
    const turned = cells[conn | (inward ? RS_PORTS : CLIENT_PORTS)]
    const ports = (turned << 16) | (turned >>> 16)
    const moves = l4 + (inward ? TCP_SEQ : TCP_ACK)
    const before = pkt.getInt32(moves)
    const after = (inward ? before + delta : before - delta) | 0
    const field = pkt.getUint16(l4 + TCP_CHECKSUM)
    const addresses =
      (cells[conn | BINDING] & BOTH_FAMILIES) === ACROSS
        ? this.#headers64.translate(slot, p, t)
        : this.#translateHeader(pkt, p, t)
    const sum =
      partial === 1
        ? fold(field + addresses)
        : adjusted(field, addresses + diff32(p.ports, ports) + diff32(before, after) + options)
    pkt.setInt32(l4 + TCP_SPORT, ports)
    pkt.setInt32(moves, after)
    pkt.setUint16(l4 + TCP_CHECKSUM, sum)
    const failed = toa ? this.#addToa(slot, p, t, mtu) : 0
    if (p.gsoSize !== 0) settleHdrLen(pkt, p)
    return failed
  }

  #translateHeader(pkt: DataView, p: Parsed, t: number): number {
    if (this.#decrementsTtl) decrementHops(pkt, p)
    return this.#addresses.translate(pkt, p.ip, t)
  }

  #options(pkt: DataView, p: Parsed, inward: boolean, delta: number): number {
    if (inward) return inOptions(pkt, p, this.#counters)
    return outOptions(pkt, p, delta, this.#toaMode === OFF ? 0 : TOA_BYTES)
  }

  #isToaDue(pkt: DataView, p: Parsed, conn: number): boolean {
    const cells = this.#cells
    const ackIsFirst =
      (cells[conn | WORD] & SEEN) !== 0 && pkt.getInt32(p.l4 + TCP_ACK) === cells[conn | RS_ISN1]
    if (!wantsToa(this.#toaMode, p.flags, ackIsFirst)) return false
    // Who is told of by a header has no TOA.
    return this.#cold[(conn >> 2) | PROXY] === 0
  }

  #addToa(slot: number, p: Parsed, t: number, mtu: number): number {
    const cport = this.#cells[recordOf(t) | CLIENT_PORTS] >>> 16
    const at = columnAt(t >> 1)
    const mode = this.#toaMode
    const failed = insertToa(this.#frames, slot, p, this.#wide, at, TOA_BYTES, cport, mtu, mode)
    this.#counters.count(failed === 0 ? Event.TOA_ADDED : failed)
    return failed
  }
}
