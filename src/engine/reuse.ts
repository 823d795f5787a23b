/**
 * What a client's SYN means that finds an entry. With the number of the SYN that opened it, it is that one again; with
 * another, on an entry that is over, it begins a new connection: the old one is ended as the wheel ends one, and the new one
 * opened as on a miss, so that all who count or show connections agree. It keeps LIP and lport if it comes to the same RS. A
 * SYN sent again to an RS that has not answered, and takes no connections any more, is scheduled anew in the same way.
 */

import { FLAG, TCP } from '../wire/tcp.ts'
import type { Arm } from './arm.ts'
import type { ConnTable } from './conn.ts'
import { CELL, COLD, KEY, PROTOCOL_BITS, RECORD, RS_SEEN, STATE_MASK } from './conn-layout.ts'
import type { Conns } from './conns.ts'
import { type Counters, Event } from './counters.ts'
import type { Egress } from './egress.ts'
import type { Outcomes } from './outcomes.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Resets } from './resets.ts'
import { sayKept } from './say.ts'
import { type Dest, type Dests, type Service, Stat } from './service.ts'
import { SynSpace } from './syn-space.ts'
import { OUT, State } from './tcp-state.ts'
import { Over, type TraceRing } from './trace.ts'
import { isIntact, type Verify } from './verify.ts'
import { isOfDest, isOfService } from './whose.ts'
import { ProxySpace } from './xmit/proxy-space.ts'

const { WORD } = CELL
const { at: recordAt } = RECORD
const { SYN, ACK, FIN, RST } = FLAG
const { SYN_SENT, SYN_RECV, FIN_WAIT, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK } = State

/** States, by bit, in which no end goes on as if nothing had been; SYN_SENT is a SYN of the RS in one of the others. */
const OVER = states(SYN_SENT, FIN_WAIT, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK)
/** Those in which the RS has at most TIME_WAIT left, which takes a SYN that is ahead (RFC 6191). */
const QUIET = states(TIME_WAIT, CLOSE)

function states(...all: number[]): number {
  return all.reduce((bits, state) => bits | (1 << state), 0)
}

/** The steps that it asks. */
export interface Around {
  readonly conns: Conns
  readonly egress: Egress
  readonly resets: Resets
  readonly verify: Verify
}

export class Reuse {
  readonly #pkt: DataView
  readonly #conns: Conns
  readonly #table: ConnTable
  readonly #dests: Dests
  readonly #outcomes: Outcomes
  readonly #verify: Verify
  readonly #egress: Egress
  readonly #resets: Resets
  readonly #counters: Counters
  readonly #trace: TraceRing
  readonly #keeps: boolean
  /** Why the SYN in hand begins a connection: SYN_REUSED or SYN_RESCHEDULED. */
  #why = 0
  readonly #proxy: ProxySpace
  readonly #syn: SynSpace
  /** SYNs that were judged as if they had found nothing, for the flight recorder. */
  begun = 0

  constructor(parts: Parts, { conns, egress, resets, verify }: Around, keeps: boolean) {
    this.#verify = verify
    this.#pkt = parts.frames.pkt
    this.#conns = conns
    this.#table = parts.table
    this.#dests = parts.dests
    this.#outcomes = parts.outcomes
    this.#egress = egress
    this.#resets = resets
    this.#counters = parts.counters
    this.#trace = parts.trace
    this.#keeps = keeps
    this.#proxy = new ProxySpace(parts.table)
    this.#syn = new SynSpace(parts.table)
  }

