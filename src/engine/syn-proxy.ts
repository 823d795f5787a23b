/**
 * Connections that begin when their client brings back the cookie with which its SYN was answered (syn-answers.ts, semantics 2.8).
 *
 *   client                       here                                RS
 *   SYN seq c             >
 *                         <      SYN+ACK seq cookie, ack c+1                  nothing is kept
 *   ACK cookie+1          >      an RS is chosen, a connection opened
 *                                SYN seq c, by the way of any SYN    >
 *   data                  >      held, with the ACK
 *                                                                    <        SYN+ACK seq s: goes no further
 *                                what was held is judged anew        >
 *
 * From there on it is a connection like any other, but that the RS's numbers are moved (syn-space.ts).
 */

import { FLAG, TCP } from '../wire/tcp.ts'
import type { Arm } from './arm.ts'
import { beginAnew, type Judging } from './begun-anew.ts'
import {
  AGREED,
  CELL,
  COLD,
  HEADER_DUE,
  NO_SCALE,
  RECORD,
  RS_SEEN,
  STATE_MASK,
  SYN_PROXIED,
} from './conn-layout.ts'
import type { Conns } from './conns.ts'
import { COOKIE_DATA } from './cookies.ts'
import { type Counters, DONE, Drop, Event, PARKED } from './counters.ts'
import type { Egress } from './egress.ts'
import { armOf } from './family.ts'
import { type Frames, NO_SLOT } from './frames.ts'
import type { HeldSegments } from './held-segments.ts'
import type { SynProxyOptions } from './options.ts'
import { OwnFrames } from './own-frames.ts'
import { Kind, Parsed } from './parsed.ts'
import type { Parsed6 } from './parsed6.ts'
import type { Parts } from './parts.ts'
import type { Proxied } from './proxied.ts'
import type { Resets } from './resets.ts'
import { turnIntoRst } from './rst.ts'
import { DestCell, type Dests } from './service.ts'
import type { Sessions } from './sessions.ts'
import { SynAnswers } from './syn-answers.ts'
import { ClientFrames, scaleIn } from './syn-frames.ts'
import type { SynGates } from './syn-gate.ts'
import { SynSpace } from './syn-space.ts'
import { State } from './tcp-state.ts'
import { GOOD } from './usual.ts'
import { isIntact, NEAR, type Verify } from './verify.ts'
import type { FullNat } from './xmit/fullnat.ts'

/** No verdict: the segment goes on as one of any connection. */
export const GO_ON = -3000

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { SYN, ACK, RST } = FLAG
const { WORD, BINDING, RST_ACK, RS_ISN1 } = CELL
const { CLIENT_ISN } = COLD
const { at: recordAt, of: recordOf, column: columnAt, dest: destOf } = RECORD
const { LINK } = DestCell
const { SYN_PROXY_WAITS, SYN_PROXY_QUEUE, NO_BUFFER, TCP_CHECKSUM } = Drop

/** The steps that it asks. */
export interface SynSteps {
  readonly conns: Conns
  readonly egress: Egress
  readonly verify: Verify
  readonly proxied: Proxied
  readonly fullnat: FullNat
  readonly resets: Resets
  /** What judges any segment. */
  readonly engine: Judging & {
    readonly parsed6: Parsed6
    readonly setup: { readonly guards: { readonly gates: SynGates } }
    input(arm: Arm, slot: number, now: number): number
  }
}

export class SynProxy {
  readonly answers: SynAnswers
  readonly space: SynSpace
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #cells: Int32Array
  readonly #cold: Int32Array
  readonly #dests: Dests
  readonly #counters: Counters
  readonly #sessions: Sessions | null
  readonly #steps: SynSteps
  readonly #held: HeldSegments
  readonly #own: OwnFrames
  readonly #client: ClientFrames
  readonly #options: SynProxyOptions
  readonly #parsed = new Parsed()

  constructor(parts: Parts, steps: SynSteps, options: SynProxyOptions) {
    const { frames, arms, table, dests, counters, sessions } = parts
    this.answers = new SynAnswers(parts, steps.engine.setup.guards.gates, options)
    this.space = new SynSpace(table)
    this.#frames = frames
    this.#arms = arms
    this.#cells = table.cells
    this.#cold = table.cold
    this.#dests = dests
    this.#counters = counters
    this.#sessions = sessions
    this.#steps = steps
    this.#held = steps.conns.held
    this.#own = new OwnFrames(parts)
    this.#client = new ClientFrames(frames, table, parts.book)
    this.#options = options
  }

