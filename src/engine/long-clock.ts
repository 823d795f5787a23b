/**
 * The engine's clock without its end. Times come in as int32 ms, which go round in 49.7 days and can be compared over half of
 * that; whoever tells for how long something has been, or when it was, keeps a double of this clock instead. It differs from
 * the int32 by whole rounds: `ms | 0` is `now`.
 */
export class LongClock {
  /** As of the last turn. */
  ms: number
  #last: number

  /** `ms` says where it begins: since 1970, if somebody is to be told. */
  constructor(ms: number) {
    this.ms = ms
    this.#last = ms | 0
  }

  /** It is `now`, at most 24 days after the last turn. */
  turn(now: number): void {
    this.ms = this.at(now)
    this.#last = now
  }

  /** The same time, within 24 days of the last turn. */
  at(now: number): number {
    return this.ms + ((now - this.#last) | 0)
  }

  /** Goes on from another one's `ms`. */
  restore(ms: number): void {
    this.ms = ms
    this.#last = ms | 0
  }
}
