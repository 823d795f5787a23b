/** Established traffic of many connections; only the judging is inside the clock. */

import { BURST } from '../../src/engine/frames.ts'
import { FLAG } from '../../src/wire/tcp.ts'
import { type Clients, SEQ } from './clients.ts'
import type { Stamp } from './segments.ts'

/** Bytes: a request and its answer, as a key-value store sees them. */
export const PAYLOAD = 64

/** Two of what clients send and two of what RSs send, which take turns. */
export interface Traffic {
  in: Stamp[]
  out: Stamp[]
}

/** Data segments with timestamps, complete and partial checksums by turns. */
export function segments(clients: Clients): Traffic {
  const data = { flags: FLAG.ACK | FLAG.PSH, payload: PAYLOAD }
  const out = { ...data, seq: SEQ.RS + 1, ack: SEQ.CLIENT + 1 }
  return {
    in: [false, true].map(partial => clients.fromClient({ ...data, partial })),
    out: [false, true].map(partial => clients.fromRs({ ...out, partial })),
  }
}

/** Traffic in both directions over random connections. */
export class Established {
  readonly #clients: Clients
  readonly #in: Stamp[]
  readonly #out: Stamp[]
  #random = 0x2545f491

  constructor(clients: Clients, traffic: Traffic = segments(clients)) {
    this.#clients = clients
    this.#in = traffic.in
    this.#out = traffic.out
  }

  /** Judges about `packets` packets. => ns per packet */
  run(packets: number): number {
    const { rig } = this.#clients
    const rounds = Math.ceil(packets / (BURST * 4))
    let ms = 0
    for (let round = 0; round < rounds; round++) {
      for (let kind = 0; kind < 2; kind++) {
        this.#fillIn(this.#in[kind])
        ms += rig.judge(rig.ext)
        rig.clearOutboxes()
        this.#fillOut(this.#out[kind])
        ms += rig.judge(rig.int)
        rig.clearOutboxes()
      }
      // A million packets a second on the engine's clock.
      if (round % 4 === 3) rig.now++
    }
    return (ms * 1e6) / (rounds * BURST * 4)
  }

  #fillIn(segment: Stamp): void {
    const clients = this.#clients
    const slots = clients.rig.take()
    for (let i = 0; i < BURST; i++) clients.stampInOne(segment, slots[i], this.#below())
  }

  #fillOut(segment: Stamp): void {
    const clients = this.#clients
    const slots = clients.rig.take()
    for (let i = 0; i < BURST; i++) {
      clients.stampOutOne(segment, slots[i], this.#below(), PAYLOAD)
    }
  }

  /** A client, by xorshift32. */
  #below(): number {
    let x = this.#random
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#random = x
    return Math.floor((x >>> 0) * 2.3283064365386963e-10 * this.#clients.count)
  }
}
