/**
 * A flood of SYNs of senders that are not there, when lports or the table are short: each opens,
 * its RS answers as kernels do, and the oldest makes room, of which its RS is told.
 */

import { BURST } from '../../src/engine/frames.ts'
import { Clients } from './clients.ts'
import type { Rig } from './rig.ts'

/** Each SYN is of another client for so long that no earlier one of it is left. */
const CLIENTS = 1 << 21

export class Flood {
  readonly #clients: Clients
  #first = 0

  constructor(rig: Rig) {
    this.#clients = new Clients(rig, CLIENTS)
  }

  /** => ns per SYN, with its answer and the RST. A burst is a ms of the engine's clock: 64,000 a second */
  run(syns: number): number {
    const { rig, syn, synAck } = this.#clients
    const bursts = Math.ceil(syns / BURST)
    let ms = 0
    for (let burst = 0; burst < bursts; burst++) {
      this.#clients.stampIn(syn, this.#first)
      ms += rig.judge(rig.ext)
      this.#clients.learn(this.#first)
      rig.clearOutboxes()
      this.#clients.stampOut(synAck, this.#first)
      ms += rig.judge(rig.int)
      rig.clearOutboxes()
      rig.now++
      ms += rig.tick()
      rig.clearOutboxes()
      this.#first = (this.#first + BURST) % CLIENTS
    }
    return (ms * 1e6) / (bursts * BURST)
  }
}

/** The same flood at services that answer each SYN by a cookie: nothing is opened, and no RS hears of it. */
export class CookieFlood {
  readonly #clients: Clients
  #first = 0

  constructor(rig: Rig) {
    this.#clients = new Clients(rig, 1 << 16)
  }

  /** => ns per SYN that becomes its answer */
  run(syns: number): number {
    const { rig, syn, count } = this.#clients
    const bursts = Math.ceil(syns / BURST)
    let ms = 0
    for (let burst = 0; burst < bursts; burst++) {
      this.#clients.stampIn(syn, this.#first)
      ms += rig.judge(rig.ext)
      rig.clearOutboxes()
      this.#first = (this.#first + BURST) % count
    }
    return (ms * 1e6) / (bursts * BURST)
  }
}
