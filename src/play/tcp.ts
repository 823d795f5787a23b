/**
 * An end of TCP, small and honest (RFC 9293): handshake, data in order, retransmission of what is not acknowledged, each end's
 * close, resets. There is no congestion control, and what comes out of order is acknowledged and thrown away, as it may be.
 */

import { FLAG } from '../wire/tcp.ts'
import type { Clock } from './clock.ts'
import type { Ends, readTcp, Segment } from './frames.ts'
import { answerOptions, MSS, mssIn, synOptions } from './tcp-options.ts'

const { FIN, SYN, RST, PSH, ACK } = FLAG

/** Of the RFC. */
export type SocketState =
  | 'CLOSED'
  | 'SYN-SENT'
  | 'SYN-RECEIVED'
  | 'ESTABLISHED'
  | 'FIN-WAIT-1'
  | 'FIN-WAIT-2'
  | 'CLOSING'
  | 'TIME-WAIT'
  | 'CLOSE-WAIT'
  | 'LAST-ACK'

/** The program behind a socket. */
export interface App {
  connected: (socket: Socket) => void
  /** So many bytes more have come. */
  heard: (socket: Socket, bytes: number) => void
  /** The other end says no more. */
  ended: (socket: Socket) => void
}

export interface SocketOptions {
  clock: Clock
  ends: Ends
  /** The first sequence number. */
  first: number
  /** Of the clock of timestamps; left out for none. */
  stamp?: number
  app: App
  send: (segment: Segment) => void
  moved: (from: SocketState, to: SocketState) => void
}

/** Linux's first window, and one behind it, scaled. */
const FIRST_WINDOW = 29_200
const WINDOW = 229
/** ms to the first retransmission; of a SYN as RFC 6298 has it, else Linux's least. */
const SYN_RTO = 1000
const RTO = 200
const TRIES = 6
const TIME_WAIT = 60_000

export class Socket {
  state: SocketState = 'CLOSED'
  readonly #of: SocketOptions
  #mss = MSS
  /** Sequence numbers relative to the first one: 0 is the SYN. Acknowledged, sent, and written, the FIN not counted. */
  #una = 0
  #sent = 0
  #written = 1
  #closing = false
  /** Next of the other end, absolute. */
  #next = 0
  #tries = 0
  /** Options of its SYN+ACK. */
  #offered: readonly number[] = []
  #stopTimer = () => {}

  constructor(options: SocketOptions) {
    this.#of = options
  }

  open(): void {
    this.#become('SYN-SENT')
    this.#sent = 1
    this.#send(SYN, 0, 0, synOptions(this.#of.stamp, this.#of.clock.now))
    this.#arm()
  }

  write(bytes: number): void {
    this.#written += bytes
    this.#pump()
  }

