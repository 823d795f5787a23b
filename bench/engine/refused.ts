/** Frames that are refused; only the judging is inside the clock. */

import type { Drop } from '../../src/engine/counters.ts'
import { BURST } from '../../src/engine/frames.ts'
import { FLAG } from '../../src/wire/tcp.ts'
import { Clients } from './clients.ts'
import type { Rig } from './rig.ts'
import type { Stamp } from './segments.ts'

const DST_MAC_END = 10 + 5
const IP_CHECKSUM = 10 + 14 + 10
const DPORT = 10 + 14 + 20 + 2

/** What is wrong with a client's segment: nothing but that nobody opened the connection, or bits of one byte. */
export const REFUSALS = {
  TCP_NO_CONN: { flags: FLAG.ACK, at: DPORT, flip: 0 },
  TCP_NO_SERVICE: { flags: FLAG.SYN, at: DPORT, flip: 0x80 },
  IP_CHECKSUM: { flags: FLAG.ACK, at: IP_CHECKSUM, flip: 0x10 },
  ETH_OTHERHOST: { flags: FLAG.ACK, at: DST_MAC_END, flip: 0x70 },
} as const satisfies Partial<Record<keyof typeof Drop, object>>

export class Refused {
  readonly #clients: Clients
  readonly #segment: Stamp
  readonly #at: number
  readonly #flip: number
  #first = 0

  constructor(rig: Rig, reason: keyof typeof REFUSALS) {
    const { flags, at, flip } = REFUSALS[reason]
    this.#clients = new Clients(rig, 1 << 16)
    this.#segment = this.#clients.fromClient({ flags })
    this.#at = at
    this.#flip = flip
  }

  /** => ns per packet */
  run(packets: number): number {
    const { rig } = this.#clients
    const { pkt, start } = rig.engine.frames
    const bursts = Math.ceil(packets / BURST)
    let ms = 0
    for (let burst = 0; burst < bursts; burst++) {
      this.#clients.stampIn(this.#segment, this.#first)
      for (let i = 0; i < BURST; i++) {
        const at = start[rig.slots[i]] + this.#at
        pkt.setUint8(at, pkt.getUint8(at) ^ this.#flip)
      }
      ms += rig.judge(rig.ext)
      this.#first = (this.#first + BURST) % this.#clients.count
    }
    return (ms * 1e6) / (bursts * BURST)
  }
}
