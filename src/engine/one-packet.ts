/**
 * One-packet scheduling (semantics 4.3): a datagram has a connection of its own, which nobody finds and no timer ends. RS and
 * lport are bound for as long as it is translated; statistics count it like any other.
 */

import type { Arm } from './arm.ts'
import type { ConnTable } from './conn.ts'
import { CELL, FAMILIES, HEADER_DUE, METHOD_BITS, RECORD, SIX_TO_FOUR } from './conn-layout.ts'
import { type Counters, Event } from './counters.ts'
import type { Drafts } from './draft.ts'
import type { Egress } from './egress.ts'
import { armOf } from './family.ts'
import type { Fragmentation } from './fragmentation.ts'
import type { Frames } from './frames.ts'
import type { Icmp } from './icmp.ts'
import type { Nat64 } from './nat64.ts'
import type { Opening } from './opening.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Proxied } from './proxied.ts'
import { sayOpened, sayOver } from './say.ts'
import { type Dest, DestCell, type Dests, type Service, Stat } from './service.ts'
import { Over, type TraceRing } from './trace.ts'
import { UdpState } from './udp-state.ts'
import type { UoaAlone } from './uoa-alone.ts'
import type { Ways } from './ways.ts'
import type { FullNat } from './xmit/fullnat.ts'
import { unfit } from './xmit/ip.ts'

const { BINDING } = CELL
const { at: recordAt, method: methodOf } = RECORD
/** What a record is in use by: one of these never is. */
const FORGOTTEN = 0x7fff_ffff

/** Those of the packet's path that it takes too. */
export interface OnePacketSteps {
  icmp: Icmp
  fragmentation: Fragmentation
  fullnat: FullNat
  egress: Egress
  uoa: UoaAlone
  proxied: Proxied
  nat64: Nat64
  ways: Ways
}

export class OnePacket {
  readonly #table: ConnTable
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #dests: Dests
  readonly #opening: Opening
  readonly #steps: OnePacketSteps
  readonly #decrementsTtl: boolean
  readonly #counters: Counters
  readonly #trace: TraceRing
  readonly #drafts: Drafts

  constructor(
    parts: Parts,
    drafts: Drafts,
    opening: Opening,
    steps: OnePacketSteps,
    decrementsTtl: boolean,
  ) {
    const { frames, table, arms, dests, counters, trace } = parts
    this.#frames = frames
    this.#table = table
    this.#arms = arms
    this.#dests = dests
    this.#opening = opening
    this.#steps = steps
    this.#decrementsTtl = decrementsTtl
    this.#counters = counters
    this.#trace = trace
    this.#drafts = drafts
  }

  /** The rest of the path of the datagram in `slot`, which came to `service` on `arm`. => As Engine.input */
  forward(slot: number, p: Parsed, service: Service, arm: Arm, now: number): number {
    const drafts = this.#drafts
    const conn = drafts.make(p, service, arm.index, now)
    if (conn < 0) return this.#opening.refuse(p, arm, slot, service, conn)
    this.#table.cells[recordAt(conn) | BINDING] = drafts.binding & FORGOTTEN
    const verdict = this.#forwarded(slot, p, conn, drafts.dest as Dest, arm, now)
    this.#end(conn)
    drafts.settle()
    return verdict
  }

  #forwarded(
    slot: number,
    p: Parsed,
    conn: number,
    { index }: Dest,
    arm: Arm,
    now: number,
  ): number {
    const dests = this.#dests
    const { icmp, fragmentation, fullnat, egress, uoa, proxied } = this.#steps
    const { nat64, ways } = this.#steps
    const came = this.#frames.fragment[slot]
    if (this.#trace.debug) sayOpened(this.#trace, this.#table.cells, conn)
    this.#counters.count(Event.CONNS_OPENED)
    dests.stats[(index << 3) + Stat.CONNS]++
    if (came !== 0) p.countFragments(came)
    dests.countPackets(index, 0, p.segments, p.wireBytes)
    const out = this.#arms[armOf(dests.cells[(index << 4) | DestCell.LINK])]
    const t = conn << 1
    const binding = this.#table.cells[recordAt(conn) | BINDING]
    if ((binding & METHOD_BITS) !== 0) return ways.forward(slot, p, t, now)
    if ((binding & FAMILIES) === SIX_TO_FOUR) return nat64.forward(slot, p, t, arm, out, index, now)
    const refusal = unfit(this.#frames.pkt, p, came, out.mtu, this.#decrementsTtl)
    if (refusal !== 0) return icmp.unfit(slot, p, t, arm, out, refusal)
    if ((binding & HEADER_DUE) !== 0) {
      const refused = proxied.prepare(slot, p, t, out, index, now)
      if (refused !== 0) return refused
    }
    const failed = fullnat.translate(slot, p, t, out.mtu)
    if (failed !== 0) uoa.notAdded(failed, conn, out, index, now)
    const verdict = egress.toRs(slot, p.eth, out, index, now)
    return came !== 0 || p.largest > out.mtu ? fragmentation.leave(slot, verdict) : verdict
  }

  #end(conn: number): void {
    const { cells } = this.#table
    const at = recordAt(conn) | BINDING
    if (this.#trace.debug) sayOver(this.#trace, cells, conn, UdpState.NONE, Over.TIMER)
    const method = methodOf(cells[at])
    cells[at] = 0
    this.#drafts.methods[method].release(conn)
    this.#table.giveBack(conn)
    this.#counters.count(Event.CONNS_EXPIRED)
  }
}
