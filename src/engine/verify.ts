/**
 * Whom to believe. Most segments say nothing that the record does not know, and pass unjudged; one that would move anything
 * (open a connection, its state, the client's MAC, the RS's numbers or neighbour, what its health is judged by) is judged
 * first. A wrong checksum is a drop: both ends would throw the segment away (RFC 9293 3.1). Numbers that no honest end can
 * send at this point are doubtful: the segment goes on, because the end that it is for may have to answer it (RFC 5961's
 * challenge ACKs), and moves nothing.
 *
 * What is near enough (RFC 5961): a segment with ACK lies within the largest window of what the RS has acknowledged last
 * (numbers of the client) and of what it has come to (its own), with both of its numbers. Of an RST, which has one number that
 * counts, that would be one guess in 64; but an honest one stands where the conversation does, but for what is on its way to
 * the RS, and so does all of a handshake. Whoever is believed wrongly costs a connection, whoever is not its entry some seconds
 * more.
 */

import { fold, pseudoSum, sumWords } from '../wire/checksum.ts'
import { isSingleHost, PROTO } from '../wire/ipv4.ts'
import { isSingleHost6, pseudoSum6 } from '../wire/ipv6.ts'
import { FLAG, TCP } from '../wire/tcp.ts'
import type { AddressBook } from './address-book.ts'
import { type Arm, armTowards, isOurs } from './arm.ts'
import { CELL, COLD, KEY, RECORD, RS_SEEN, STATE_MASK } from './conn-layout.ts'
import type { Conns } from './conns.ts'
import { Drop } from './counters.ts'
import type { Egress } from './egress.ts'
import { Family } from './family.ts'
import type { EngineOptions } from './options.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { armTowards6 } from './route-out6.ts'
import type { Sessions } from './sessions.ts'
import { State } from './tcp-state.ts'
import { DOUBTFUL, GOOD, type Usual } from './usual.ts'
import { moreOf } from './xmit/proxy-space.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { DELTA, WORD, RST_SEQ, RST_ACK } = CELL
const { CLIENT_ISN, PROXY } = COLD
const { of: recordOf, column: columnAt } = RECORD
const SEEN = RS_SEEN
const STATE_BITS = STATE_MASK
const { SYN, ACK, FIN, RST } = FLAG
const FOUR = SYN | ACK | FIN | RST
const { SEQ: TCP_SEQ, ACK: TCP_ACK } = TCP
const { ESTABLISHED, SYN_RECV, FIN_WAIT, CLOSE_WAIT, CLOSE } = State
const { TCP: PROTO_TCP } = PROTO
const { IPV6 } = KEY

/** How far an RST, or a segment of a handshake, may be from where the conversation stands: what a first flight has, and no more. */
export const NEAR = 1 << 16
/** A half of a conversation of which nothing was heard for so many ms no longer holds its ports against a new one. */
const QUIET_MS = 1000
/** How far the numbers of a client come in a quarter of a minute (Linux: 2^24 a second): so long may the connection before have lasted. */
const OLDER = 1 << 28

/** True if the checksum is right, or partial: then there is none yet. */
export function isIntact(pkt: DataView, p: Parsed): boolean {
  if (p.partial === 1) return true
  const bytes = p.l4Header + p.payload
  const pseudo =
    p.key < IPV6
      ? pseudoSum(p.saddr, p.daddr, PROTO_TCP, bytes)
      : pseudoSum6(pkt, p.ip, PROTO_TCP, bytes)
  return fold(pseudo + sumWords(pkt, p.l4, bytes)) === 0xffff
}

/** A client must be somebody else, a single host, and on the side its packet came from (RFC 1812 5.3.7, 5.3.8). */
export function isPlausibleClient(arms: readonly Arm[], arm: Arm, saddr: number): boolean {
  if (!isSingleHost(saddr) || isOurs(arms, Family.IPV4, saddr)) return false
  const back = armTowards(arms, saddr)
  return back === undefined || back === arm
}

