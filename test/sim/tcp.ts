/**
 * TCP as hosts speak it (RFC 9293 with what Linux adds): handshake, data with SACK, retransmission with backoff, half-close, TIME_WAIT,
 * challenge ACKs, keepalive. Numbers are relative: 0 is the SYN, payload begins at 1, and the FIN counts as a byte.
 */

import { type App, type Make, mostTries, type State, type Why } from './ends.ts'
import type { Due } from './events.ts'
import { Keepalive } from './keepalive.ts'
import { ACK, FIN, PSH, RST, Segment, SYN } from './packet.ts'
import { Pieces } from './pieces.ts'
import { Sender, WINDOW } from './sender.ts'

const SYN_RTO = 1000
/** Where a SYN or its answer was sent twice, until something is acknowledged that was not (RFC 6298 5.7). */
const UNKNOWN_RTO = 3000
const RTO_MOST = 120_000
const TIME_WAIT_MS = 60_000
/** Between two answers to what is out of the window. */
const ANSWER_MS = 500

export class Socket {
  readonly make: Make
  /** ms of the world. */
  readonly born: number
  state: State
  app: App | undefined
  readonly out: Sender
  /** No application has it any more. */
  orphan = false
  irs = 0
  rcv = 0
  readonly pieces = new Pieces()
  #finAt = -1
  #sack = false
  #timer: Due | undefined
  #rto: number
  readonly #alive: Keepalive
  #answered = -ANSWER_MS

