/**
 * Where translated packets leave: which arm, which MACs, and whether they fit. Towards the RS the next hop's neighbour
 * says the MAC; towards the client it is the MAC that the client's last segment came from, so replies need neither
 * route nor ARP (fullnat semantics 1.8, 1.9). RSTs of our own go the same ways.
 */

import { ETH, writeMacs } from '../wire/ethernet.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { CELL, type ConnTable } from './conn.ts'
import { type Counters, Drop, Event, PARKED } from './counters.ts'
import type { Engine } from './engine.ts'
import { type Frames, NO_SLOT } from './frames.ts'
import type { FullNat } from './fullnat.ts'
import type { Neighs } from './neigh.ts'
import type { Parsed } from './parsed.ts'
import { writeRst } from './rst.ts'
import { sayNoToa, sayReset, sayResetRs } from './say.ts'
import { DestCell } from './service.ts'
import { State } from './tcp-state.ts'
import { Reset, type TraceRing } from './trace.ts'

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { RST_ACK, RST_SEQ, RS_ISN1, DELTA, WORD, MAC_LO, PORTS, DADDR, SADDR } = CELL
const { ARM, NEXT_HOP, NEIGH } = DestCell
const { SRC: ETH_SRC } = ETH

export class Forward {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #table: ConnTable
  readonly #cells: Int32Array
  readonly #destCells: Int32Array
  readonly #neighs: Neighs
  readonly #counters: Counters
  readonly #trace: TraceRing
  readonly #fullnat: FullNat
  readonly #decrementTtl: boolean

  constructor(engine: Engine, fullnat: FullNat, decrementTtl: boolean) {
    this.#frames = engine.frames
    this.#arms = engine.arms
    this.#table = engine.conns.table
    this.#cells = engine.conns.table.cells
    this.#destCells = engine.dests.cells
    this.#neighs = engine.neighs
    this.#counters = engine.counters
    this.#trace = engine.trace
    this.#fullnat = fullnat
    this.#decrementTtl = decrementTtl
  }

  /** Translates and addresses a segment of tuple t. => The RS's arm, PARKED, or minus a drop reason. */
  toRs(slot: number, p: Parsed, t: number, dest: number, now: number): number {
    const arm = this.#arms[this.#destCells[(dest << 4) | ARM]]
    const unfit = this.#unfit(p, arm)
    if (unfit !== 0) return unfit
    const failed = this.#fullnat.translate(slot, p, t, arm.mtu)
    if (failed !== 0 && this.#trace.debug) sayNoToa(this.#trace, this.#cells, t >> 1, failed)
    return this.#toNextHop(slot, p.eth, arm, dest, now)
  }

  /** => The client's arm, or minus a drop reason. */
  toClient(slot: number, p: Parsed, t: number): number {
    const arm = this.#arms[this.#table.clientArm(t >> 1)]
    const unfit = this.#unfit(p, arm)
    if (unfit !== 0) return unfit
    this.#fullnat.translate(slot, p, t, arm.mtu)
    this.#addressClient(p.eth, t >> 1, arm)
    return arm.index
  }

  /** A segment with ACK from the RS would confirmRs(): seldom, for an entry that was confirmed stays so for a while. */
  isNewsOfNextHop(p: Parsed, dest: number, now: number): boolean {
    const n = this.#nextHop(dest)
    if (n < 0) return false
    const { pkt } = this.#frames
    const macHi = pkt.getUint16(p.eth + ETH_SRC)
    return this.#neighs.newsIn(n, macHi, pkt.getInt32(p.eth + ETH_SRC + 2), now) !== 0
  }

  /** A segment with ACK, which is to be believed, has come from the RS: its next hop is alive (6.4). */
  confirmRs(p: Parsed, dest: number, now: number): void {
    const n = this.#nextHop(dest)
    if (n < 0) return
    const { pkt } = this.#frames
    const macHi = pkt.getUint16(p.eth + ETH_SRC)
    this.#neighs.confirm(n, macHi, pkt.getInt32(p.eth + ETH_SRC + 2), now)
  }

  /** The entry of the RS's next hop, or below 0. */
  #nextHop(dest: number): number {
    const cells = this.#destCells
    const at = dest << 4
    const hint = cells[at | NEIGH]
    const n = this.#neighs.find(cells[at | ARM], cells[at | NEXT_HOP], hint)
    if (n >= 0 && n !== hint) cells[at | NEIGH] = n
    return n
  }

  /** The RS has left a SYN without an answer: perhaps its next hop has another MAC now. */
  suspectRs(dest: number, now: number): void {
    const n = this.#nextHop(dest)
    if (n >= 0) this.#neighs.suspect(n, now)
  }

