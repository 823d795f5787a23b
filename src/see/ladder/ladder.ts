/**
 * The ladder as a model: moments in, rows out, in the order of time. What draws it (text.ts, the web page) has three
 * rails, client, appliance (VIP on the left, LIP on the right) and RS; a packet row has a leg on either side of the
 * appliance, or on one of them. Nothing here is text for one medium.
 *
 *   client      VIP [state] LIP        RS
 *     |---- outer ---->|  |---- inner ---->|     PacketRow toward 'rs'
 *     |<--- outer -----|  |<--- inner -----|     PacketRow toward 'client'
 *                  ---- NoteRow ----
 *
 * Every row has the number of its connection, which a ConnRow has introduced before; 0 is no connection (ARP, what was
 * refused). Connections are numbered from 1 in the order in which they appear; the same four endpoints used anew get a new number.
 */

import { segmentOf } from '../frame/segment.ts'
import type { Change, FrameIn, FrameOut, Moment, Said } from '../moments/moment.ts'
import { hasMorePieces } from '../moments/own.ts'
import type { ConnEnds } from '../words/ends.ts'
import { briefOf } from './brief.ts'
import { BY_COOKIE, HELD, type LadderConn, LadderConns } from './conns.ts'
import { type Leg, legOf } from './leg.ts'
import { noteOf } from './notes.ts'

export type LadderRow = ConnRow | PacketRow | NoteRow

interface Row {
  /** µs since 1970. */
  atUs: number
  /** µs since the connection's first row; with conn 0, since the ladder's first. */
  sinceUs: number
  /** The connection's number, from 1; 0 for none. */
  conn: number
}

/** A connection begins, or is seen for the first time. */
export interface ConnRow extends Row {
  kind: 'conn'
  ends: ConnEnds
}

/**
 * What became of a packet:
 * `sent` both legs; `piece` the far leg of a further piece of what was sent; `parked` it waits for a next hop's MAC, or with conn 0 for the
 * rest of its datagram; `released` the far leg of one that was parked; `dropped` it came and was
 * refused (`reason`); `unsent` translated, but its arm did not take it (`reason`); `answered` what left for it goes back where it
 * came from and is the next row of `own`; `kept` it did its work here (an ARP reply); `own` made here (`reason` says what for);
 * `unseen` sent, but the record of that is lost.
 */
export type Fate =
  | 'sent'
  | 'piece'
  | 'parked'
  | 'released'
  | 'dropped'
  | 'unsent'
  | 'answered'
  | 'kept'
  | 'own'
  | 'unseen'

export interface PacketRow extends Row {
  kind: 'packet'
  toward: 'rs' | 'client'
  /** Between client and VIP. */
  outer: Leg | null
  /** Between LIP and RS. */
  inner: Leg | null
  fate: Fate
  /** Name of a drop reason, or of what an own frame is for; else null. */
  reason: string | null
  changes: Change[]
  /** The connection's state before and after; before is null for what opened it, both are null without a connection. */
  stateBefore: string | null
  state: string | null
  /** Sent before: all of its sequence numbers have been seen; a keepalive probes with one old number. */
  again: 'retransmission' | 'keepalive' | null
  /** Links the rows `parked` and `released`, `answered` and `own`; 0 for none. */
  pair: number
  worker: number
}

/** Something that happened, in words: opened, ended, a neighbour that does not answer. */
export interface NoteRow extends Row {
  kind: 'note'
  /** As in Said: `conn_new`, `conn_del`, `reset`. */
  event: string
  text: string
  fields: Record<string, unknown>
}

export interface LadderOptions {
  /**
   * Arms on the clients' side, to place frames that belong to no connection. Without it the arms are known from the
   * connections' frames; where there are none, a frame is drawn on the clients' side.
   */
  clientArms?: readonly string[]
}

/** The rows of all moments at once. */
export function ladderRows(moments: Iterable<Moment>, options: LadderOptions = {}): LadderRow[] {
  const all = [...moments]
  const ladder = new Ladder({ clientArms: [...(options.clientArms ?? []), ...clientArmsOf(all)] })
  const rows: LadderRow[] = []
  for (const moment of all) rows.push(...ladder.add(moment))
  rows.push(...ladder.end())
  return rows
}

