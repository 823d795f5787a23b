/**
 * What one connection came to: packets, bytes, how long its handshakes took, and why it ended. A table beside that of the
 * connections, which is there only if somebody wants it, and a ring of records that the control thread reads.
 *
 *   per conn   64 bytes of flow-stats.ts; double: when it was opened | 4 int32: SessionCell | 2 spare            32 bytes
 *   ring       ring.ts; the third control cell counts what was lost, the first double is the clock
 *   record     SessionRecord
 */

import { FLAG } from '../wire/tcp.ts'
import { cellsOf } from './cells.ts'
import type { ConnTable } from './conn.ts'
import { ACK_AWAITED, CELL, COLD, KEY, ONE_WAY, PROTOCOL_BITS, RECORD } from './conn-layout.ts'
import { copyEnds, EndsCell } from './ends.ts'
import { FlowStats } from './flow-stats.ts'
import type { LongClock } from './long-clock.ts'
import type { Parsed } from './parsed.ts'
import { Ring } from './ring.ts'
import { End } from './session-end.ts'
import { IN, OUT, State } from './tcp-state.ts'
import { Over } from './trace.ts'
import { DOUBTFUL } from './usual.ts'

/** Cells of a record in the ring; times are ms of the engine's clock. */
export const SessionRecord = cellsOf({
  ENDS: EndsCell.CELLS,
  STATE: 1,
  END: 1,
  /** Of the last segment, and of the end of the connection, at most 12 days later. */
  LAST: 1,
  ENDED: 1,
  /** ms from the SYN to the RS's SYN+ACK, and to the client's ACK of it; of UDP to the first answer. -1 if there was none. */
  RS_MS: 1,
  CLIENT_MS: 1,
  /** 4 doubles: packets in, out, bytes in, out. */
  TRAFFIC: 8,
  /** ms from the SYN to the end: a double, for it may be years. */
  LIFE_MS: 2,
  /** One of KEY, and one of METHOD. */
  PROTOCOL: 1,
  METHOD: 1,
})

/** int32 cells of a conn, behind the double: its SYN by the long clock. */
const SessionCell = { RS_MS: 2, CLIENT_MS: 3, END: 4, SEEN: 5 } as const
const CELLS_SHIFT = 3
const DOUBLES_SHIFT = 2

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { SYN, FIN, RST, ACK } = FLAG
const { RS_MS, CLIENT_MS, END, SEEN } = SessionCell
const { WORD } = CELL
const { of: recordOf } = RECORD
const AWAITED = ACK_AWAITED
const { CELLS } = SessionRecord
const BOTH_FINS = 3
const RST_SEEN = 4
/** Control cell of the ring. */
const LOST = 2

export interface SessionOptions {
  /** At least Sessions.bytesFor(connCapacity) bytes. */
  memory: ArrayBufferLike
  ring: SessionRing
  /** Clients on arms from this one on are health checks, and nobody's sessions. */
  arms: number
}

export class SessionRing extends Ring {
  static bytesFor(records: number): number {
    return Ring.bytes(records, CELLS)
  }

  /** `memory` (shared between writer and reader) needs bytesFor(records) bytes; records is a power of two. */
  constructor(memory: ArrayBufferLike, records: number) {
    super(memory, records, CELLS)
  }

  /** What the reader's clock says when the engine's says 0, in ms; for whoever knows both. */
  get clock(): number {
    return this.spare[0]
  }

  set clock(ms: number) {
    this.spare[0] = ms
  }

  /** Records that found the ring full. */
  get lost(): number {
    return Atomics.load(this.control, LOST)
  }