  /** The half of a connection that the RS may still have is reset; its client has forgotten its own. */
  resetRs(conn: number, now: number): void {
    if (this.#trace.debug) sayResetRs(this.#trace, this.#cells, conn)
    this.#rstToRs(conn, now)
    this.#counters.count(Event.RST_ON_REUSE)
  }

  /** An ESTABLISHED connection that dies of age is reset on both sides, so that nobody hangs (2.7). */
  resetBoth(conn: number, now: number): void {
    if (this.#trace.debug) sayReset(this.#trace, this.#cells, conn, Reset.EXPIRY)
    this.#rstToRs(conn, now)
    this.#rstToClient(conn)
    this.#counters.count(Event.RST_ON_EXPIRY)
  }

  /** The same for one that is cut: in a state before or behind that, and with an RS that may not be reachable. */
  cutBoth(conn: number, now: number): void {
    if (this.#trace.debug) sayReset(this.#trace, this.#cells, conn, Reset.CUT)
    const at = conn << 4
    // Until the handshake is over, what the client expects next stands there.
    if (this.#table.state(conn) === State.SYN_RECV)
      this.#cells[at + RST_SEQ] = this.#cells[at + RS_ISN1]
    if (this.#isReachable(this.#table.dest(conn))) this.#rstToRs(conn, now)
    this.#rstToClient(conn)
    this.#counters.count(Event.RST_ON_CUT)
  }

  /** Its next hop has a MAC: what waited for one would be thousands of frames. */
  #isReachable(dest: number): boolean {
    const n = this.#nextHop(dest)
    return n >= 0 && this.#neighs.isKnown(n)
  }

  #rstToRs(conn: number, now: number): void {
    const slot = this.#rst(conn, 1, this.#cells[(conn << 4) | RST_ACK], 0)
    if (slot === NO_SLOT) return
    const dest = this.#table.dest(conn)
    const arm = this.#arms[this.#destCells[(dest << 4) | ARM]]
    const eth = this.#frames.start[slot] + VNET.BYTES
    this.#settle(slot, this.#toNextHop(slot, eth, arm, dest, now))
  }

  #rstToClient(conn: number): void {
    const at = conn << 4
    // The ack field of DPVS's RST to the client, meaningless without the flag but visible in captures.
    const slot = this.#rst(conn, 0, this.#cells[at + RST_SEQ], -this.#cells[at + DELTA])
    if (slot === NO_SLOT) return
    const arm = this.#arms[this.#table.clientArm(conn)]
    this.#addressClient(this.#frames.start[slot] + VNET.BYTES, conn, arm)
    this.#settle(slot, arm.index)
  }

  /** => Minus the reason why the packet cannot leave on `arm`, or 0. */
  #unfit(p: Parsed, arm: Arm): number {
    if (p.largest > arm.mtu) return -Drop.IP_TOO_BIG
    return this.#decrementTtl && p.ttl <= 1 ? -Drop.IP_TTL : 0
  }

  #toNextHop(slot: number, eth: number, arm: Arm, dest: number, now: number): number {
    const cells = this.#destCells
    const at = dest << 4
    const hint = cells[at | NEIGH]
    const n = this.#neighs.findOrCreate(arm.index, cells[at | NEXT_HOP], hint, now)
    if (n < 0) return -Drop.NEIGH_TABLE_FULL
    if (n !== hint) cells[at | NEIGH] = n
    return this.#neighs.output(n, slot, eth, arm, now)
  }

  #addressClient(eth: number, conn: number, arm: Arm): void {
    const cells = this.#cells
    const macHi = cells[(conn << 4) | WORD] >>> 16
    const macLo = cells[(conn << 4) | MAC_LO]
    writeMacs(this.#frames.pkt, eth, macHi, macLo, arm.macHi, arm.macLo)
  }

  /** An RST to whoever sends the packets of the conn's tuple `dir`. => Its slot, or NO_SLOT. */
  #rst(conn: number, dir: number, seq: number, ack: number): number {
    const slot = this.#frames.take()
    if (slot === NO_SLOT) return NO_SLOT
    const { cells } = this.#table
    const at = (conn << 4) | (dir << 2)
    const ports = cells[at + PORTS]
    const back = (ports << 16) | (ports >>> 16)
    writeRst(this.#frames, slot, cells[at + DADDR], cells[at + SADDR], back, seq, ack)
    return slot
  }

  /** Carries out the verdict on a frame of our own. */
  #settle(slot: number, verdict: number): void {
    if (verdict >= 0) {
      this.#arms[verdict].send(slot)
    } else if (verdict !== PARKED) {
      this.#counters.ownDrop(-verdict, slot)
      this.#frames.release(slot)
    }
  }
}