  /** The segment in p, which has SYN, has found tuple t. => Whether it is to be judged as if it had found none. */
  begins(t: number, p: Parsed, arm: Arm, now: number): boolean {
    if ((t & OUT) !== 0 || (p.flags & (SYN | ACK | FIN | RST)) !== SYN) return false
    if (!isIntact(this.#pkt, p)) return false
    const table = this.#table
    const conn = t >> 1
    // What comes on another arm is refused by whoever asked.
    if (table.clientArm(conn) !== arm.index) return false
    const isn = this.#pkt.getInt32(p.l4 + TCP.SEQ)
    const isOld = isn === table.cold[RECORD.column(conn) | COLD.CLIENT_ISN]
    // The SYN that was answered by a cookie may come once more, and the RS has got it from us.
    if (this.#syn.isPending(conn)) return isOld ? false : this.#begin(Event.SYN_REUSED)
    this.#proxy.expect(conn)
    const word = table.cells[recordAt(conn) | WORD]
    const state = 1 << (word & STATE_MASK)
    const waits = (word & RS_SEEN) === 0 && (state & (OVER | (1 << SYN_RECV))) !== 0
    if (waits && !this.#takesMore(conn)) return this.#begin(Event.SYN_RESCHEDULED)
    if (this.#verify.isHalfClosed(conn, now)) return false
    if ((state & OVER) !== 0 && this.#verify.isLate(conn, isn, now)) return false
    if ((state & OVER) !== 0 && !isOld) {
      // With what a cookie has moved nothing else can go on.
      if (!this.#keeps || this.#syn.isOf(conn)) return this.#begin(Event.SYN_REUSED)
      this.#keep(conn, now)
    } else if (waits) {
      this.#egress.suspectRs(table.dest(conn), now)
    }
    return false
  }

  /** A cookie of its client's has come into the pending conn of tuple t, of another SYN than began it. => As open() */
  openAnew(t: number, p: Parsed, service: Service, arm: Arm, now: number): number {
    this.#begin(Event.SYN_REUSED)
    return this.open(t, p, service, arm, now)
  }

  #begin(why: number): boolean {
    this.#why = why
    this.begun++
    return true
  }

  /** Opens a connection for the SYN in p, in the place of that of tuple t if it is not -1. => As Conns.open */
  open(t: number, p: Parsed, service: Service, arm: Arm, now: number): number {
    if (t < 0) return this.#opened(p, service, arm, now)
    const conn = t >> 1
    const word = this.#table.cells[recordAt(conn) | WORD]
    // A SYN into what the RS still has of the old one would get a challenge ACK (RFC 5961), and cost the client a second.
    const isQuiet = ((1 << (word & STATE_MASK)) & QUIET) !== 0
    if (!isQuiet && (word & RS_SEEN) !== 0 && !this.#conns.isOneWay(conn))
      this.#resets.rs(conn, now)
    this.#counters.count(this.#why)
    const { left, wheel } = this.#conns
    // Of one that the RS may still have half of nothing is kept: another lport is sure not to meet it.
    if (isQuiet) left.remember(conn, destOf(conn, this.#table, this.#dests))
    wheel.unfile(conn)
    this.#conns.end(conn, now, Over.REPLACED)
    const opened = this.#opened(p, service, arm, now)
    left.forget()
    return opened
  }

  /** => As Conns.open */
  #opened(p: Parsed, service: Service, arm: Arm, now: number): number {
    const { room } = this.#conns
    let opened = this.#conns.open(p, service, arm.index, now)
    if (opened < 0 && this.#evict(room.oneBefore(opened, service, now), now))
      opened = this.#conns.open(p, service, arm.index, now)
    if (opened < 0) return opened
    this.#evict(room.oneFor(opened >> 1, now), now)
    const dest = this.#table.dest(opened >> 1)
    if (this.#conns.isOneWay(opened >> 1)) return opened
    if (this.#outcomes.isSilent(dest, now, (p.key & PROTOCOL_BITS) !== KEY.TCP))
      this.#egress.suspectRs(dest, now)
    return opened
  }

  /** A half-open conn makes room. => false if there is none (-1) */
  #evict(conn: number, now: number): boolean {
    if (conn < 0) return false
    this.#resets.evicted(conn, now)
    this.#conns.cut(conn, now)
    return true
  }

  /** A SYN begins another connection with all that the conn has: to those who count, it is another. */
  #keep(conn: number, now: number): void {
    const { sessions } = this.#conns
    const table = this.#table
    this.#dests.stats[(table.dest(conn) << 3) + Stat.CONNS]++
    this.#counters.count(Event.SYN_REUSED)
    this.#counters.count(Event.CONNS_EXPIRED)
    this.#counters.count(Event.CONNS_OPENED)
    if (sessions !== null) sessions.reopen(conn, now)
    if (this.#trace.debug) sayKept(this.#trace, table.cells, conn, table.state(conn))
  }

  /** The conn's RS is there and takes new connections; that it is full, perhaps by this one, is no reason to leave it. */
  #takesMore(conn: number): boolean {
    const dest = destOf(conn, this.#table, this.#dests)
    if (dest === undefined || !dest.service.candidates.isMeant(dest)) return false
    return isOfService(this.#table, conn, dest.service)
  }
}

/** The RS of a conn; undefined if it is gone, whoever has its place now. */
function destOf(conn: number, table: ConnTable, dests: Dests): Dest | undefined {
  const dest = dests.list[table.dest(conn)]
  return dest !== undefined && isOfDest(table, conn, dest) ? dest : undefined
}
