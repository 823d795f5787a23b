/**
 * Segments of connections whose RSs answer past us (DR, tunnel), as usual.ts and verify.ts have it of the others. What the RS says is
 * known only by what the client acknowledges, so the record keeps where the client is (rstAck) and how far it has acknowledged
 * (rstSeq), and a segment is believed that lies within the largest window of both; an RST, and a handshake, within less.
 */

import { ETH } from '../wire/ethernet.ts'
import { FLAG, TCP } from '../wire/tcp.ts'
import { CELL, COLD, RECORD, RS_SEEN, STATE_MASK } from './conn-layout.ts'
import type { Conns } from './conns.ts'
import { Drop } from './counters.ts'
import type { EngineOptions } from './options.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { State } from './tcp-state.ts'
import { DOUBTFUL, GOOD } from './usual.ts'
import { isIntact, NEAR, type Verify } from './verify.ts'

const { WORD, RST_SEQ, RST_ACK, MAC_LO } = CELL
const { of: recordOf, column: columnAt } = RECORD
const { SYN, ACK, FIN, RST } = FLAG
const FOUR = SYN | ACK | FIN | RST
const { SRC: ETH_SRC } = ETH
const { ESTABLISHED, SYN_RECV, FIN_WAIT, CLOSE_WAIT } = State

export class OneWay {
  readonly #pkt: DataView
  readonly #cells: Int32Array
  readonly #cold: Int32Array
  readonly #conns: Conns
  readonly #verify: Verify
  readonly #strict: boolean
  readonly #window: number

  constructor(
    { frames, table }: Parts,
    conns: Conns,
    verify: Verify,
    { strict, windowMost }: Pick<EngineOptions, 'strict' | 'windowMost'>,
  ) {
    this.#pkt = frames.pkt
    this.#cells = table.cells
    this.#cold = table.cold
    this.#conns = conns
    this.#verify = verify
    this.#strict = strict
    this.#window = windowMost
  }

  /** A segment of tuple t, which is known: it moves what it can. => GOOD, DOUBTFUL, or minus a drop reason and nothing done */
  hear(t: number, p: Parsed, now: number): number {
    if (this.#strict && !this.#isPlausible(t, p, now)) return DOUBTFUL
    if (!this.#isUsual(t, p) && this.#strict && !isIntact(this.#pkt, p)) return -Drop.TCP_CHECKSUM
    const before = this.#conns.table.state(t >> 1)
    this.#conns.segment(t, p, now)
    this.#conns.rememberClient(this.#pkt, t, p, before)
    this.#remember(t, p)
    return GOOD
  }

  /** One that moves no more than an RST of a little later could: it is not summed for that. */
  #isUsual(t: number, p: Parsed): boolean {
    const cells = this.#cells
    const at = recordOf(t)
    const word = cells[at | WORD]
    const pkt = this.#pkt
    return (
      (p.flags & FOUR) === ACK &&
      (word & STATE_MASK) === ESTABLISHED &&
      pkt.getInt32(p.eth + ETH_SRC + 2) === cells[at | MAC_LO] &&
      pkt.getUint16(p.eth + ETH_SRC) === word >>> 16 &&
      pkt.getInt32(p.l4 + TCP.SEQ) === cells[at | RST_ACK] &&
      ahead(pkt.getInt32(p.l4 + TCP.ACK), cells[at | RST_SEQ]) <= NEAR
    )
  }

  #isPlausible(t: number, p: Parsed, now: number): boolean {
    const cells = this.#cells
    const at = recordOf(t)
    const word = cells[at | WORD]
    const { flags } = p
    const seq = this.#pkt.getInt32(p.l4 + TCP.SEQ)
    if ((flags & (SYN | RST)) === SYN) return this.#isBeginning(t, flags, seq, now)
    const off = Math.abs(ahead(seq, cells[at | RST_ACK]))
    if ((flags & RST) !== 0) return off <= NEAR
    const most = (word & STATE_MASK) === SYN_RECV ? NEAR : this.#window
    if ((flags & ACK) === 0 || off > most) return false
    if ((word & RS_SEEN) === 0) return true
    return Math.abs(ahead(this.#pkt.getInt32(p.l4 + TCP.ACK), cells[at | RST_SEQ])) <= most
  }

  /** As of any client (verify.ts): in a conversation no SYN means anything. */
  #isBeginning(t: number, flags: number, isn: number, now: number): boolean {
    const conn = t >> 1
    const state = this.#conns.table.state(conn)
    if ((flags & FOUR) !== SYN || state === ESTABLISHED) return false
    if (isn === this.#cold[columnAt(conn) | COLD.CLIENT_ISN])
      return state !== FIN_WAIT && state !== CLOSE_WAIT
    return !this.#verify.isHalfClosed(conn, now) && !this.#verify.isLate(conn, isn, now)
  }

  #remember(t: number, p: Parsed): void {
    const cells = this.#cells
    const at = recordOf(t)
    const word = cells[at | WORD]
    if ((p.flags & (SYN | RST | ACK)) === SYN) {
      // Another conversation, perhaps: nothing of it is acknowledged.
      cells[at | RST_ACK] = this.#pkt.getInt32(p.l4 + TCP.SEQ) + 1
      cells[at | WORD] = word & ~RS_SEEN
    }
    if ((p.flags & (SYN | RST | ACK)) !== ACK) return
    const isFirst = (word & RS_SEEN) === 0
    const ack = this.#pkt.getInt32(p.l4 + TCP.ACK)
    // FIN, the lowest bit of the flags, counts as a byte.
    const next = this.#pkt.getInt32(p.l4 + TCP.SEQ) + p.payload + (p.flags & FIN)
    if (ahead(next, cells[at | RST_ACK]) > 0) cells[at | RST_ACK] = next
    if (isFirst || ahead(ack, cells[at | RST_SEQ]) > 0) cells[at | RST_SEQ] = ack
    if (isFirst) cells[at | WORD] = word | RS_SEEN
  }
}

/** By how much a is further on than b; sequence numbers wrap. */
function ahead(a: number, b: number): number {
  return (a - b) | 0
}
