/**
 * The life of connections: opened by a SYN or a datagram to a service, moved through states by packets, ended by the wheel. The
 * records are conn.ts's; this file knows what they are bound to: RS, LIP and lport, counters, timers.
 */

import { ETH } from '../wire/ethernet.ts'
import { FLAG, TCP } from '../wire/tcp.ts'
import { type ConnTable, NO_CONN } from './conn.ts'
import { CELL, KEY, ONE_WAY, RECORD, RS_SEEN, STATE_MASK, stateCell } from './conn-layout.ts'
import { type Counters, Drop, Event } from './counters.ts'
import { Drafts } from './draft.ts'
import type { Edges } from './edges.ts'
import { Handshakes } from './handshakes.ts'
import { HeldSegments } from './held-segments.ts'
import type { LongClock } from './long-clock.ts'
import type { EngineOptions } from './options.ts'
import type { Outcomes } from './outcomes.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { Room } from './room.ts'
import { sayOpened, sayOver, sayState } from './say.ts'
import type { Dest, Dests, Service } from './service.ts'
import type { Sessions } from './sessions.ts'
import { nextState, tableOfBound } from './states.ts'
import { IN, INPUT_ONLY, OUT, State } from './tcp-state.ts'
import { Times } from './times.ts'
import { Over, type TraceRing } from './trace.ts'
import { UdpState } from './udp-state.ts'
import { Usual } from './usual.ts'
import type { Wheel } from './wheel.ts'
import type { LeftLport } from './xmit/left-lport.ts'
import type { Methods } from './xmit/methods.ts'
import { ProxySpace } from './xmit/proxy-space.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { DELTA, WORD, BINDING, DEADLINE, RST_SEQ, RST_ACK, MAC_LO } = CELL
const { at: recordAt, of: recordOf, method: methodOf, jitter: jitterOf } = RECORD
const { TCP: TCP_KEY, UDP: UDP_KEY } = KEY
const SEEN = RS_SEEN
const STATE_BITS = STATE_MASK
const { RST, SYN, ACK, FIN } = FLAG
const { ESTABLISHED, SYN_RECV } = State
const { SRC: ETH_SRC } = ETH
const { SEQ: TCP_SEQ, ACK: TCP_ACK } = TCP

export class Conns {
  readonly table: ConnTable
  readonly wheel: Wheel
  readonly #cells: Int32Array
  readonly #dests: Dests
  readonly #outcomes: Outcomes
  readonly #counters: Counters
  readonly #edges: Edges
  readonly #kept: Uint8Array
  readonly usual: Usual
  readonly #handshakes: Handshakes
  readonly #proxy: ProxySpace
  readonly room: Room
  /** What clients have said before their RS has answered. */
  readonly held: HeldSegments
  readonly #trace: TraceRing
  readonly #long: LongClock
  readonly drafts: Drafts
  readonly left: LeftLport
  /** null if nobody wants to know. */
  readonly sessions: Sessions | null
  /** Any segment puts off the end of a half-open connection. */
  readonly #renews: boolean
  readonly times: Times
  /** The conn that Expiry has taken out of the wheel and that has not ended yet, or NO_CONN. */
  due = NO_CONN
  constructor(parts: Parts, methods: Methods, options: EngineOptions) {
    this.#renews = !options.strict
    this.room = new Room(parts, options)
    const { table, wheel, dests, edges, counters } = parts
    this.held = new HeldSegments(parts.frames, table)
    this.table = table
    this.wheel = wheel
    this.sessions = parts.sessions
    this.#cells = table.cells
    this.#long = parts.long
    this.times = new Times(parts, options.timeoutMs)
    this.#dests = dests
    this.#outcomes = parts.outcomes
    this.#counters = counters
    this.#edges = edges
    this.#kept = edges.kept
    this.usual = new Usual(table.cells, dests.cells, edges.kept, this.times.ms)
    this.#handshakes = new Handshakes(table, counters)
    this.#proxy = new ProxySpace(table)
    this.#trace = parts.trace
    this.drafts = new Drafts(parts, methods)
    this.left = methods.fullnat.left
  }