/** The same over IPv6. */
export function isPlausibleClient6(
  arms: readonly Arm[],
  arm: Arm,
  { source }: Parsed,
  book: AddressBook,
): boolean {
  const a = source[0]
  const b = source[1]
  const c = source[2]
  const d = source[3]
  if (!isSingleHost6(a, b, c, d)) return false
  if (isOurs(arms, Family.IPV6, book.find(a, b, c, d))) return false
  const back = armTowards6(arms, a, b, c, d)
  return back === undefined || back === arm
}

export class Verify {
  readonly #pkt: DataView
  readonly #conns: Conns
  readonly #cold: Int32Array
  readonly #cells: Int32Array
  readonly #usual: Usual
  readonly #sessions: Sessions | null
  readonly #egress: Egress
  readonly #strict: boolean
  /** Bytes of the largest window. */
  readonly #window: number

  constructor(
    { frames, table, sessions }: Parts,
    conns: Conns,
    egress: Egress,
    { strict, windowMost }: Pick<EngineOptions, 'strict' | 'windowMost'>,
  ) {
    this.#strict = strict
    this.#window = windowMost
    this.#cold = table.cold
    this.#pkt = frames.pkt
    this.#conns = conns
    this.#cells = table.cells
    this.#usual = conns.usual
    this.#sessions = sessions
    this.#egress = egress
  }