  /** Says no more. */
  close(): void {
    if (this.#closing) return
    if (this.state === 'ESTABLISHED') this.#become('FIN-WAIT-1')
    else if (this.state === 'CLOSE-WAIT') this.#become('LAST-ACK')
    else return
    this.#closing = true
    this.#pump()
  }

  abort(): void {
    if (this.state === 'CLOSED') return
    this.#send(RST | ACK, this.#sent, 0)
    this.#end()
  }

  take(segment: NonNullable<ReturnType<typeof readTcp>>): void {
    const { bits } = segment
    if (this.state === 'CLOSED') this.#listen(segment)
    else if (this.state === 'SYN-SENT') this.#answered(segment)
    else if ((bits & RST) !== 0) {
      if (segment.seq >>> 0 === this.#next >>> 0) this.#end()
    } else if ((bits & SYN) !== 0) this.#again()
    else if ((bits & ACK) !== 0) this.#take(segment)
  }

  #listen({ bits, seq, options }: { bits: number; seq: number; options: Uint8Array }): void {
    if ((bits & (SYN | ACK | RST)) !== SYN) return
    this.#next = seq + 1
    this.#readMss(options)
    this.#become('SYN-RECEIVED')
    this.#sent = 1
    this.#offered = answerOptions(options)
    this.#send(SYN | ACK, 0, 0, this.#offered)
    this.#arm()
  }

  #answered(segment: { bits: number; seq: number; ack: number; options: Uint8Array }): void {
    const { bits, seq, ack, options } = segment
    if ((bits & ACK) === 0 || ((ack - this.#of.first) | 0) !== 1) return
    if ((bits & RST) !== 0) {
      this.#end()
      return
    }
    if ((bits & SYN) === 0) return
    this.#next = seq + 1
    this.#readMss(options)
    this.#acked(1)
    this.#become('ESTABLISHED')
    this.#acknowledge()
    this.#of.app.connected(this)
  }

  #take(segment: NonNullable<ReturnType<typeof readTcp>>): void {
    const { bits, seq, ack, payload } = segment
    const acked = (ack - this.#of.first) | 0
    if (acked > this.#sent) {
      this.#acknowledge()
      return
    }
    if (acked > this.#una) this.#acked(acked)
    if (this.state === 'SYN-RECEIVED') {
      if (this.#una === 0) return
      this.#become('ESTABLISHED')
      this.#of.app.connected(this)
    }
    if (this.#isClosed()) return
    const fin = (bits & FIN) !== 0
    if (payload.length === 0 && !fin) {
      this.#pump()
      return
    }
    // Out of order, or seen before.
    if (((seq - this.#next) | 0) !== 0) {
      this.#acknowledge()
      return
    }
    this.#next = (this.#next + payload.length) | 0
    if (payload.length > 0) {
      if (!fin) this.#acknowledge()
      this.#of.app.heard(this, payload.length)
    }
    if (fin && !this.#isClosed()) this.#finished()
  }

  #isClosed(): boolean {
    return this.state === 'CLOSED'
  }

  /** The other end has said its last. */
  #finished(): void {
    this.#next = (this.#next + 1) | 0
    const before = this.#sent
    if (this.state === 'ESTABLISHED') this.#become('CLOSE-WAIT')
    else if (this.state === 'FIN-WAIT-1') this.#become('CLOSING')
    else if (this.state === 'FIN-WAIT-2') this.#linger()
    this.#of.app.ended(this)
    if (this.#sent === before && !this.#isClosed()) this.#acknowledge()
  }

  #acked(to: number): void {
    this.#una = to
    this.#tries = 0
    this.#arm()
    if (!this.#closing || to !== this.#written + 1) return
    if (this.state === 'FIN-WAIT-1') this.#become('FIN-WAIT-2')
    else if (this.state === 'CLOSING') this.#linger()
    else if (this.state === 'LAST-ACK') this.#end()
  }

  #linger(): void {
    this.#become('TIME-WAIT')
    this.#stopTimer()
    this.#stopTimer = this.#of.clock.after(TIME_WAIT, () => this.#end())
  }

  #end(): void {
    this.#stopTimer()
    this.#become('CLOSED')
  }

  #pump(): void {
    if (this.#una === 0 || this.#isClosed()) return
    while (this.#sent < this.#written) {
      const length = Math.min(this.#mss, this.#written - this.#sent)
      this.#send(ACK | PSH, this.#sent, length)
      this.#sent += length
    }
    if (this.#closing && this.#sent === this.#written) {
      this.#send(FIN | ACK, this.#sent, 0)
      this.#sent++
    }
    this.#arm()
  }

  #arm(): void {
    if (this.state === 'TIME-WAIT') return
    this.#stopTimer()
    if (this.#una === this.#sent) return
    const first = this.#una === 0 ? SYN_RTO : RTO
    this.#stopTimer = this.#of.clock.after(first * 2 ** this.#tries, () => {
      if (++this.#tries > TRIES) this.#end()
      else this.#again()
    })
  }

  /** The oldest that is not acknowledged, once more. */
  #again(): void {
    if (this.#una === this.#sent) {
      this.#acknowledge()
      return
    }
    if (this.state === 'SYN-SENT')
      this.#send(SYN, 0, 0, synOptions(this.#of.stamp, this.#of.clock.now))
    else if (this.#una === 0) this.#send(SYN | ACK, 0, 0, this.#offered)
    else if (this.#una === this.#written) this.#send(FIN | ACK, this.#una, 0)
    else {
      const length = Math.min(this.#mss, this.#written - this.#una)
      this.#send(ACK | PSH, this.#una, length)
    }
    this.#arm()
  }

  #acknowledge(): void {
    this.#send(ACK, this.#sent, 0)
  }

  #send(flags: number, at: number, length: number, options: readonly number[] = []): void {
    const { ends, first, send } = this.#of
    const ack = (flags & ACK) === 0 ? 0 : this.#next >>> 0
    const window = (flags & SYN) === 0 ? WINDOW : FIRST_WINDOW
    send({ ...ends, flags, seq: (first + at) >>> 0, ack, window, options, length })
  }

  #become(state: SocketState): void {
    const from = this.state
    this.state = state
    if (from !== state) this.#of.moved(from, state)
  }

  #readMss(options: Uint8Array): void {
    this.#mss = Math.min(MSS, mssIn(options))
  }
}
