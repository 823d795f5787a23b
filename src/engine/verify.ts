/**
 * Whom to believe. Most segments say nothing that the record does not know, and pass unjudged; one that would move anything
 * (open a connection, its state, the client's MAC, the RS's numbers or neighbour, what its health is judged by) is judged
 * first. A wrong checksum is a drop: both ends would throw the segment away (RFC 9293 3.1). Numbers that no honest end can
 * send at this point are doubtful: the segment goes on, because the end that it is for may have to answer it (RFC 5961's
 * challenge ACKs), and moves nothing.
 *
 * What is near enough: no window is larger than 2^30 (RFC 7323 2.3), so whatever an end sends, again or for the first time,
 * lies within that of what the RS has acknowledged last (numbers of the client) or has come to (its own).
 */

import { fold, pseudoSum, sumWords } from '../wire/checksum.ts'
import { isSingleHost, PROTO } from '../wire/ipv4.ts'
import { FLAG, TCP } from '../wire/tcp.ts'
import { type Arm, armTowards, isOurs } from './arm.ts'
import { CELL, RECORD, RS_SEEN, STATE_MASK } from './conn-layout.ts'
import type { Conns } from './conns.ts'
import { Drop } from './counters.ts'
import type { Egress } from './egress.ts'
import { Family } from './family.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Sessions } from './sessions.ts'
import { State } from './tcp-state.ts'
import { DOUBTFUL, GOOD, type Usual, WINDOW_MOST } from './usual.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { DELTA, WORD, RST_SEQ, RST_ACK } = CELL
const { of: recordOf } = RECORD
const SEEN = RS_SEEN
const STATE_BITS = STATE_MASK
const { SYN, ACK, FIN, RST } = FLAG
const FOUR = SYN | ACK | FIN | RST
const { SEQ: TCP_SEQ, ACK: TCP_ACK } = TCP
const MOST = WINDOW_MOST
const { ESTABLISHED, SYN_RECV } = State
const { TCP: PROTO_TCP } = PROTO

/** True if the checksum is right, or partial: then there is none yet. */
export function isIntact(pkt: DataView, p: Parsed): boolean {
  if (p.partial === 1) return true
  const bytes = p.l4Header + p.payload
  const sum = pseudoSum(p.saddr, p.daddr, PROTO_TCP, bytes) + sumWords(pkt, p.l4, bytes)
  return fold(sum) === 0xffff
}

/** A client must be somebody else, a single host, and on the side its packet came from (RFC 1812 5.3.7, 5.3.8). */
export function isPlausibleClient(arms: readonly Arm[], arm: Arm, saddr: number): boolean {
  if (!isSingleHost(saddr) || isOurs(arms, Family.IPV4, saddr)) return false
  const back = armTowards(arms, saddr)
  return back === undefined || back === arm
}

export class Verify {
  readonly #pkt: DataView
  readonly #conns: Conns
  readonly #cells: Int32Array
  readonly #usual: Usual
  readonly #sessions: Sessions | null
  readonly #egress: Egress

  constructor({ frames, table, sessions }: Parts, conns: Conns, egress: Egress) {
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

  /** Of tuple t. => GOOD, DOUBTFUL, or minus a drop reason */
  judge(t: number, p: Parsed): number {
    const plausible = (t & 1) === 0 ? this.#isOfClient(t, p) : this.#isOfRs(t, p)
    if (!plausible) return DOUBTFUL
    return isIntact(this.#pkt, p) ? GOOD : -Drop.TCP_CHECKSUM
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

  #isOfClient(t: number, p: Parsed): boolean {
    const cells = this.#cells
    const at = recordOf(t)
    const word = cells[at | WORD]
    const { flags } = p
    // Where no conversation stands, any SYN begins one: its number can be any.
    if ((flags & FOUR) === SYN && (word & STATE_BITS) !== ESTABLISHED) return true
    const seq = this.#pkt.getInt32(p.l4 + TCP_SEQ) + cells[at | DELTA]
    if (!isNear(seq, cells[at | RST_ACK])) return false
    // Of an RST only the sequence number counts (RFC 9293 3.10.7.4).
    if ((flags & (ACK | RST)) !== ACK || (word & SEEN) === 0) return true
    return isNear(this.#pkt.getInt32(p.l4 + TCP_ACK), cells[at | RST_SEQ])
  }

  #isOfRs(t: number, p: Parsed): boolean {
    const cells = this.#cells
    const at = recordOf(t)
    const word = cells[at | WORD]
    const { flags } = p
    const seqIsNear =
      (word & SEEN) !== 0 && isNear(this.#pkt.getInt32(p.l4 + TCP_SEQ), cells[at | RST_SEQ])
    const ackIsNear =
      (flags & ACK) !== 0 && isNear(this.#pkt.getInt32(p.l4 + TCP_ACK), cells[at | RST_ACK])
    if ((word & STATE_BITS) === SYN_RECV) {
      // From its SYN the RS's number is learned. A second one may answer a client that has begun once more.
      if ((flags & FOUR) === (SYN | ACK)) return ackIsNear || (word & SEEN) !== 0
      // Who refuses a SYN has no number, and acknowledges it (RFC 9293 3.10.7.1).
      if ((flags & RST) !== 0) return ackIsNear || seqIsNear
    }
    if ((word & SEEN) === 0) return ackIsNear
    return seqIsNear && (ackIsNear || (flags & (ACK | RST)) !== ACK)
  }
}

/** Sequence numbers, which wrap. */
function isNear(a: number, b: number): boolean {
  return Math.abs((a - b) | 0) <= MOST
}
