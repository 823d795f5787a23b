/**
 * What workers hand to each other in shared memory: frames that came to the wrong one, the slots of such frames on
 * their way home, and what one worker has learned of a neighbour. Every ordered pair of workers has a ring with one
 * producer and one consumer; nothing in it is locked, copied or allocated.
 *
 *   flags    [asleep]                      one line for each worker
 *   rings    [head]  [tail]                a line each, for every pair: head is the consumer's, tail the producer's
 *   records  [kind, a, b, c, d, e, f, -]   32 bytes each; capacity is a power of two, at least twice a worker's slots
 *   holders  a byte for each slot of all workers: 1 + who has it, 0 for its owner; written by whoever reads the record
 *
 * Head and tail run freely, modulo 2^32. A record is written first and published with the tail, once per burst
 * (flush); whoever sees the new tail sees the record, and the frame in its slot (all Atomics are sequentially
 * consistent, so a store publishes and a load acquires). Records of one pair arrive in the order of sending.
 *
 * Why HOME always finds room. At most `slots` HOMEs can be in the ring from X to Y, because they name slots of Y and a
 * slot is in one place at a time: Y cannot hand a slot on before it has read its HOME, and publishes the heads of
 * what it has read before the tails of what it hands on. The other kinds are admitted only while fewer than
 * capacity - slots records are in the ring, so there are never more of them than that. They may fail: a frame is
 * dropped and counted then, its slot is still the sender's.
 *
 * Why no wake-up is lost (Dekker). The consumer sets `asleep`, then looks at all tails for a last time, then sleeps.
 * The producer stores the tail, then looks at `asleep`. In the one order in which all of these happen, either the
 * consumer's look comes after the store and sees the record, or the producer's look comes after the flag and sees
 * that; then it takes the flag down and writes to the consumer's eventfd, which stays readable until the consumer has
 * drained it. A second producer that finds the flag down need not write: the first one's wake-up is on its way, and
 * before the consumer sleeps again it looks at the second one's tail. The price is at most one wake-up for nothing.
 *
 * A thread that takes the place of one that has ended goes on where the shared cells say. What the former had written and not
 * published never was; what it had read and not given back comes once more, and is dropped by recover(). The heads are published
 * before the tails, so of a slot in such a record no HOME was published. A slot that its holder's byte says is
 * ours, and that no published record of ours names, was in the former's hands.
 */

/** Kinds, with what a, b, c... hold. */
export const Handed = {
  /** arm, slot, start (byte offset in the arena), length, fragment (Frames): the receiver owns the slot until it sends it home */
  FRAME: 1,
  /** slot, one of the receiver's */
  HOME: 2,
  /** MAC first 16 bits << 16 | solicited << 8 | link, MAC last 32 bits, four cells of the address */
  NEIGH: 3,
} as const

/** Cells between what different workers write: 128 bytes, because processors fetch lines of 64 in pairs. */
const LINE = 32
/** Cells of a record, as a power of two. */
const RECORD_SHIFT = 3

function capacityFor(slots: number): number {
  return 2 ** (33 - Math.clz32(slots - 1))
}

/** Cells of all that lies before the holders. */
function cellsFor(workers: number, slots: number): number {
  const ring = 2 * LINE + (capacityFor(slots) << RECORD_SHIFT)
  return workers * (LINE + workers * ring)
}

export class Handover {
  /** The record that receive() has read last, and who sent it. */
  kind = 0
  a = 0
  b = 0
  c = 0
  d = 0
  e = 0
  f = 0
  from = 0

  readonly #cells: Int32Array
  readonly #holders: Uint8Array
  readonly #workers: number
  readonly #self: number
  readonly #slots: number
  readonly #capacity: number
  readonly #wake: (worker: number) => void
  /** Per receiver: tail with what is not yet published, tail as published, head when last looked at. */
  readonly #written: Int32Array
  readonly #published: Int32Array
  readonly #headSeen: Int32Array
  #unpublished = false
  /** Per sender: head as published. The ring being read, `from`, has got as far as #next and has records up to #end. */
  readonly #heads: Int32Array
  #next = 0
  #end = 0

