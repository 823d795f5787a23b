/**
 * One-packet scheduling (semantics 4.3): a datagram has a connection of its own, which nobody finds and no timer ends. RS and
 * lport are bound for as long as it is translated; statistics count it like any other.
 */

import type { Arm } from './arm.ts'
import type { ConnTable } from './conn.ts'
import { CELL, RECORD } from './conn-layout.ts'
import { type Counters, Event } from './counters.ts'
import type { Drafts } from './draft.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { sayOpened, sayOver } from './say.ts'
import { type Dest, type Dests, type Service, Stat } from './service.ts'
import { Over, type TraceRing } from './trace.ts'
import { UdpState } from './udp-state.ts'

const { BINDING } = CELL
const { at: recordAt, method: methodOf } = RECORD
/** What a record is in use by: one of these never is. */
const FORGOTTEN = 0x7fff_ffff

export class OnePacket {
  readonly #table: ConnTable
  readonly #dests: Dests
  readonly #counters: Counters
  readonly #trace: TraceRing
  readonly #drafts: Drafts

  constructor({ table, dests, counters, trace }: Parts, drafts: Drafts) {
    this.#table = table
    this.#dests = dests
    this.#counters = counters
    this.#trace = trace
    this.#drafts = drafts
  }

  /** => The IN tuple of a conn that is to be ended behind the datagram in p, or minus a drop reason with nothing left behind */
  open(p: Parsed, service: Service, arm: Arm, now: number): number {
    const conn = this.#drafts.make(p, service, arm.index, now)
    if (conn < 0) return conn
    const { cells } = this.#table
    cells[recordAt(conn) | BINDING] = this.#drafts.binding & FORGOTTEN
    const { index } = this.#drafts.dest as Dest
    this.#dests.stats[(index << 3) + Stat.CONNS]++
    this.#counters.count(Event.CONNS_OPENED)
    if (this.#trace.debug) sayOpened(this.#trace, cells, conn)
    return conn << 1
  }

  end(conn: number): void {
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
