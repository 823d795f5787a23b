/** xorshift32 (Marsaglia 2003): jitter of timers and the like, where nothing depends on being unpredictable. */
export class Random {
  #state: number

  /** Any seed but 0, which the generator cannot leave. */
  constructor(seed: number) {
    this.#state = seed | 0 || 0x9e3779b9 | 0
  }

  /** Where the generator is; another one that is set to it goes on alike. */
  get state(): number {
    return this.#state
  }

  set state(state: number) {
    this.#state = state
  }

  /** A whole number in [0, bound), bound up to 2^16. */
  below(bound: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return ((x >>> 16) * bound) >>> 16
  }
}
