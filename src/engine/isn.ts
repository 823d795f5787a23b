/**
 * The sequence number that a connection starts with towards its RS: RFC 6528's shape, a keyed hash of the tuple
 * plus a clock. The clock matters as much as the hash: an lport comes back after seven seconds to an RS that
 * may hold it in TIME_WAIT for sixty, and takes the new SYN only if its number lies ahead of the old ones (RFC 6191).
 */

import { SipHash } from './siphash.ts'

/** Chooses the first sequence number towards an RS. A transcript brings its own. */
export interface IsnSource {
  /** Addresses and the packed ports (RIP's in the high half) are int32; `now` is in ms. Returns an int32. */
  choose(lip: number, rip: number, ports: number, now: number): number
}

/** 64 ns units in a millisecond: DPVS's clock, which goes round in 274.9 s. */
const CLOCK_PER_MS = 15_625

export class KeyedIsn implements IsnSource {
  /** For an image of the engine; whoever has it foresees sequence numbers. */
  readonly key: Int32Array
  readonly #hash: SipHash

  /** `key` is four random int32. */
  constructor(key: Int32Array) {
    this.key = key
    this.#hash = new SipHash(key)
  }

  choose(lip: number, rip: number, ports: number, now: number): number {
    return (this.#hash.of(lip, rip, ports) + Math.imul(now, CLOCK_PER_MS)) | 0
  }
}