  /** Opens a connection for the client's packet in p: draft, index, timer. => The IN tuple, or minus a drop reason with nothing left behind. */
  open(p: Parsed, service: Service, clientArm: number, now: number): number {
    const drafts = this.drafts
    const conn = drafts.make(p, service, clientArm, now)
    if (conn < 0) return conn
    if (this.room.refuses(conn, drafts.binding)) {
      drafts.giveBack(conn)
      return -Drop.CLIENT_SHARE
    }
    const { cells } = this.table
    const at = recordAt(conn)
    const deadline = (now + this.times.ms[State.NONE] + jitterOf(cells[at | WORD])) | 0
    cells[at | DEADLINE] = deadline
    if (this.sessions !== null) this.sessions.open(conn, now)
    this.table.open(conn, drafts.binding)
    this.room.opened(conn)
    this.wheel.file(conn, deadline)
    this.#dests.countConn(drafts.dest as Dest)
    drafts.taken = undefined
    this.#counters.count(Event.CONNS_OPENED)
    this.#counters.states[stateCell(p.key, State.NONE)]++
    if (this.#trace.debug) sayOpened(this.#trace, cells, conn)
    return conn << 1
  }

  /** Moves the state machine for a segment of tuple t and refreshes the timer, in either direction and any state. */
  segment(t: number, p: Parsed, now: number): void {
    const cells = this.#cells
    const at = recordOf(t)
    const word = cells[at | WORD]
    const state = word & STATE_BITS
    const table = tableOfBound(cells[at | BINDING], t)
    const after = nextState(table, state, p.event)
    if (after !== state) {
      this.#changeState(t, p.flags, state, after, now)
      return
    }
    this.#kept[(table << 9) | (p.event << 4) | state] = 1
    // An RS repeats its SYN+ACK to whoever has never been: only the client's own SYN keeps a handshake waiting.
    const isRepeat = state === SYN_RECV && ((t & 1) === 1 || (p.flags & SYN) === 0)
    if (this.#renews || !isRepeat) this.times.refresh(t >> 1, state, now)
  }

  /** The rare end of segment(): a new state may shorten the time left, so the wheel files the conn anew. */
  #changeState(t: number, flags: number, before: number, after: number, now: number): void {
    const conn = t >> 1
    this.table.setState(conn, after)
    this.#counters.connMoved(before, after)
    const table = tableOfBound(this.#cells[recordAt(conn) | BINDING], t)
    this.#edges.taken(table, flags, before, this.#long.at(now))
    if (before === SYN_RECV && after === ESTABLISHED && (t & 1) === 0) {
      this.#handshakes.done(conn, now)
    }
    if (after === SYN_RECV) this.room.halfOpen.append(conn)
    else if (before === SYN_RECV) this.room.halfOpen.remove(conn)
    const dest = this.table.dest(conn)
    if (after === ESTABLISHED) this.#dests.activate(dest, 1)
    else if (before === ESTABLISHED) this.#dests.activate(dest, -1)
    if (after === SYN_RECV && before !== State.NONE) this.#handshakes.again(conn, now)
    // Of an RS that answers past us nothing is known.
    if (before === SYN_RECV && table !== INPUT_ONLY)
      this.#outcomes.judge(dest, after, t & 1, this.#rsSeen(conn))
    this.times.refresh(conn, after, now)
    this.times.fileAnew(conn)
    if (this.#trace.debug) sayState(this.#trace, this.#cells, t, flags, before, after)
  }

  /**
   * What RSTs on expiry need, kept on every RS segment with ACK but RST unless its ack is older than the kept one (semantics 2.7). Only
   * a SYN that is awaited may answer whatever number: one that comes once more, later, is as old as its ack.
   */
  rememberRs(pkt: DataView, t: number, p: Parsed, now: number): void {
    if ((p.flags & (RST | ACK)) !== ACK) return
    const cells = this.#cells
    const at = recordOf(t)
    const ack = pkt.getInt32(p.l4 + TCP_ACK)
    const seq = pkt.getInt32(p.l4 + TCP_SEQ)
    const word = cells[at | WORD]
    const isSyn = (p.flags & SYN) !== 0
    const isAwaited = (word & SEEN) === 0 || (isSyn && (word & STATE_BITS) === SYN_RECV)
    if (!isAwaited && ((ack - cells[at | RST_ACK]) | 0) < 0) return
    if (isSyn) {
      this.#handshakes.answered(t >> 1, seq, ack, seq + p.payload + 1, now)
      this.#outcomes.answered(this.table.dest(t >> 1))
      return
    }
    cells[at | RST_ACK] = ack
    // FIN, the lowest bit of the flags, counts as a byte.
    cells[at | RST_SEQ] = seq + p.payload + (p.flags & FIN)
  }

  /**
   * What a segment of the client that is to be believed tells: its MAC, which may change (a gateway fails over), and with the SYN that
   * begins it (`before` is the state it found) its number, which the RS will have to acknowledge, and which may be another one each time.
   */
  rememberClient(pkt: DataView, t: number, p: Parsed, before: number): void {
    const cells = this.#cells
    const at = recordOf(t)
    const hi = pkt.getUint16(p.eth + ETH_SRC)
    const word = (cells[at | WORD] & 0xffff) | (hi << 16)
    cells[at | MAC_LO] = pkt.getInt32(p.eth + ETH_SRC + 2)
    cells[at | WORD] = word
    if ((p.flags & SYN) === 0 || (word & STATE_BITS) !== SYN_RECV) return
    const isn = pkt.getInt32(p.l4 + TCP_SEQ)
    const isAnswered = before === SYN_RECV && (word & SEEN) !== 0
    if ((p.flags & (SYN | ACK)) === SYN) this.#proxy.begin(t >> 1, isn, before, isAnswered)
    if (isAnswered) return
    cells[at | RST_ACK] = isn + cells[at | DELTA] + 1 - this.#proxy.known(t >> 1)
  }

  /** A datagram has moved a conn from one state of UDP to another. An answer of the RS speaks for it. */
  datagramMoved(conn: number, before: number, after: number, now: number): void {
    this.table.setState(conn, after)
    const protocol = this.table.protocol(conn)
    this.#counters.connMoved(stateCell(protocol, before), stateCell(protocol, after))
    if (protocol === UDP_KEY)
      this.#edges.datagram(after === UdpState.NORMAL ? OUT : IN, before, this.#long.at(now))
    if (after === UdpState.ONEWAY) this.room.halfOpen.append(conn)
    if (after !== UdpState.NORMAL) return
    this.room.halfOpen.remove(conn)
    this.#outcomes.done(this.table.dest(conn))
    if (this.sessions !== null) this.sessions.replied(conn, now)
  }

  /** The RS is about to get the SYN of a new conn, which its client has sent before. */
  waitForRs(t: number, now: number): void {
    this.#changeState(t, SYN, State.NONE, SYN_RECV, now)
  }

  /** The client has broken off, by a segment of tuple t with `flags`, what its RS has not answered. */
  abandon(t: number, flags: number, now: number): void {
    this.#changeState(t, flags, SYN_RECV, State.CLOSE, now)
  }

  /** The conn that is out of the wheel goes on. */
  takeBack(conn: number): void {
    this.due = NO_CONN
    this.wheel.file(conn, this.#cells[recordAt(conn) | DEADLINE])
  }

  /** Ends a conn that is out of the wheel: why is Over.TIMER, or Over.REPLACED if another takes its place. */
  end(conn: number, now: number, why: number = Over.TIMER): void {
    if (this.#isUnanswered(conn)) this.#outcomes.failed(this.table.dest(conn))
    this.#close(conn, why, now)
  }

  /** Its RS has never been heard: not even its first packet was answered. One that answers past us never is. */
  #isUnanswered(conn: number): boolean {
    if (this.isOneWay(conn)) return false
    const state = this.table.state(conn)
    if (this.table.protocol(conn) !== TCP_KEY) return state === UdpState.ONEWAY
    return (state === SYN_RECV || state === State.SYN_SENT) && !this.#rsSeen(conn)
  }

  /** Ends a conn before its time, which says nothing of its RS. */
  cut(conn: number, now: number): void {
    this.wheel.unfile(conn)
    this.#close(conn, Over.CUT, now)
  }

  /** DR or TUNNEL: its RS answers past us, and what we would say in its name is not ours to say. */
  isOneWay(conn: number): boolean {
    return (this.#cells[recordAt(conn) | BINDING] & ONE_WAY) !== 0
  }

  /** Both ends may believe the conn whole, and are ours to reset: the RS has answered, and they have not both closed. Of UDP none does. */
  isHeld(conn: number): boolean {
    if (this.table.protocol(conn) !== TCP_KEY || this.isOneWay(conn)) return false
    const state = this.table.state(conn)
    return this.#rsSeen(conn) && state !== State.TIME_WAIT && state !== State.CLOSE
  }

  /** ESTABLISHED, which a state of UDP has the number of. */
  isEstablished(conn: number): boolean {
    return this.table.protocol(conn) === TCP_KEY && this.table.state(conn) === ESTABLISHED
  }

  /** RS counters, record, what its method took. */
  #close(conn: number, why: number, now: number): void {
    const { cells } = this.table
    const method = methodOf(cells[recordAt(conn) | BINDING])
    const dest = this.table.dest(conn)
    const state = this.table.state(conn)
    const established = this.isEstablished(conn)
    this.#dests.endConn(dest, established)
    this.#counters.states[stateCell(this.table.protocol(conn), state)]--
    const rs = this.#dests.list[dest]
    if (rs !== undefined && rs.upper >= 0) this.#dests.give(rs)
    if (this.#trace.debug) sayOver(this.#trace, cells, conn, state, why)
    if (this.sessions !== null) this.sessions.end(conn, now, why)
    this.room.closing(conn)
    this.held.discard(conn)
    this.table.close(conn)
    this.drafts.methods[method].release(conn)
    this.#counters.count(Event.CONNS_EXPIRED)
    this.due = NO_CONN
  }

  #rsSeen(conn: number): boolean {
    return (this.#cells[recordAt(conn) | WORD] & SEEN) !== 0
  }
}