  /** A conn has just been opened for the ACK in `slot` that SynAnswers.brings() has found good. => The verdict on it */
  begin(slot: number, p: Parsed, conn: number, now: number): number {
    const { scale: ours, tries } = this.#options
    const { data } = this.answers
    const scale = COOKIE_DATA.scale(data)
    const told = scale === NO_SCALE ? NO_SCALE : ours
    const agreed = AGREED.first(scale, told, COOKIE_DATA.mss(data), COOKIE_DATA.sack(data), tries)
    this.space.begin(conn, this.#frames.pkt.getInt32(p.l4 + TCP.ACK) - 1, agreed)
    const isKept = this.#held.keep(conn, slot)
    this.#sendSyn(conn, true, now)
    if (isKept) return PARKED
    return p.payload > 0 ? -NO_BUFFER : DONE
  }

  /** The segment in `slot` is of tuple t of a conn that has begun with a cookie. => GO_ON, or the verdict on it */
  enter(slot: number, p: Parsed, t: number, arm: Arm, dest: number, now: number): number {
    const conn = t >> 1
    const isSeen = (this.#cells[recordAt(conn) | WORD] & RS_SEEN) !== 0
    if ((t & 1) === 0) {
      if (!isSeen) return this.#early(slot, p, conn, arm, now)
      this.space.inward(this.#frames.pkt, p, conn)
      return GO_ON
    }
    if (isSeen) return this.#again(p, t, now)
    if ((p.flags & RST) !== 0) return this.#refused(p, t, now)
    if ((p.flags & (SYN | ACK)) === ACK) return this.#challenged(slot, p, arm)
    if ((p.flags & (SYN | ACK)) !== (SYN | ACK)) return -SYN_PROXY_WAITS
    return this.#answered(slot, p, t, arm, dest, now)
  }

  /** The packet in `slot`, of tuple t of a conn that is not plain, is about to be translated, as Proxied.prepare has it. */
  prepare(slot: number, p: Parsed, t: number, out: Arm, dest: number, now: number): number {
    const binding = this.#cells[recordOf(t) | BINDING]
    if ((binding & SYN_PROXIED) !== 0 && (t & 1) === 1)
      this.space.outward(this.#frames.pkt, p, t >> 1)
    return (binding & HEADER_DUE) === 0
      ? 0
      : this.#steps.proxied.prepare(slot, p, t, out, dest, now)
  }

  /** The time of a conn, which is out of the wheel, is over. => Whether it goes on, because its RS is asked once more */
  goesOn(conn: number, now: number): boolean {
    if (!this.space.isPending(conn)) return false
    const agreed = this.space.agreed(conn)
    if (AGREED.tries(agreed) === 0) {
      this.#counters.count(Event.SYN_PROXY_GAVE_UP)
      this.#steps.resets.gaveUp(conn)
      return false
    }
    this.space.setAgreed(conn, AGREED.tried(agreed))
    this.#counters.count(Event.SYN_PROXY_RETRIES)
    this.#steps.conns.takeBack(conn)
    this.#sendSyn(conn, false, now)
    return true
  }

  /** A segment of the client whose RS has not answered: it is held, if it is one that the client could send. */
  #early(slot: number, p: Parsed, conn: number, arm: Arm, now: number): number {
    const { pkt } = this.#frames
    const at = recordAt(conn)
    const first = (this.#cold[columnAt(conn) | CLIENT_ISN] + 1) | 0
    const ahead = (pkt.getInt32(p.l4 + TCP.SEQ) - first) | 0
    const isPending = (this.#cells[at | WORD] & STATE_MASK) === State.SYN_RECV
    if (!isPending) return -SYN_PROXY_WAITS
    if (ahead < 0 || ahead > NEAR)
      return beginAnew(this.#steps.engine, this, slot, p, conn, arm, now)
    if (!isIntact(pkt, p)) return -TCP_CHECKSUM
    if ((p.flags & RST) !== 0) {
      this.#held.discard(conn)
      if (this.#sessions !== null) this.#sessions.packet(conn << 1, p, GOOD, now)
      this.#steps.conns.abandon(conn << 1, p.flags, now)
      return DONE
    }
    if ((p.flags & (SYN | ACK)) !== ACK) return -SYN_PROXY_WAITS
    // Of the RS it has nothing yet that it could acknowledge.
    if (pkt.getInt32(p.l4 + TCP.ACK) !== ((this.space.cookie(conn) + 1) | 0))
      return beginAnew(this.#steps.engine, this, slot, p, conn, arm, now)
    const { held } = this.#options
    if (this.#held.countOf(conn, held) >= held) return -SYN_PROXY_QUEUE
    return this.#held.keep(conn, slot) ? PARKED : -NO_BUFFER
  }

  /** The RS refuses the SYN. What is not to be believed would be to the client, whose number it gets. */
  #refused(p: Parsed, t: number, now: number): number {
    const judged = this.#steps.verify.judge(t, p, now)
    if (judged !== GOOD) return judged < 0 ? judged : -SYN_PROXY_WAITS
    this.#held.discard(t >> 1)
    return GO_ON
  }

  /** The RS still has another connection of these ports, and asks who it is: nobody who knows that one (RFC 9293 3.10.7.3). */
  #challenged(slot: number, p: Parsed, arm: Arm): number {
    if (!isIntact(this.#frames.pkt, p)) return -TCP_CHECKSUM
    turnIntoRst(this.#frames, slot, p)
    return arm.index
  }

  /** The SYN+ACK that the conn waits for. */
  #answered(slot: number, p: Parsed, t: number, arm: Arm, dest: number, now: number): number {
    const { pkt } = this.#frames
    const { verify } = this.#steps
    const conn = t >> 1
    const at = recordAt(conn)
    if (!isIntact(pkt, p)) return -TCP_CHECKSUM
    if (pkt.getInt32(p.l4 + TCP.ACK) !== this.#cells[at | RST_ACK])
      return this.#challenged(slot, p, arm)
    // The client has gone meanwhile.
    if ((this.#cells[at | WORD] & STATE_MASK) !== State.SYN_RECV)
      return this.#challenged(slot, p, arm)
    this.space.answered(conn, pkt.getInt32(p.l4 + TCP.SEQ), scaleIn(pkt, p))
    verify.hear(t, p, dest, now)
    this.#dests.countPackets(dest, 1, p.segments, p.wireBytes)
    if (this.#sessions !== null) this.#sessions.packet(t, p, GOOD, now)
    this.#release(conn, now)
    return DONE
  }

  /** The RS has answered before: its SYN+ACK comes once more if the ACK of it was lost. */
  #again(p: Parsed, t: number, now: number): number {
    const { pkt } = this.#frames
    const conn = t >> 1
    if ((p.flags & (SYN | ACK | RST)) !== (SYN | ACK)) return GO_ON
    if (((pkt.getInt32(p.l4 + TCP.SEQ) + 1) | 0) !== this.#cells[recordAt(conn) | RS_ISN1])
      return GO_ON
    const judged = this.#steps.verify.judge(t, p, now)
    if (judged !== GOOD) return judged < 0 ? judged : -SYN_PROXY_WAITS
    this.#ack(conn, now)
    return DONE
  }

  /** All that was held of the client is judged as if it came now, or an ACK of ours in its name. */
  #release(conn: number, now: number): void {
    let slot = this.#held.shift(conn)
    if (slot === NO_SLOT) this.#ack(conn, now)
    for (; slot !== NO_SLOT; slot = this.#held.shift(conn)) this.#input(conn, slot, now)
  }

  #ack(conn: number, now: number): void {
    const slot = this.#frames.take()
    if (slot === NO_SLOT) return
    const seq = this.#cold[columnAt(conn) | CLIENT_ISN] + 1
    this.#client.write(slot, conn, this.#clientArm(conn), seq, this.space.cookie(conn) + 1, null)
    this.#input(conn, slot, now)
  }

  /** Judges a segment of the conn's client. */
  #input(conn: number, slot: number, now: number): void {
    const arm = this.#clientArm(conn)
    const verdict = this.#steps.engine.input(arm, slot, now)
    if (verdict >= 0) this.#arms[verdict].send(slot)
    else if (verdict !== PARKED) {
      if (verdict !== DONE) this.#counters.rxDrop(arm.index, -verdict, slot)
      this.#frames.release(slot)
    }
  }

  #clientArm(conn: number): Arm {
    return this.#arms[RECORD.clientArm(this.#cells[recordAt(conn) | BINDING])]
  }

  /** The client's SYN, as it would have come had it not been answered; without a free slot it goes with the next try. */
  #sendSyn(conn: number, isFirst: boolean, now: number): void {
    const { conns, fullnat, proxied, egress } = this.#steps
    const t = conn << 1
    const p = this.#parsed
    const slot = this.#frames.take()
    const isWritten = slot !== NO_SLOT && this.#writeSyn(slot, conn)
    if (isFirst) conns.waitForRs(t, now)
    conns.times.askAgainLater(conn, now)
    if (!isWritten) return
    const binding = this.#cells[recordAt(conn) | BINDING]
    const dest = destOf(binding)
    const out = this.#arms[armOf(this.#dests.cells[(dest << 4) | LINK])]
    // The client has sent one, which nobody has counted.
    if (isFirst) {
      this.#dests.countPackets(dest, 0, 1, p.wireBytes)
      if (this.#sessions !== null) this.#sessions.packet(t, p, GOOD, now)
    }
    if ((binding & HEADER_DUE) !== 0) proxied.prepare(slot, p, t, out, dest, now)
    fullnat.translate(slot, p, t, out.mtu)
    this.#own.settle(slot, egress.toRs(slot, p.eth, out, dest, now))
  }

  /** => false, and the slot is free again, if it cannot be read, which does not happen */
  #writeSyn(slot: number, conn: number): boolean {
    const arm = this.#clientArm(conn)
    const isn = this.#cold[columnAt(conn) | CLIENT_ISN]
    this.#client.writeSyn(slot, conn, arm, isn, this.space.agreed(conn))
    const p = this.#parsed
    let kind = p.decode(this.#frames, slot, arm)
    if (kind === Kind.IPV6) kind = this.#steps.engine.parsed6.decode(p, slot)
    if (kind === Kind.TCP) return true
    this.#frames.release(slot)
    return false
  }
}