  /** Bytes of the memory that `workers` workers share, each with `slots` slots in the arena. */
  static bytesFor(workers: number, slots: number): number {
    return 4 * cellsFor(workers, slots) + workers * slots
  }

  /**
   * `memory`, the same for all, has bytesFor(workers, slots) bytes, all zero at first; the rings of a worker to itself are
   * never touched and so cost nothing. `self` is this worker's number; `wake` makes another worker's eventfd readable.
   */
  constructor(
    memory: ArrayBufferLike,
    workers: number,
    self: number,
    slots: number,
    wake: (worker: number) => void,
  ) {
    const cells = cellsFor(workers, slots)
    this.#cells = new Int32Array(memory, 0, cells)
    this.#holders = new Uint8Array(memory, cells * 4, workers * slots)
    this.#workers = workers
    this.#self = self
    this.#slots = slots
    this.#capacity = capacityFor(slots)
    this.#wake = wake
    this.#written = new Int32Array(workers)
    this.#published = new Int32Array(workers)
    this.#headSeen = new Int32Array(workers)
    this.#heads = new Int32Array(workers)
    this.from = self
    for (let other = 0; other < workers; other++) {
      const tail = Atomics.load(this.#cells, this.#tail(self, other))
      this.#written[other] = tail
      this.#published[other] = tail
      this.#headSeen[other] = Atomics.load(this.#cells, this.#head(self, other))
      this.#heads[other] = Atomics.load(this.#cells, this.#head(other, self))
    }
    this.#next = this.#heads[self]
    this.#end = this.#next
  }

  /**
   * Writes a record for another worker, who sees it after flush(). => false when there is no room for it, which
   * HOME always has. Throws Error if it has not: a slot was sent home twice.
   */
  send(to: number, kind: number, a: number, b = 0, c = 0, d = 0, e = 0, f = 0): boolean {
    const written = this.#written[to]
    const room = kind === Handed.HOME ? this.#capacity : this.#capacity - this.#slots
    if (((written - this.#headSeen[to]) | 0) >= room) {
      this.#headSeen[to] = Atomics.load(this.#cells, this.#head(this.#self, to))
      if (((written - this.#headSeen[to]) | 0) >= room) return refuse(kind)
    }
    const cells = this.#cells
    const at = this.#record(this.#self, to, written)
    cells[at] = kind
    cells[at + 1] = a
    cells[at + 2] = b
    cells[at + 3] = c
    cells[at + 4] = d
    cells[at + 5] = e
    cells[at + 6] = f
    this.#written[to] = (written + 1) | 0
    this.#unpublished = true
    return true
  }

  /** Publishes what was sent since the last flush, and wakes those receivers that sleep. Once per burst. */
  flush(): void {
    if (!this.#unpublished) return
    this.#unpublished = false
    this.#giveBack()
    for (let to = 0; to < this.#workers; to++) {
      const written = this.#written[to]
      if (written === this.#published[to]) continue
      this.#published[to] = written
      Atomics.store(this.#cells, this.#tail(this.#self, to), written)
      const asleep = to * LINE
      if (Atomics.load(this.#cells, asleep) === 0) continue
      if (Atomics.compareExchange(this.#cells, asleep, 1, 0) === 1) this.#wake(to)
    }
  }

  /**
   * Reads the next record of any worker into kind, a..f and from. => false when there is none. Others may write as
   * fast as this one reads: bound the number of calls in one turn.
   */
  receive(): boolean {
    if (this.#next === this.#end && !this.#turn()) return false
    const cells = this.#cells
    const at = this.#record(this.from, this.#self, this.#next)
    this.kind = cells[at]
    this.a = cells[at + 1]
    this.b = cells[at + 2]
    this.c = cells[at + 3]
    this.d = cells[at + 4]
    this.e = cells[at + 5]
    this.f = cells[at + 6]
    this.#next = (this.#next + 1) | 0
    if (this.kind === Handed.FRAME) this.#holders[this.b] = this.#self + 1
    else if (this.kind === Handed.HOME) this.#holders[this.a] = this.#self + 1
    return true
  }

  /**
   * For a thread that takes the place of one that has ended, before anything else: `lose` is called for each frame that waits or
   * that the former had read last, whose record is in a..e; its slot is ours then.
   */
  recover(lose: () => void): void {
    let waiting = 0
    for (let from = 0; from < this.#workers; from++) {
      const tail = Atomics.load(this.#cells, this.#tail(from, this.#self))
      waiting += (tail - this.#heads[from]) | 0
    }
    for (; waiting > 0 && this.receive(); waiting--) if (this.kind === Handed.FRAME) lose()
    this.#giveBack()
    this.awake()
  }

  /** Marks the slots of all workers that are not in this one's hands. */
  markElsewhere(marks: Uint8Array): void {
    const cells = this.#cells
    // Before the holders: who has read a record by then has said so.
    for (let to = 0; to < this.#workers; to++)
      this.#headSeen[to] = Atomics.load(cells, this.#head(this.#self, to))
    for (let slot = 0; slot < this.#holders.length; slot++) {
      const holder = this.#holders[slot]
      const has = holder === 0 ? Math.trunc(slot / this.#slots) : holder - 1
      if (has !== this.#self) marks[slot] = 1
    }
    for (let to = 0; to < this.#workers; to++) {
      for (let n = this.#headSeen[to]; n !== this.#written[to]; n = (n + 1) | 0) {
        const at = this.#record(this.#self, to, n)
        if (cells[at] === Handed.FRAME) marks[cells[at + 2]] = 1
        else if (cells[at] === Handed.HOME) marks[cells[at + 1]] = 1
      }
    }
  }

  /**
   * Announces that this worker is about to sleep; call it when there is nothing else to do. => true: sleep now, with
   * the eventfd among what wakes you, and call awake() afterwards; false: there are records, receive() them.
   */
  prepareSleep(): boolean {
    this.flush()
    this.#giveBack()
    Atomics.store(this.#cells, this.#self * LINE, 1)
    for (let from = 0; from < this.#workers; from++) {
      if (Atomics.load(this.#cells, this.#tail(from, this.#self)) === this.#heads[from]) continue
      this.awake()
      return false
    }
    return true
  }

  /** Back from sleep, for whatever reason: nobody need write to the eventfd. */
  awake(): void {
    Atomics.store(this.#cells, this.#self * LINE, 0)
  }

  /**
   * Goes to the next ring that has records. It looks with plain loads first (3 ns a worker instead of 8): one that is
   * too early finds the record in the next turn, and before sleep prepareSleep() looks with better ones.
   */
  #turn(): boolean {
    this.#giveBack()
    const cells = this.#cells
    let from = this.from
    for (let i = 0; i < this.#workers; i++) {
      from = from + 1 === this.#workers ? 0 : from + 1
      const tail = this.#tail(from, this.#self)
      if (cells[tail] === this.#heads[from]) continue
      this.from = from
      this.#next = this.#heads[from]
      this.#end = Atomics.load(cells, tail)
      return true
    }
    return false
  }

  /** Publishes how far this worker has read, so that the room is the sender's again. */
  #giveBack(): void {
    if (this.#heads[this.from] === this.#next) return
    this.#heads[this.from] = this.#next
    Atomics.store(this.#cells, this.#head(this.from, this.#self), this.#next)
  }

  /** Cells of a ring's head and tail, and of its record number `n`. */
  #head(from: number, to: number): number {
    return (this.#workers + 2 * (from * this.#workers + to)) * LINE
  }

  #tail(from: number, to: number): number {
    return this.#head(from, to) + LINE
  }

  #record(from: number, to: number, n: number): number {
    const ring = from * this.#workers + to
    const first = (this.#workers + 2 * this.#workers * this.#workers) * LINE
    return first + ((ring * this.#capacity + (n & (this.#capacity - 1))) << RECORD_SHIFT)
  }
}

function refuse(kind: number): false {
  if (kind === Handed.HOME) throw new Error('a slot was sent home twice')
  return false
}