  /**
   * The segment of tuple t, which is known, goes on with what was, and did what such a one does. => false, and nothing done, if
   * it would move more
   */
  isUsual(t: number, p: Parsed, dest: number, now: number): boolean {
    if ((t & 1) === 1) {
      return !this.#egress.isNewsOfNextHop(p, dest, now) && this.#usual.ofRs(this.#pkt, t, p, now)
    }
    if (this.#sessions?.isAwaited(t)) return false
    return this.#usual.ofClient(this.#pkt, t, p, now)
  }

  /** Of tuple t. Who is not strict believes anybody, as DPVS does. => GOOD, DOUBTFUL, or minus a drop reason */
  judge(t: number, p: Parsed, now: number): number {
    if (!this.#strict) return GOOD
    const plausible = (t & 1) === 0 ? this.#isOfClient(t, p, now) : this.#isOfRs(t, p)
    if (!plausible) return DOUBTFUL
    return isIntact(this.#pkt, p) ? GOOD : -Drop.TCP_CHECKSUM
  }

  /**
   * One end of a conn has closed and the other one goes on: a SYN with another number is as doubtful as in the middle of it, and
   * the end that it is for asks who has sent it (RFC 5961 4.2).
   */
  isHalfClosed(conn: number, now: number): boolean {
    if (!this.#strict) return false
    const word = this.#cells[recordOf(conn << 1) | WORD]
    const state = word & STATE_BITS
    if ((state !== FIN_WAIT && state !== CLOSE_WAIT) || (word & SEEN) === 0) return false
    return this.#conns.times.quietMs(conn, now) < QUIET_MS
  }

  /**
   * A SYN a little older than the one that opened a conn, of which something was heard just now: it is of the connection before from
   * that port, doubled or late, and an end may still wait for what the conn brings. Clients count their numbers up (RFC 6528); of one
   * that throws dice every 16th is taken for late, and comes again. In SYN_RECV and CLOSE nobody waits, and who opened it may have been
   * somebody else: there the one that the RS answers is right.
   */
  isLate(conn: number, isn: number, now: number): boolean {
    if (!this.#strict) return false
    const state = this.#cells[recordOf(conn << 1) | WORD] & STATE_BITS
    if (state === SYN_RECV || state === CLOSE) return false
    const behind = (this.#cold[columnAt(conn) | CLIENT_ISN] - isn) | 0
    return behind > 0 && behind < OLDER && this.#conns.times.quietMs(conn, now) < QUIET_MS
  }

  /** The segment is not usual, and good: it moves what it can. */
  hear(t: number, p: Parsed, dest: number, now: number): void {
    const before = this.#conns.table.state(t >> 1)
    const outward = (t & 1) === 1
    if (outward && (p.flags & ACK) !== 0) this.#egress.confirmRs(p, dest, now)
    this.#conns.segment(t, p, now)
    if (outward) this.#conns.rememberRs(this.#pkt, t, p, now)
    else this.#conns.rememberClient(this.#pkt, t, p, before)
  }

  #isOfClient(t: number, p: Parsed, now: number): boolean {
    const cells = this.#cells
    const at = recordOf(t)
    const word = cells[at | WORD]
    const state = word & STATE_BITS
    const { flags } = p
    const number = this.#pkt.getInt32(p.l4 + TCP_SEQ)
    if ((flags & (SYN | RST)) === SYN) {
      // Where no conversation stands, any SYN begins one: its number can be any. In one no SYN means anything.
      if ((flags & FOUR) !== SYN || state === ESTABLISHED) return false
      // Half-closed, the one that opened it is late, and nothing new.
      if (number === this.#cold[columnAt(t >> 1) | CLIENT_ISN])
        return state !== FIN_WAIT && state !== CLOSE_WAIT
      return !this.isHalfClosed(t >> 1, now) && !this.isLate(t >> 1, number, now)
    }
    const more = moreOf(this.#cold[columnAt(t >> 1) | PROXY])
    const ahead = (number + cells[at | DELTA] + more - cells[at | RST_ACK]) | 0
    const off = Math.abs(ahead)
    // Of an RST only the sequence number counts; what has no ACK is thrown away by any end (RFC 9293 3.10.7.4).
    if ((flags & RST) !== 0) return off <= NEAR
    const most = state === SYN_RECV ? NEAR : this.#window
    if ((flags & ACK) === 0 || (word & SEEN) === 0 || off > most) return false
    // A FIN that the RS has already is late where none has been, and of the connection before.
    if ((flags & FIN) !== 0 && (state === ESTABLISHED || state === FIN_WAIT)) {
      if (ahead + p.payload + 1 <= 0) return false
    }
    return distance(this.#pkt.getInt32(p.l4 + TCP_ACK), cells[at | RST_SEQ]) <= most
  }

  #isOfRs(t: number, p: Parsed): boolean {
    const cells = this.#cells
    const at = recordOf(t)
    const word = cells[at | WORD]
    const { flags } = p
    const isSeen = (word & SEEN) !== 0
    const state = word & STATE_BITS
    const isBeginning = state === SYN_RECV
    const seq = this.#pkt.getInt32(p.l4 + TCP_SEQ)
    const seqOff = distance(seq, cells[at | RST_SEQ])
    const ack = this.#pkt.getInt32(p.l4 + TCP_ACK)
    const ackOff = distance(ack, cells[at | RST_ACK])
    const hasAck = (flags & ACK) !== 0
    if ((flags & RST) !== 0) {
      if (isSeen && seqOff <= NEAR) return true
      // Who refuses a SYN has no number, and acknowledges it (RFC 9293 3.10.7.1).
      return (isBeginning || !isSeen) && hasAck && ackOff <= NEAR
    }
    if (!hasAck) return false
    if (isBeginning && (flags & SYN) !== 0) {
      // From its SYN the RS's number is learned. A second one may answer a client that has begun once more.
      const first = this.#cold[columnAt(t >> 1) | CLIENT_ISN] + cells[at | DELTA] + 1
      return ackOff <= NEAR || distance(ack, first) <= NEAR
    }
    if (!isSeen) return ackOff <= NEAR
    // Nobody has asked: it was doubled, or sent again, or is of the connection before. In a half-closed one it would begin another.
    if ((flags & SYN) !== 0 && state !== ESTABLISHED) return false
    if ((flags & FIN) !== 0 && ((seq + p.payload + 1 - cells[at | RST_SEQ]) | 0) < 0) return false
    const most = isBeginning ? NEAR : this.#window
    return seqOff <= most && ackOff <= most
  }
}

/** Of two sequence numbers, which wrap. */
function distance(a: number, b: number): number {
  return Math.abs((a - b) | 0)
}
