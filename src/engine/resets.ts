/** Resets of connections that end before their ends have closed them: what both ends still have of one goes with it. */

import { VNET } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import type { ConnTable } from './conn.ts'
import { CELL, KEY, ONE_WAY, RECORD, RS_SEEN, TUPLE } from './conn-layout.ts'
import { type Counters, Event } from './counters.ts'
import type { Egress } from './egress.ts'
import { armOf } from './family.ts'
import { END_RESERVE, type Frames, NO_SLOT } from './frames.ts'
import { OwnFrames } from './own-frames.ts'
import type { Parts } from './parts.ts'
import { beginRst6, finishRst6, writeRst } from './rst.ts'
import { sayReset, sayResetRs } from './say.ts'
import { DestCell, type Dests } from './service.ts'
import { SynSpace } from './syn-space.ts'
import { Reset, type TraceRing } from './trace.ts'
import { Addresses6 } from './xmit/addresses6.ts'

const { RST_ACK, RST_SEQ, DELTA, BINDING } = CELL
const { SADDR, DADDR, PORTS } = TUPLE
const { at: recordAt, tuple: tupleAt } = RECORD

export class Resets {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #table: ConnTable
  readonly #cells: Int32Array
  readonly #dests: Dests
  readonly #egress: Egress
  readonly #counters: Counters
  readonly #own: OwnFrames
  readonly #addresses: Addresses6
  readonly #syn: SynSpace
  readonly #trace: TraceRing

  constructor(parts: Parts, egress: Egress) {
    const { frames, arms, table, dests, counters, trace } = parts
    this.#frames = frames
    this.#arms = arms
    this.#table = table
    this.#cells = table.cells
    this.#dests = dests
    this.#egress = egress
    this.#counters = counters
    this.#own = new OwnFrames(parts)
    this.#addresses = new Addresses6(parts)
    this.#syn = new SynSpace(table)
    this.#trace = trace
  }

  /** The half of a connection that the RS may still have is reset; its client has forgotten its own. */
  rs(conn: number, now: number): void {
    if (this.#trace.debug) sayResetRs(this.#trace, this.#cells, conn)
    this.#toRs(conn, now)
    this.#counters.count(Event.RST_ON_REUSE)
  }

  /** An ESTABLISHED connection that dies of age is reset on both sides, so that nobody hangs (semantics 2.7). */
  both(conn: number, now: number): void {
    if (this.#trace.debug) sayReset(this.#trace, this.#cells, conn, Reset.EXPIRY)
    this.#toRs(conn, now)
    this.#toClient(conn)
    this.#counters.count(Event.RST_ON_EXPIRY)
  }

  /** The same for one that is cut: in a state before or behind that, and with an RS that may not be reachable. */
  cut(conn: number, now: number): void {
    if (this.#trace.debug) sayReset(this.#trace, this.#cells, conn, Reset.CUT)
    if (this.#egress.isReachable(this.#table.dest(conn))) this.#toRs(conn, now)
    this.#toClient(conn)
    this.#counters.count(Event.RST_ON_CUT)
  }

  /** A change of a list has ended it, behind its client's back; `isHeld`: its RS may believe it whole. */
  refused(conn: number, isHeld: boolean, now: number): void {
    if (this.#trace.debug) sayReset(this.#trace, this.#cells, conn, Reset.CUT)
    if (isHeld && this.#egress.isReachable(this.#table.dest(conn))) this.#toRs(conn, now)
    this.#counters.count(Event.ACL_ENDED)
  }

  /** A half-open one makes room: its RS, if it has answered, would meet the lport's next connection with that half. */
  evicted(conn: number, now: number): void {
    this.#counters.count(Event.HALF_OPEN_EVICTED)
    const table = this.#table
    if (table.protocol(conn) !== KEY.TCP || this.#frames.free < END_RESERVE) return
    if ((this.#cells[recordAt(conn) | BINDING] & ONE_WAY) !== 0) return
    // Who has brought a cookie back believes it whole.
    if (this.#syn.isOf(conn)) this.#toClient(conn)
    const isSeen = (this.#cells[recordAt(conn) | CELL.WORD] & RS_SEEN) !== 0
    if (isSeen && this.#egress.isReachable(table.dest(conn))) this.#toRs(conn, now)
  }

  /** Its RS has left all SYNs without an answer, and its client believes it whole. */
  gaveUp(conn: number): void {
    this.#toClient(conn)
  }

  #toRs(conn: number, now: number): void {
    const slot = this.#write(conn, 1, this.#cells[recordAt(conn) | RST_ACK], 0)
    if (slot === NO_SLOT) return
    const dest = this.#table.dest(conn)
    const arm = this.#arms[armOf(this.#dests.cells[(dest << 4) | DestCell.LINK])]
    const eth = this.#frames.start[slot] + VNET.BYTES
    this.#own.settle(slot, this.#egress.toRs(slot, eth, arm, dest, now))
  }

  #toClient(conn: number): void {
    const at = recordAt(conn)
    // The ack field of DPVS's RST to the client, meaningless without the flag but visible in captures.
    const seq = this.#syn.clientSees(conn, this.#cells[at | RST_SEQ])
    const slot = this.#write(conn, 0, seq, -this.#cells[at | DELTA])
    if (slot === NO_SLOT) return
    const arm = this.#arms[this.#table.clientArm(conn)]
    const eth = this.#frames.start[slot] + VNET.BYTES
    this.#own.settle(slot, this.#egress.toClient(eth, arm, conn))
  }

  /** An RST to whoever sends the packets of the conn's tuple `dir`. => Its slot, or NO_SLOT. */
  #write(conn: number, dir: number, seq: number, ack: number): number {
    const slot = this.#frames.take()
    if (slot === NO_SLOT) return NO_SLOT
    const { cells } = this.#table
    const at = tupleAt((conn << 1) | dir)
    const ports = cells[at | PORTS]
    const back = (ports << 16) | (ports >>> 16)
    const t = (conn << 1) | dir
    if (RECORD.key(cells[recordAt(conn) | BINDING], dir) >= KEY.IPV6) {
      const ip = beginRst6(this.#frames, slot, back, seq, ack)
      // As what the other end sends leaves towards this one.
      this.#addresses.write(this.#frames.pkt, ip, t ^ 1)
      finishRst6(this.#frames.pkt, ip)
      return slot
    }
    writeRst(this.#frames, slot, cells[at | DADDR], cells[at | SADDR], back, seq, ack)
    return slot
  }
}
