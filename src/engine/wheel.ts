/**
 * The timer wheel of the connections. A deadline is data, a timer is rare: a packet only stores a new deadline in
 * its conn, and the wheel, when it reaches the slot where it filed the conn long ago, files it again if the
 * deadline has moved on. Only a state change re-files at once, because it may shorten the time left.
 *
 *   heads   capacity + slot: one ring per slot of TICK ms; a conn is in exactly one ring
 *   links   next[i], prev[i] with i a conn or a head
 *
 * Times are int32 milliseconds and compared by difference, so the clock may wrap (every 49.7 days).
 */

/** ms per slot: how late an expiry may be seen. */
export const TICK = 64
/** Slots; 4096 * 64 ms = 262 s. A deadline beyond the horizon waits in the last slot and is filed again. */
export const SLOTS = 4096

/** Links of the first conns, and of the heads. */
export interface WheelImage {
  next: Int32Array
  prev: Int32Array
  nextOfHeads: Int32Array
  prevOfHeads: Int32Array
  tick: number
  filed: number
}

export class Wheel {
  readonly #next: Int32Array
  readonly #prev: Int32Array
  readonly #capacity: number
  /** Number of the tick that is turned next. */
  #tick = 0
  #filed = 0

  static bytesFor(capacity: number): number {
    return (capacity + SLOTS) * 8
  }

  constructor(capacity: number, now: number) {
    const cells = capacity + SLOTS
    this.#capacity = capacity
    this.#next = new Int32Array(cells)
    this.#prev = new Int32Array(cells)
    this.clear(now)
  }

  /** Nobody is filed, and the time before `now` is over. */
  clear(now: number): void {
    const next = this.#next
    for (let head = this.#capacity; head < next.length; head++) next[head] = this.#prev[head] = head
    this.#filed = 0
    this.#tick = now >> 6
  }

  /** Conns that are filed. */
  get filed(): number {
    return this.#filed
  }

  /** `conns`: all that were ever filed lie below. */
  save(conns: number): WheelImage {
    return {
      next: this.#next.slice(0, conns),
      prev: this.#prev.slice(0, conns),
      nextOfHeads: this.#next.slice(this.#capacity),
      prevOfHeads: this.#prev.slice(this.#capacity),
      tick: this.#tick,
      filed: this.#filed,
    }
  }

  /** Into a wheel of the same capacity. Throws RangeError if its lists do not come back to where they begin. */
  restore(image: WheelImage): void {
    this.#next.set(image.next)
    this.#prev.set(image.prev)
    this.#next.set(image.nextOfHeads, this.#capacity)
    this.#prev.set(image.prevOfHeads, this.#capacity)
    this.#tick = image.tick
    this.#filed = image.filed
    let count = 0
    for (let head = this.#capacity; head < this.#capacity + SLOTS; head++) {
      for (let at = this.#next[head]; at !== head; at = this.#next[at]) {
        const isLinked = at >= 0 && at < this.#capacity && this.#next[this.#prev[at]] === at
        if (!isLinked || ++count > this.#filed) throw new RangeError('a timer list that is none')
      }
    }
    if (count !== this.#filed) throw new RangeError(`${this.#filed} timers, of which ${count} are`)
  }

  file(conn: number, deadline: number): void {
    // The slot after the deadline's, so that a conn is due when its slot is turned.
    let ahead = (((deadline >> 6) + 1 - this.#tick) << 6) >> 6
    if (ahead < 0) ahead = 0
    else if (ahead >= SLOTS) ahead = SLOTS - 1
    const head = this.#capacity + ((this.#tick + ahead) & (SLOTS - 1))
    const last = this.#prev[head]
    this.#next[last] = conn
    this.#prev[conn] = last
    this.#next[conn] = head
    this.#prev[head] = conn
    this.#filed++
  }

  unfile(conn: number): void {
    const next = this.#next[conn]
    const prev = this.#prev[conn]
    this.#next[prev] = next
    this.#prev[next] = prev
    this.#filed--
  }

  /** Takes the next conn whose slot has come at `now` out of the wheel, or -1. The caller files it again or ends it. */
  due(now: number): number {
    const last = now >> 6
    if (this.#filed === 0) {
      // An empty wheel does not walk through the time that nobody waited for.
      this.#tick = last
      return -1
    }
    while ((last - this.#tick) << 6 >= 0) {
      const head = this.#capacity + (this.#tick & (SLOTS - 1))
      const conn = this.#next[head]
      if (conn !== head) {
        this.unfile(conn)
        return conn
      }
      this.#tick = ((this.#tick + 1) << 6) >> 6
    }
    return -1
  }

  /** Slots from the one that is turned to the one of `now`, 0 to 15. */
  late(now: number): number {
    return Math.max(0, Math.min(15, ((now - (this.#tick << 6)) | 0) >> 6))
  }

  /** ms from `now` until a slot with conns comes, at most `limit`; how long a loop may sleep. */
  sleep(now: number, limit: number): number {
    if (this.#filed === 0) return limit
    const slots = Math.min(SLOTS, limit >> 6)
    for (let i = 0; i < slots; i++) {
      const head = this.#capacity + ((this.#tick + i) & (SLOTS - 1))
      if (this.#next[head] !== head) return Math.max(0, (((this.#tick + i) << 6) - now) | 0)
    }
    return limit
  }
}
