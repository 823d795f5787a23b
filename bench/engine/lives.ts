/** Whole lives of connections; the judging and the ticks are inside the clock. */

import { BURST } from '../../src/engine/frames.ts'
import { FLAG } from '../../src/wire/tcp.ts'
import { Clients, SEQ } from './clients.ts'
import { PAYLOAD } from './established.ts'
import type { Rig } from './rig.ts'
import type { Stamp } from './segments.ts'

/** Packets of one life. */
export const LIFE_PACKETS = 10

/**
 * Whole lives, a burst of them at a time: handshake, request, answer, both FINs, and the end by the timer 7 s later.
 * Ten ms of the engine's clock a burst, so 6,400 connections begin and end per second and 51 k rest in TIME_WAIT.
 */
export class Lives {
  readonly #clients: Clients
  readonly #steps: { segment: Stamp; fromRs: boolean }[]
  #first = 0

  constructor(rig: Rig) {
    const clients = new Clients(rig, 1 << 18)
    const { ACK, FIN, PSH } = FLAG
    const up = (change: object) => ({
      segment: clients.fromClient({ seq: SEQ.CLIENT + 1, ...change }),
      fromRs: false,
    })
    const down = (change: object) => ({
      segment: clients.fromRs({ seq: SEQ.RS + 1, ack: SEQ.CLIENT + 65, ...change }),
      fromRs: true,
    })
    this.#clients = clients
    this.#steps = [
      { segment: clients.syn, fromRs: false },
      { segment: clients.synAck, fromRs: true },
      up({ ack: SEQ.RS + 1 }),
      up({ ack: SEQ.RS + 1, flags: ACK | PSH, payload: PAYLOAD }),
      down({}),
      down({ flags: ACK | PSH, payload: PAYLOAD }),
      up({ seq: SEQ.CLIENT + 65 }),
      up({ flags: FIN | ACK, seq: SEQ.CLIENT + 65 }),
      down({ flags: FIN | ACK, seq: SEQ.RS + 65 }),
      up({ seq: SEQ.CLIENT + 66 }),
    ]
  }

  /** => ns per life, its end included */
  run(lives: number): number {
    const { rig } = this.#clients
    const bursts = Math.ceil(lives / BURST)
    let ms = 0
    for (let burst = 0; burst < bursts; burst++) {
      for (const { segment, fromRs } of this.#steps) {
        if (fromRs) this.#clients.stampOut(segment, this.#first)
        else this.#clients.stampIn(segment, this.#first)
        ms += rig.judge(fromRs ? rig.int : rig.ext)
        if (segment === this.#clients.syn) this.#clients.learn(this.#first)
        rig.now++
        ms += rig.tick()
        rig.clearOutboxes()
      }
      this.#first = (this.#first + BURST) % this.#clients.count
    }
    return (ms * 1e6) / (bursts * BURST)
  }
}