/** The rows, each connection's together, in the order of their numbers; what belongs to none comes first. */
export function byConnection(rows: readonly LadderRow[]): LadderRow[] {
  return rows.toSorted((a, b) => a.conn - b.conn)
}

function* clientArmsOf(moments: readonly Moment[]): Generator<string> {
  for (const moment of moments) {
    const clientArm = moment.kind === 'in' && moment.direction === 'in'
    const backArm = moment.kind === 'out' && moment.direction === 'out'
    if (clientArm || backArm) yield moment.arm
  }
}

/** A packet that was sent waits for its far leg, and all behind it wait with it: until there are so many, or so long, in µs. */
const HELD_ROWS = 512
const HELD_US = 1e6

/** Packets parked for a MAC that are remembered. */
const PARKED = 4096

/** The ladder of a stream: rows come out as soon as they are whole, in the order in which their packets came. */
export class Ladder {
  readonly #conns = new LadderConns()
  readonly #clientArms: Set<string>
  #held: LadderRow[] = []
  /** Rows in #held that lack their far leg, by pair. */
  readonly #waiting = new Map<number, PacketRow>()
  /** Rows that have left, whose far leg still may come, by pair. */
  readonly #parked = new Map<number, PacketRow>()
  #firstUs: number | undefined

  constructor(options: LadderOptions = {}) {
    this.#clientArms = new Set(options.clientArms)
  }

  /** => the rows that are whole now; their objects do not change any more. */
  add(moment: Moment): LadderRow[] {
    this.#firstUs ??= moment.atUs
    if (moment.kind === 'in') this.#in(moment)
    else if (moment.kind === 'out') this.#out(moment)
    else this.#happened(moment.said, moment.atUs, this.#conn(moment))
    return this.#whole(HELD_ROWS, moment.atUs - HELD_US)
  }

  /** => what is left, whole or not */
  end(): LadderRow[] {
    return this.#whole(0, Number.POSITIVE_INFINITY)
  }

  #whole(limit: number, oldestUs: number): LadderRow[] {
    let count = 0
    for (const row of this.#held) {
      const waits = row.kind === 'packet' && this.#waiting.has(row.pair) && row.fate === 'unseen'
      if (waits && this.#held.length - count <= limit && row.atUs >= oldestUs) break
      if (waits) this.#forgetWaiting(row as PacketRow)
      count++
    }
    return this.#held.splice(0, count)
  }