  constructor(make: Make, syn?: Segment) {
    this.make = make
    this.born = make.events.now
    this.out = new Sender(make.mss)
    this.#rto = make.rto
    const { events, keepalive } = make
    this.#alive = new Keepalive(events, keepalive, isAsked => {
      const isWhole = this.state === 'ESTABLISHED' || this.state === 'CLOSE_WAIT'
      if (!isAsked) this.end('gave up')
      else if (isWhole) this.#send(ACK, this.out.top - 1, 0)
    })
    this.state = syn ? 'SYN_RCVD' : 'SYN_SENT'
    if (syn) {
      this.irs = syn.seq
      this.rcv = 1
      this.#heardOptions(syn)
    }
  }

  /** Says its first word. */
  start(): void {
    this.#send(this.state === 'SYN_SENT' ? SYN : SYN | ACK, 0, 0)
    this.#arm()
  }

  write(bytes: number): void {
    this.out.length += bytes
    this.#pump()
  }

  /** No more is written. `wholly`: nothing is read any more either. */
  close(wholly: boolean): void {
    this.orphan ||= wholly
    if (this.out.closing) return
    this.out.closing = true
    if (this.state === 'ESTABLISHED') this.state = 'FIN_WAIT_1'
    else if (this.state === 'CLOSE_WAIT') this.state = 'LAST_ACK'
    this.#pump()
  }

  abort(): void {
    if (this.state === 'CLOSED') return
    this.#send(RST | ACK, this.out.top, 0)
    this.end('aborted')
  }

  /** It is gone, and says nothing. */
  end(why: Why): void {
    if (this.state === 'CLOSED') return
    const { events, leave } = this.make
    this.state = 'CLOSED'
    events.cancel(this.#timer)
    this.#alive.stop()
    leave(this)
    this.app?.over(why)
  }

  /** A SYN that is ahead of what the other end had sent takes the place of one in TIME_WAIT (RFC 6191). */
  yieldsTo({ flags, seq }: Segment): boolean {
    if ((flags & (SYN | ACK | RST)) !== SYN || this.state !== 'TIME_WAIT') return false
    return ((seq - this.irs - this.rcv) | 0) > 0
  }

  take(s: Segment): void {
    this.#alive.heard()
    if (this.state === 'SYN_SENT') this.#takeAnswer(s)
    else if (this.state === 'SYN_RCVD' && (s.flags & (SYN | ACK)) === SYN && s.seq === this.irs) {
      this.#send(SYN | ACK, 0, 0)
    } else this.#take(s)
  }

  /** The path carries no more (RFC 1191). */
  narrow(mss: number): void {
    if (mss < 48 || mss >= this.out.mss || this.state === 'CLOSED') return
    this.out.narrow(mss)
    this.#pump()
  }

  #heardOptions({ mss, sackOk }: Segment): void {
    this.out.mss = Math.min(this.out.mss, mss || 536)
    this.#sack = this.make.sack && sackOk
  }

  #takeAnswer(s: Segment): void {
    const acked = (s.ack - this.make.iss) | 0
    if ((s.flags & ACK) !== 0 && acked !== 1) {
      if ((s.flags & RST) === 0) this.make.send(this.#segment(RST, s.ack, 0), this)
      return
    }
    if ((s.flags & RST) !== 0) {
      if ((s.flags & ACK) !== 0) this.end('refused')
      return
    }
    if ((s.flags & (SYN | ACK)) !== (SYN | ACK)) return
    this.irs = s.seq
    this.rcv = 1
    this.#heardOptions(s)
    this.state = 'ESTABLISHED'
    this.#acked(1)
    this.#acknowledge()
    this.app?.connected()
    this.#pump()
  }

  #take(s: Segment): void {
    const at = (s.seq - this.irs) | 0
    const fin = (s.flags & FIN) !== 0 ? 1 : 0
    const length = s.payload.length + fin
    const fits = length === 0 ? at >= this.rcv && at <= this.rcv + WINDOW : at + length > this.rcv
    if (!fits || at >= this.rcv + WINDOW) {
      if ((s.flags & RST) === 0) this.#answer(s)
      if (this.state === 'TIME_WAIT') this.#wait()
      return
    }
    if ((s.flags & RST) !== 0) {
      if (at === this.rcv) this.end(this.state === 'TIME_WAIT' ? 'closed' : 'reset')
      else this.#answer(s)
      return
    }
    if ((s.flags & SYN) !== 0) this.#answer(s)
    if ((s.flags & (SYN | ACK)) !== ACK) return
    const acked = (s.ack - this.make.iss) | 0
    if (acked > this.out.top) {
      if (this.state === 'SYN_RCVD') this.make.send(this.#segment(RST, s.ack, 0), this)
      else this.#answer(s)
      return
    }
    if (this.state === 'SYN_RCVD') {
      if (acked < 1) return
      this.state = this.out.closing ? 'FIN_WAIT_1' : 'ESTABLISHED'
      this.#acked(acked)
      this.app?.connected()
    } else this.#takeAck(s, acked)
    if (length > 0 && !this.#isClosed()) this.#takeData(at, s.payload, fin)
    if (!this.#isClosed()) this.#pump()
  }

  #isClosed(): boolean {
    return this.state === 'CLOSED'
  }

  #takeAck(s: Segment, acked: number): void {
    if (acked > this.out.una) this.#acked(acked)
    else if (acked === this.out.una && s.payload.length === 0 && s.sack.length > 0)
      this.out.doubled()
    if (acked === this.out.una) this.out.hold(s.sack, this.make.iss)
  }

  #acked(to: number): void {
    if (this.out.tries === 0) this.#rto = this.make.rto
    else if (this.out.una === 0) this.#rto = UNKNOWN_RTO
    this.out.acked(to)
    this.#arm()
    if (!this.out.closing || to !== this.out.end) return
    if (this.state === 'FIN_WAIT_1') {
      this.state = 'FIN_WAIT_2'
      if (this.orphan) this.#later(TIME_WAIT_MS, () => this.end('closed'))
    } else if (this.state === 'CLOSING') this.#wait()
    else if (this.state === 'LAST_ACK') this.end('closed')
  }

  #takeData(at: number, payload: Uint8Array, fin: number): void {
    if (fin === 1) this.#finAt = at + payload.length
    if (payload.length > 0) this.pieces.add(at, payload)
    for (;;) {
      const bytes = this.pieces.take(this.rcv)
      if (bytes === undefined) break
      const from = this.rcv
      this.rcv += bytes.length
      this.app?.heard(from - 1, bytes)
      if (this.#isClosed()) return
    }
    const ended = this.#finAt === this.rcv
    if (ended) {
      this.rcv++
      if (this.state === 'ESTABLISHED') this.state = 'CLOSE_WAIT'
      else if (this.state === 'FIN_WAIT_1') this.state = 'CLOSING'
      else if (this.state === 'FIN_WAIT_2') this.#wait()
    }
    this.#acknowledge()
    if (ended) this.app?.eof()
  }

  #wait(): void {
    this.state = 'TIME_WAIT'
    this.#later(TIME_WAIT_MS, () => this.end('closed'))
    this.app?.over('closed')
  }

  #pump(): void {
    if (['SYN_SENT', 'SYN_RCVD', 'TIME_WAIT', 'CLOSED'].includes(this.state)) return
    this.out.pump((at, bytes, fin) => this.#send(ACK | fin | (bytes > 0 ? PSH : 0), at, bytes))
    if (this.#timer === undefined) this.#arm()
  }

  #later(ms: number, run: () => void): void {
    const { events } = this.make
    events.cancel(this.#timer)
    this.#timer = events.after(ms, run)
  }

  #arm(): void {
    const { events } = this.make
    events.cancel(this.#timer)
    this.#timer = undefined
    if (this.out.isAcknowledged || this.state === 'TIME_WAIT') return
    const first = this.out.una === 0 ? SYN_RTO : this.#rto
    this.#later(Math.min(RTO_MOST, first * 2 ** this.out.tries), () => this.#again())
  }

  #again(): void {
    this.#timer = undefined
    if (++this.out.tries > mostTries(this)) {
      this.end('gave up')
      return
    }
    this.#arm()
    if (this.state === 'SYN_SENT') this.#send(SYN, 0, 0)
    else if (this.state === 'SYN_RCVD') this.#send(SYN | ACK, 0, 0)
    else {
      this.out.again()
      this.#pump()
    }
  }

  #answer({ flags, payload }: Segment): void {
    const { now } = this.make.events
    if (payload.length === 0 || (flags & SYN) !== 0) {
      if (now - this.#answered < ANSWER_MS) return
      this.#answered = now
    }
    this.#acknowledge()
  }

  #acknowledge(): void {
    this.#send(ACK, this.state === 'SYN_RCVD' ? 1 : this.out.top, 0)
  }

  #send(flags: number, at: number, bytes: number): void {
    const { iss, mss, sack, fits } = this.make
    const s = this.#segment(flags, (iss + at) | 0, (this.irs + this.rcv) | 0)
    if ((flags & SYN) !== 0) {
      s.mss = mss
      s.sackOk = sack && ((flags & ACK) === 0 || this.#sack)
      s.timestamps = (flags & ACK) === 0
    } else if (this.#sack && (flags & ACK) !== 0 && (flags & RST) === 0) {
      const edges = this.pieces.edges(this.irs)
      // What is as large as the path allows has no room for it.
      const isRoom = bytes === 0 || !fits || bytes + 4 * edges.length + 4 <= this.out.mss
      if (isRoom) s.sack = edges
    }
    if (bytes > 0) s.payload = this.app?.say(at - 1, at - 1 + bytes) ?? s.payload
    this.make.send(s, this)
  }

  #segment(flags: number, seq: number, ack: number): Segment {
    const m = this.make
    return new Segment(m.src, m.sport, m.dst, m.dport).says(flags, seq, ack)
  }
}