  /** Writes what is known of a conn; the state it ended in and its reason are the caller's. */
  write(
    table: ConnTable,
    flows: FlowStats,
    sessions: Int32Array,
    conn: number,
    state: number,
    end: number,
    lifeMs: number,
    now: number,
  ): void {
    if (this.isFull) {
      this.countLost(1)
      return
    }
    const at = this.next
    const r = this.cells
    copyEnds(table, conn, r, at + SessionRecord.ENDS)
    r[at + SessionRecord.STATE] = state
    r[at + SessionRecord.END] = end
    r[at + SessionRecord.LAST] = flows.last(conn, now)
    r[at + SessionRecord.ENDED] = now
    r[at + SessionRecord.RS_MS] = sessions[(conn << CELLS_SHIFT) | RS_MS]
    r[at + SessionRecord.CLIENT_MS] = sessions[(conn << CELLS_SHIFT) | CLIENT_MS]
    const doubles = (at + SessionRecord.TRAFFIC) >> 1
    for (let dir = IN; dir <= OUT; dir++) {
      this.doubles[doubles + dir] = flows.packets((conn << 1) | dir)
      this.doubles[doubles + 2 + dir] = flows.bytes((conn << 1) | dir)
    }
    this.doubles[(at + SessionRecord.LIFE_MS) >> 1] = lifeMs
    r[at + SessionRecord.PROTOCOL] = table.protocol(conn)
    r[at + SessionRecord.METHOD] = table.method(conn)
    this.publish()
  }

  countLost(records: number): void {
    Atomics.add(this.control, LOST, records)
  }
}

/** Of the first conns. */
export interface SessionsImage {
  flows: Int32Array
  cells: Int32Array
}

export class Sessions {
  readonly #flows: FlowStats
  readonly #cells: Int32Array
  /** The same memory. */
  readonly #opened: Float64Array
  readonly #table: ConnTable
  readonly #ring: SessionRing
  readonly #arms: number
  readonly #long: LongClock

  static bytesFor(capacity: number): number {
    return FlowStats.bytesFor(capacity) + (capacity << CELLS_SHIFT) * 4
  }

  constructor({ memory, ring, arms }: SessionOptions, table: ConnTable, long: LongClock) {
    this.#long = long
    const { capacity } = table
    const behind = FlowStats.bytesFor(capacity)
    this.#flows = new FlowStats(memory, 0, capacity)
    this.#cells = new Int32Array(memory, behind, capacity << CELLS_SHIFT)
    this.#opened = new Float64Array(memory, behind, capacity << DOUBLES_SHIFT)
    this.#table = table
    this.#ring = ring
    this.#arms = arms
  }