  #forgetWaiting(row: PacketRow): void {
    this.#waiting.delete(row.pair)
    this.#remember(row)
  }

  #remember(row: PacketRow): void {
    this.#parked.set(row.pair, row)
    if (this.#parked.size <= PARKED) return
    const oldest = this.#parked.keys().next().value
    if (oldest !== undefined) this.#parked.delete(oldest)
  }

  #in(frame: FrameIn): void {
    const conn = this.#conn(frame)
    if (frame.direction === 'in') this.#clientArms.add(frame.arm)
    const toward = this.#comesFromClient(frame) ? 'rs' : 'client'
    const leg = legOf(frame)
    const row = this.#packetRow(frame, conn, toward)
    if (toward === 'rs') row.outer = leg
    else row.inner = leg
    if (conn) row.again = conn.number(leg, toward === 'rs', true)
    const { verdict } = frame
    if ('drop' in verdict) [row.fate, row.reason] = ['dropped', verdict.drop]
    else if ('parked' in verdict) row.fate = 'parked'
    else if ('done' in verdict) row.fate = 'kept'
    else if (frame.pair !== 0) this.#waiting.set(frame.pair, row)
    row.stateBefore = frame.states?.before ?? null
    row.state = frame.states?.after ?? null
    this.#held.push(row)
    if (row.fate === 'parked' && frame.pair !== 0) this.#remember(row)
    if (conn?.opensByCookie(frame)) this.#happened([BY_COOKIE], frame.atUs, conn)
    if (row.fate === 'parked' && conn?.isByCookie && row.state === 'SYN_RECV') row.reason = HELD
    this.#happened(frame.said, frame.atUs, conn)
  }

  #out(frame: FrameOut): void {
    const waiting = this.#waiting.get(frame.pair)
    if (waiting) this.#waiting.delete(frame.pair)
    const before = waiting ?? this.#parked.get(frame.pair)
    const goesOn = hasMorePieces(frame.bytes)
    if (!waiting && !goesOn) this.#parked.delete(frame.pair)
    const conn = this.#conn(frame)
    const toward = this.#leavesToClient(frame) ? 'client' : 'rs'
    const leg = legOf(frame)
    const outer = toward === 'client'
    // An answer goes back on the side on which the question came.
    const back = before !== undefined && before.toward !== toward
    if (waiting && !back) {
      if (conn) conn.number(leg, toward === 'rs', false, near(waiting) ?? undefined)
      if (outer) waiting.outer = leg
      else waiting.inner = leg
      waiting.changes = frame.changes
      waiting.fate = frame.drop === null ? 'sent' : 'unsent'
      waiting.reason = frame.drop
      if (goesOn) this.#remember(waiting)
      return
    }
    if (waiting) waiting.fate = 'answered'
    const row = this.#packetRow(frame, conn, toward)
    if (conn) conn.number(leg, toward === 'rs', false, (before && near(before)) ?? undefined)
    if (outer) row.outer = leg
    else row.inner = leg
    row.changes = frame.changes
    row.fate = frame.drop !== null ? 'unsent' : before && !back ? fateAfter(before) : 'own'
    // Of a datagram that was parked, the pieces behind the first one are no more released.
    if (goesOn && row.fate === 'released') this.#remember({ ...row, fate: 'sent' })
    row.reason = frame.drop ?? frame.own ?? (before?.reason === HELD ? HELD : null)
    this.#held.push(row)
  }

  #happened(said: readonly Said[], atUs: number, conn: LadderConn | undefined): void {
    for (const one of said) {
      const text = noteOf(one)
      if (text !== undefined) {
        const { event, fields } = one
        this.#held.push({ kind: 'note', ...this.#when(atUs, conn), event, text, fields })
      }
      if (one.event === 'conn_del' && conn) conn.hasEnded = true
    }
  }

  #packetRow(frame: FrameIn | FrameOut, conn: LadderConn | undefined, toward: 'rs' | 'client') {
    const row: PacketRow = {
      kind: 'packet',
      ...this.#when(frame.atUs, conn),
      toward,
      outer: null,
      inner: null,
      fate: 'unseen',
      reason: null,
      changes: [],
      stateBefore: null,
      state: null,
      again: null,
      pair: frame.pair,
      worker: frame.worker,
    }
    return row
  }

  #when(atUs: number, conn: LadderConn | undefined): Row {
    const from = conn?.firstUs ?? this.#firstUs ?? atUs
    return { atUs, sinceUs: atUs - from, conn: conn?.id ?? 0 }
  }

  /** The moment's connection, introduced by a row if it is new. */
  #conn(moment: Moment): LadderConn | undefined {
    const { conn: ends, atUs } = moment
    if (ends === null) return undefined
    const { conn, isNew } = this.#conns.of(ends, moment)
    if (isNew) this.#held.push({ kind: 'conn', ...this.#when(atUs, conn), ends })
    return conn
  }

  #comesFromClient({ direction, arm }: FrameIn): boolean {
    if (direction !== null) return direction === 'in'
    return this.#isClientArm(arm)
  }

  #leavesToClient({ direction, arm, conn, bytes }: FrameOut): boolean {
    if (direction !== null) return direction === 'out'
    const to = conn && destinationOf(bytes)
    if (conn && to === conn.client) return true
    return conn && to === conn.rs ? false : this.#isClientArm(arm)
  }

  #isClientArm(arm: string): boolean {
    return this.#clientArms.size === 0 || this.#clientArms.has(arm)
  }
}

function fateAfter({ fate }: PacketRow): Fate {
  return fate === 'parked' ? 'released' : 'piece'
}

/** Of TCP and UDP, as the ends of a connection are written. */
function destinationOf(bytes: Uint8Array): string | undefined {
  return segmentOf(bytes)?.destination ?? briefOf(bytes, bytes.length)?.destination
}

/** The leg that a packet came on. */
function near({ toward, outer, inner }: PacketRow): Leg | null {
  return toward === 'rs' ? outer : inner
}
