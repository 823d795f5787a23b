/**
 * Cache misses of a burst, taken all at once. In a large table a packet's index head and record are two misses, one behind
 * the other, and judging frame by frame waits for both each time. Read for the whole burst first, the loads do not
 * depend on each other and the processor has ten of them under way.
 *
 * It is an aid and no more: it believes the headers unchecked, keeps nothing and promises nothing.
 */

import { ETH } from '../wire/ethernet.ts'
import { IPV4 } from '../wire/ipv4.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import type { ConnTable } from './conn.ts'
import type { ConnIndex } from './conn-index.ts'
import { BURST, type Frames } from './frames.ts'
import type { Parts } from './parts.ts'

/** Connections whose records and index heads a second-level cache of 2 MiB holds anyway; below, nothing is gained. */
const CACHED_CONNS = 8192

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const IP_AT = VNET.BYTES + ETH.HEADER
const { SRC, DST, HEADER, PROTOCOL } = IPV4

export class Prefetch {
  readonly #frames: Frames
  readonly #table: ConnTable
  readonly #index: ConnIndex
  readonly #entries = new Int32Array(BURST)
  /** Keeps the compiler from leaving out loads whose values nobody uses. */
  #sink = 0

  constructor({ frames, table }: Parts) {
    this.#frames = frames
    this.#table = table
    this.#index = table.index
  }

  /** The first `count` frames (at most BURST) of `slots` are about to be judged. */
  burst(slots: Int32Array, count: number): void {
    if (this.#table.used < CACHED_CONNS) return
    const index = this.#index
    const { pkt, start } = this.#frames
    const entries = this.#entries
    for (let i = 0; i < count; i++) {
      // Every slot has room for these words, whatever was read into it.
      const ip = start[slots[i]] + IP_AT
      entries[i] = index.entry(
        // Of TCP, 6, and of UDP, 17, the bit says which of KEY it is.
        (pkt.getUint8(ip + PROTOCOL) >> 4) & 1,
        pkt.getInt32(ip + SRC),
        pkt.getInt32(ip + DST),
        pkt.getInt32(ip + HEADER),
      )
    }
    let sink = this.#sink
    for (let i = 0; i < count; i++) sink ^= index.touch(entries[i])
    this.#sink = sink
  }
}