  /** Of the first conns. */
  save(conns: number): SessionsImage {
    return { flows: this.#flows.save(conns), cells: this.#cells.slice(0, conns << CELLS_SHIFT) }
  }

  restore({ flows, cells }: SessionsImage): void {
    this.#flows.restore(flows)
    this.#cells.set(cells)
  }

  /** A conn begins. */
  open(conn: number, now: number): void {
    const at = conn << CELLS_SHIFT
    this.#flows.open(conn, now)
    this.#opened[conn << DOUBLES_SHIFT] = this.#long.at(now)
    this.#cells[at | RS_MS] = -1
    this.#cells[at | CLIENT_MS] = -1
    this.#cells[at | END] = End.TIMEOUT
    this.#cells[at | SEEN] = 0
    this.#table.cells[RECORD.at(conn) | WORD] &= ~AWAITED
  }

  /** A conn is taken over; what is known of it, if there is anything and it can be, stays. */
  adopt(conn: number, now: number): void {
    const known = this.#opened[conn << DOUBLES_SHIFT]
    const end = this.#cells[(conn << CELLS_SHIFT) | END]
    // Control makes a date of one and a word of the other.
    if (known > 0 && known <= this.#long.at(now) && end >>> 0 <= End.CUT) return
    const opened = this.#table.cold[RECORD.column(conn) | COLD.OPENED]
    // Longer ago than an int32 can say, 24.8 days, it would be of the future.
    this.open(conn, ((now - opened) | 0) < 0 ? now : opened)
  }

  /** A segment of tuple t has been seen; `judged`: as verify.ts has. One that is doubtful is counted only. */
  packet(t: number, p: Parsed, judged: number, now: number): void {
    this.#flows.count(t, p.segments, p.wireBytes)
    if (judged === DOUBTFUL) return
    this.#flows.seen(t, now)
    if ((p.flags & (SYN | FIN | RST)) !== 0) this.#mark(t >> 1, t & 1, p.flags, now)
    if ((t & 1) === IN && this.isAwaited(t)) this.#answered(t >> 1, p.flags, now)
  }

  /** The next ACK of IN tuple t ends the handshake: said by the record, which is at hand with each packet. */
  isAwaited(t: number): boolean {
    return (this.#table.cells[recordOf(t) | WORD] & AWAITED) !== 0
  }

  /** The client begins another connection with the same conn. */
  reopen(conn: number, now: number): void {
    this.end(conn, now, Over.REPLACED)
    this.open(conn, now)
  }

  /** The conn, which is still whole, is about to end; its state says whether both ends are reset. `why` is one of Over. */
  end(conn: number, now: number, why: number = Over.TIMER): void {
    const state = this.#table.state(conn)
    let end: number = this.#cells[(conn << CELLS_SHIFT) | END]
    if (why === Over.CUT) end = End.CUT
    else if (this.#isEstablished(conn, state)) end = End.RESET
    else if (end === End.TIMEOUT && why === Over.REPLACED) end = End.REPLACED
    this.#write(conn, state, end, now)
  }

  /**
   * The balancer stops: records of the conns that are left, from `from` on while there is room in the ring. => The conn to
   * go on from, or -1.
   */
  stop(from: number, now: number): number {
    const { capacity } = this.#table
    for (let conn = from; ; conn++) {
      conn = this.#table.nextUsed(conn, capacity)
      if (conn < 0) return -1
      if (this.#ring.isFull) return conn
      const state = this.#table.state(conn)
      const end = this.#isEstablished(conn, state) ? 0 : this.#cells[(conn << CELLS_SHIFT) | END]
      this.#write(conn, state, end === End.TIMEOUT ? End.STOPPED : end, now)
    }
  }

  /** ms since the SYN of a conn in use. */
  age(conn: number, now: number): number {
    return this.#long.at(now) - this.#opened[conn << DOUBLES_SHIFT]
  }

  /** Conns in use from `from` on. */
  left(from: number): number {
    let count = 0
    const { capacity } = this.#table
    for (let conn = from; ; conn++) {
      conn = this.#table.nextUsed(conn, capacity)
      if (conn < 0) return count
      if (this.#table.clientArm(conn) < this.#arms) count++
    }
  }

  /** The first answer of a UDP RS has come. */
  replied(conn: number, now: number): void {
    this.#cells[(conn << CELLS_SHIFT) | RS_MS] = this.#since(conn, now)
  }

  /** In a state from which both ends are reset. */
  #isEstablished(conn: number, state: number): boolean {
    const binding = this.#table.cells[RECORD.at(conn) | CELL.BINDING]
    return state === State.ESTABLISHED && (binding & (PROTOCOL_BITS | ONE_WAY)) === KEY.TCP
  }

  #write(conn: number, state: number, end: number, now: number): void {
    if (this.#table.clientArm(conn) >= this.#arms) return
    const life = this.age(conn, now)
    this.#ring.write(this.#table, this.#flows, this.#cells, conn, state, end, life, now)
  }

  /** The first FIN is who closed; an RST is who broke it off, unless both ends had closed already. */
  #mark(conn: number, dir: number, flags: number, now: number): void {
    const cells = this.#cells
    const at = conn << CELLS_SHIFT
    const seen = cells[at | SEEN]
    if ((flags & RST) !== 0) {
      if ((seen & RST_SEEN) === 0 && (seen & BOTH_FINS) !== BOTH_FINS) {
        cells[at | END] = End.RST_CLIENT + dir
      }
      cells[at | SEEN] = seen | RST_SEEN
    } else if ((flags & FIN) !== 0) {
      if (cells[at | END] === 0) cells[at | END] = End.FIN_CLIENT + dir
      cells[at | SEEN] = seen | (1 << dir)
    } else if (dir !== IN && (flags & ACK) !== 0 && cells[at | RS_MS] < 0) {
      cells[at | RS_MS] = this.#since(conn, now)
      this.#table.cells[RECORD.at(conn) | WORD] |= AWAITED
    }
  }

  /** The same for a cell. */
  #since(conn: number, now: number): number {
    return Math.min(this.age(conn, now), 0x7fff_ffff)
  }

  /** The client's first ACK behind the RS's SYN+ACK ends the handshake. */
  #answered(conn: number, flags: number, now: number): void {
    if ((flags & (SYN | RST | ACK)) !== ACK) return
    this.#cells[(conn << CELLS_SHIFT) | CLIENT_MS] = this.#since(conn, now)
    this.#table.cells[RECORD.at(conn) | WORD] &= ~AWAITED
  }
}
