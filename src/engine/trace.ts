/**
 * What the engine tells about itself: fixed records of integers in a ring that somebody else reads and puts into
 * words. The engine never formats text. Debug events cost one branch when they are off; warnings are always written.
 *
 *   record   [kind, time ms, a, b, c, d, e, f, g, h, i, j]    12 int32
 *   control  [written, read]                                  free-running record counts; one writer, one reader
 */

export const RECORD_CELLS = 12

/** Kinds, with what a, b, c ... hold. `ports` is source << 16 | destination; addresses are int32. */
export const TraceKind = {
  /** protocol, saddr, daddr, ports, hit (1) or miss (0) */
  LOOKUP: 1,
  /** lip, lport */
  LPORT_FETCHED: 2,
  /** protocol, cip, vip, cport:vport, lip, rip, rport:lport, refs */
  CONN_NEW: 3,
  /** the same */
  CONN_DEL: 4,
  /** protocol, dir, TCP flags, cip, rip, cport, rport, old state, new state, refs */
  STATE: 5,
  /** old state, new state, address, arm */
  NEIGH: 6,
  /** protocol, saddr, daddr, ports, TCP flags: refused by the scheduler because it is no SYN */
  NOT_SYN: 7,
  /** protocol, saddr, daddr, ports, drop reason: a SYN to a service that was refused */
  REFUSED: 8,
  /** cip, vip, cport:vport, lip, rip, rport:lport, event (why) */
  TOA_FAILED: 9,
  /** address, arm, MAC first 16 bits, MAC last 32 bits: warning, a stranger claims our address */
  ADDRESS_CLAIMED: 10,
  /** address, arm, packets dropped: warning, nobody answered */
  NEIGH_FAILED: 11,
  /** address, arm, old MAC (2), new MAC (2): information */
  NEIGH_MOVED: 12,
} as const

export class TraceRing {
  readonly #records: Int32Array
  readonly #control: Int32Array
  readonly #mask: number
  /** Debug events are wanted. Flipped between bursts; the packet path tests it before it writes any of them. */
  debug = false
  /** Records that found the ring full. */
  lost = 0

  static bytesFor(records: number): number {
    return 8 + records * RECORD_CELLS * 4
  }

  /** `memory` (shared between writer and reader) needs bytesFor(records) bytes; records is a power of two. */
  constructor(memory: ArrayBufferLike, records: number) {
    this.#control = new Int32Array(memory, 0, 2)
    this.#records = new Int32Array(memory, 8, records * RECORD_CELLS)
    this.#mask = records - 1
  }

  // biome-ignore format: one record, one line
  write(kind: number, now: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0, j = 0): void {
    const written = this.#control[0]
    if (((written - Atomics.load(this.#control, 1)) | 0) > this.#mask) {
      this.lost++
      return
    }
    const at = (written & this.#mask) * RECORD_CELLS
    const r = this.#records
    r[at] = kind
    r[at + 1] = now
    r[at + 2] = a
    r[at + 3] = b
    r[at + 4] = c
    r[at + 5] = d
    r[at + 6] = e
    r[at + 7] = f
    r[at + 8] = g
    r[at + 9] = h
    r[at + 10] = i
    r[at + 11] = j
    Atomics.store(this.#control, 0, (written + 1) | 0)
  }

  /** Copies the oldest record to `into` (RECORD_CELLS cells) and frees it; false if there is none. For the reader. */
  read(into: Int32Array): boolean {
    const read = this.#control[1]
    if (read === Atomics.load(this.#control, 0)) return false
    const at = (read & this.#mask) * RECORD_CELLS
    for (let i = 0; i < RECORD_CELLS; i++) into[i] = this.#records[at + i]
    Atomics.store(this.#control, 1, (read + 1) | 0)
    return true
  }
}
