/** What the ladder knows of each connection: its number, when it began, and from where its sequence numbers are counted. */

import { FLAG } from '../../wire/tcp.ts'
import { segmentOf, seqLength } from '../frame/segment.ts'
import type { FrameIn, Moment, Said } from '../moments/moment.ts'
import { isNoSyn } from '../moments/own.ts'
import { type ConnEnds, connKey } from '../words/ends.ts'
import type { Leg } from './leg.ts'

/** Reason of a row that waits for the RS, as its client's SYN was answered by a cookie. */
export const HELD = 'syn_cookie'
/** What is said of the ACK that opens it. */
export const BY_COOKIE: Said = {
  event: 'syn_cookie',
  text: 'the SYN was answered here with a cookie, which this ACK brings back: the RS hears of it now',
  fields: {},
}

/** Connections that are remembered; a ladder that follows for days forgets the oldest. */
const REMEMBERED = 65_536

export class LadderConns {
  readonly #conns = new Map<string, LadderConn>()
  #count = 0

  /**
   * `moment` belongs to the connection of `ends`. What comes in for one that has ended is of another, and so is a SYN with
   * another number than the first for one that was closed: all that there is to know of it in a capture of another balancer.
   */
  of(ends: ConnEnds, moment: Moment): { conn: LadderConn; isNew: boolean } {
    const key = connKey(ends)
    const known = this.#conns.get(key)
    const opens = moment.kind === 'in' && (known === undefined || begins(moment, known))
    if (known && !opens) return { conn: known, isNew: false }
    const { atUs } = moment
    const conn = new LadderConn(++this.#count, atUs)
    this.#conns.delete(key)
    this.#conns.set(key, conn)
    const oldest = this.#conns.size > REMEMBERED ? this.#conns.keys().next().value : undefined
    if (oldest !== undefined) this.#conns.delete(oldest)
    return { conn, isNew: true }
  }
}

function begins({ states, said, direction, bytes }: FrameIn, known: LadderConn): boolean {
  if (known.hasEnded) return true
  // The engine has said what it is.
  if (states !== null)
    return states.before === null || said.some(({ event }) => event === 'conn_kept')
  if (direction !== 'in' || !known.isClosed) return false
  const segment = segmentOf(bytes)
  if (segment === undefined || (segment.bits & (FLAG.SYN | FLAG.ACK)) !== FLAG.SYN) return false
  return segment.seq !== known.isn
}

export class LadderConn {
  readonly id: number
  readonly firstUs: number
  /** The table has forgotten it; RSTs to its ends may follow. */
  hasEnded = false
  /** Somebody has sent a FIN or an RST. */
  isClosed = false
  /** Number of the client's SYN, as it came in; of several the last one before the RS has said anything. */
  isn: number | undefined
  /** The client's SYN was answered by a cookie. */
  isByCookie = false
  /** Sequence numbers that count as 0: of the client's side and of the RS's, the client's numbers and the RS's. */
  readonly #zero: (number | undefined)[] = [undefined, undefined, undefined, undefined]
  /** Relative end of what each has sent, as seen where it comes in. */
  readonly #sent: (number | undefined)[] = [undefined, undefined]

  constructor(id: number, firstUs: number) {
    this.id = id
    this.firstUs = firstUs
  }

  /** => whether it opens the connection by the cookie that it brings back */
  opensByCookie({ states, bytes }: FrameIn): boolean {
    const opens = states !== null && states.before === null && isNoSyn(bytes)
    if (opens) this.isByCookie = true
    return opens
  }

  /**
   * Sets the leg's relative numbers. `isFirst`: as it comes in, when it counts as sent. `before`: the same packet on the
   * other side, which has been numbered. => whether it was sent before
   */
  number(
    leg: Leg,
    byClient: boolean,
    isFirst: boolean,
    before?: Leg,
  ): 'retransmission' | 'keepalive' | null {
    const { segment } = leg
    if (!segment) return null
    const side = byClient === isFirst ? 0 : 2
    const [own, other] = byClient ? [side, side + 1] : [side + 1, side]
    const isSyn = (segment.bits & FLAG.SYN) !== 0
    if (isSyn && byClient && isFirst && (this.isn === undefined || this.#sent[1] === undefined))
      this.isn = segment.seq
    if ((segment.bits & (FLAG.FIN | FLAG.RST)) !== 0) this.isClosed = true
    if (before?.segment) {
      this.#zero[own] ??= (segment.seq - before.seq) >>> 0
      if (segment.bits & FLAG.ACK) this.#zero[other] ??= (segment.ack - before.ack) >>> 0
    }
    // A SYN is 0; of a connection that was there before, the first number seen is 1.
    this.#zero[own] ??= (segment.seq - (isSyn ? 0 : 1)) >>> 0
    leg.seq = (segment.seq - this.#zero[own]) >>> 0
    if (segment.bits & FLAG.ACK) {
      this.#zero[other] ??= (segment.ack - 1) >>> 0
      leg.ack = (segment.ack - this.#zero[other]) >>> 0
    }
    return isFirst ? this.#again(leg, byClient ? 0 : 1) : null
  }

  #again(leg: Leg, sender: number): 'retransmission' | 'keepalive' | null {
    const { segment } = leg
    if (!segment || segment.bits & FLAG.RST) return null
    const sent = this.#sent[sender]
    const length = seqLength(segment)
    const end = (leg.seq + length) | 0
    const probes = (segment.bits & (FLAG.SYN | FLAG.FIN)) === 0 && length <= 1
    if (sent !== undefined && probes && ((leg.seq - sent) | 0) === -1) return 'keepalive'
    // A bare ACK takes no numbers, and is often sent anew.
    if (length === 0) return null
    if (sent !== undefined && ((end - sent) | 0) <= 0) return 'retransmission'
    this.#sent[sender] = end
    return null
  }
}
