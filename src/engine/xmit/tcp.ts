/**
 * The translation of a TCP segment: the mirror of the other tuple, the client's own numbers, options. Addresses and checksum of
 * the IP header are rewritten here too, because all is read before anything is written: behind a store through the DataView V8
 * checks and loads anew what it knew, and the same in two steps cost every packet an eighth more.
 */

import { adjusted, diff32, fold } from '../../wire/checksum.ts'
import { IPV4 } from '../../wire/ipv4.ts'
import { TCP, TOA_BYTES as TOA4_BYTES } from '../../wire/tcp.ts'
import { CELL, COLD, RECORD, RS_SEEN, TUPLE } from '../conn-layout.ts'
import { type Counters, Event } from '../counters.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { decrementTtl, settleHdrLen } from './ip.ts'
import { inOptions, isUsual, outOptions } from './tcp-options.ts'
import { insertToa, ToaMode, wantsToa } from './toa.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { CIP, CLIENT_PORTS, DELTA, WORD, RS_ISN1 } = CELL
const { PROXY } = COLD
const { SADDR, DADDR, PORTS } = TUPLE
const { of: recordOf, peer: peerOf } = RECORD
const { CHECKSUM: IP_CHECKSUM, SRC: IP_SRC, DST: IP_DST } = IPV4
const { HEADER: TCP_HEADER, CHECKSUM: TCP_CHECKSUM } = TCP
const { SPORT: TCP_SPORT, SEQ: TCP_SEQ, ACK: TCP_ACK } = TCP
const { OFF } = ToaMode
const TOA_BYTES = TOA4_BYTES
const SEEN = RS_SEEN
/** Every offset fits; said with a mask, it spares V8 the overflow check of each sum with it. */
const OFFSET_BITS = 0x3fffffff

export class TcpRewrite {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #cold: Int32Array
  readonly #counters: Counters
  readonly #toaMode: number
  readonly #decrementsTtl: boolean

  constructor({ frames, table, counters }: Parts, toaMode: number, decrementsTtl: boolean) {
    this.#frames = frames
    this.#cells = table.cells
    this.#cold = table.cold
    this.#counters = counters
    this.#toaMode = toaMode
    this.#decrementsTtl = decrementsTtl
  }

  /** As FullNat.translate. */
  rewrite(slot: number, p: Parsed, t: number, mtu: number): number {
    const { pkt } = this.#frames
    const cells = this.#cells
    const { partial, gsoSize } = p
    const ip = p.ip & OFFSET_BITS
    const l4 = p.l4 & OFFSET_BITS
    const conn = recordOf(t)
    const inward = (t & 1) === 0
    const delta = cells[conn | DELTA]
    const options =
      p.l4Header === TCP_HEADER || isUsual(pkt, p) ? 0 : this.#options(pkt, p, inward, delta)
    const toa = inward && this.#isToaDue(pkt, p, conn)
    // From here on all is read, and then all is written.
    const peer = peerOf(t)
    const src = cells[peer | DADDR]
    const dst = cells[peer | SADDR]
    const turned = cells[peer | PORTS]
    const ports = (turned << 16) | (turned >>> 16)
    // The client's own numbers move: its seq on the way in, what acknowledges it on the way out.
    const moves = l4 + (inward ? TCP_SEQ : TCP_ACK)
    const before = pkt.getInt32(moves)
    const after = (inward ? before + delta : before - delta) | 0
    const addresses = diff32(p.saddr, src) + diff32(p.daddr, dst)
    const ipSum = adjusted(pkt.getUint16(ip + IP_CHECKSUM), addresses)
    const field = pkt.getUint16(l4 + TCP_CHECKSUM)
    const tcpSum =
      partial === 1
        ? fold(field + addresses)
        : adjusted(field, addresses + diff32(p.ports, ports) + diff32(before, after) + options)
    pkt.setUint16(ip + IP_CHECKSUM, ipSum)
    pkt.setInt32(ip + IP_SRC, src)
    pkt.setInt32(ip + IP_DST, dst)
    pkt.setInt32(l4 + TCP_SPORT, ports)
    pkt.setInt32(moves, after)
    pkt.setUint16(l4 + TCP_CHECKSUM, tcpSum)
    if (this.#decrementsTtl) decrementTtl(pkt, ip)
    const failed = toa ? this.#addToa(slot, p, conn, mtu) : 0
    if (gsoSize !== 0) settleHdrLen(pkt, p)
    return failed
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

  /** => 0, or why it is not there. */
  #addToa(slot: number, p: Parsed, conn: number, mtu: number): number {
    const cells = this.#cells
    const cport = cells[conn | CLIENT_PORTS] >>> 16
    const mode = this.#toaMode
    const failed = insertToa(this.#frames, slot, p, cells, conn | CIP, TOA_BYTES, cport, mtu, mode)
    this.#counters.count(failed === 0 ? Event.TOA_ADDED : failed)
    return failed
  }
}
