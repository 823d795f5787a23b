/** The sending half of a socket: what is written, sent, acknowledged, and what goes out next. Numbers are as in tcp.ts. */

export const WINDOW = 65_535

export class Sender {
  /** Not acknowledged, next to be sent, and behind all that ever was. */
  una = 0
  next = 1
  top = 1
  /** Payload that is to be sent, all that was ever written. */
  length = 0
  /** A FIN follows. */
  closing = false
  mss: number
  /** Retransmissions since anything was acknowledged. */
  tries = 0
  #sacked: number[] = []
  #window: number
  #doubles = 0

  constructor(mss: number) {
    this.mss = mss
    this.#window = 10 * mss
  }

  /** Behind all that is to be sent. */
  get end(): number {
    return 1 + this.length + (this.closing ? 1 : 0)
  }

  get isAcknowledged(): boolean {
    return this.una >= this.top
  }

  acked(to: number): void {
    this.una = to
    this.next = Math.max(this.next, to)
    this.tries = 0
    this.#doubles = 0
    this.#window = Math.min(WINDOW, this.#window + this.mss)
  }

  /** Edges of what the other end has beyond what it acknowledges; what lies elsewhere is of another time. */
  hold(edges: readonly number[], iss: number): void {
    const all = edges.map(edge => (edge - iss) | 0)
    this.#sacked = all.every(at => at > this.una && at <= this.top) ? all : []
  }

  /** An ACK has told nothing new but that something behind has come: the third time the first one is sent again. */
  doubled(): void {
    if (++this.#doubles === 3) this.next = this.una
  }

  /** All that is not acknowledged is lost. */
  again(): void {
    this.next = this.una
    this.#window = this.mss
    this.#sacked = []
  }

  narrow(mss: number): void {
    this.mss = mss
    this.next = this.una
  }

  /** Sends what the window lets out: `fin` 1 with the last byte, or alone. */
  pump(send: (at: number, bytes: number, fin: number) => void): void {
    const limit = this.una + this.#window
    const data = 1 + this.length
    while (this.next < this.end && this.next < limit) {
      const known = this.#knownFrom(this.next)
      if (known > this.next) {
        this.next = known
        continue
      }
      const room = Math.min(this.mss, Math.max(0, data - this.next), this.#gap(this.next))
      const fin = this.closing && this.next + room === data ? 1 : 0
      const at = this.next
      this.next += room + fin
      this.top = Math.max(this.top, this.next)
      send(at, room, fin)
    }
  }

  /** Behind the SACKed range that `at` is in, or `at`. */
  #knownFrom(at: number): number {
    const sacked = this.#sacked
    for (let i = 0; i < sacked.length; i += 2) {
      const to = sacked[i + 1] as number
      if (at >= (sacked[i] as number) && at < to) return to
    }
    return at
  }

  /** Bytes from `at` to the next SACKed range. */
  #gap(at: number): number {
    let gap = WINDOW
    for (let i = 0; i < this.#sacked.length; i += 2) {
      const from = this.#sacked[i] as number
      if (from > at) gap = Math.min(gap, from - at)
    }
    return gap
  }
}
