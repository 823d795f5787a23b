/**
 * What passed on a connection: packets, bytes and when last, of each direction. A line of its own, which holds nothing else, so
 * that whoever forwards packets is the only one who writes it while the connection lives.
 *
 *   per tuple   packets, low and high word | bytes, low and high word | ms of the last one | 3 spare cells      32 bytes
 */

const [PACKETS, BYTES, LAST] = [0, 2, 4]
const HIGH = 1
const WORD = 2 ** 32

/** First cell of tuple t. */
function flowAt(t: number): number {
  return t << 3
}

export class FlowStats {
  readonly #cells: Int32Array

  static bytesFor(capacity: number): number {
    return capacity * 64
  }

  /** `memory` from `offset` needs bytesFor(capacity) bytes. */
  constructor(memory: ArrayBufferLike, offset: number, capacity: number) {
    this.#cells = new Int32Array(memory, offset, capacity * 16)
  }

  /** Of the first conns. */
  save(conns: number): Int32Array {
    return this.#cells.slice(0, flowAt(conns << 1))
  }

  restore(cells: Int32Array): void {
    this.#cells.set(cells)
  }

  /** A conn begins. */
  open(conn: number, now: number): void {
    const at = flowAt(conn << 1)
    const behind = flowAt((conn + 1) << 1)
    this.#cells.fill(0, at, behind)
    this.#cells[at + LAST] = now
    this.#cells[flowAt((conn << 1) | 1) + LAST] = now
  }

  /** Packets of tuple t; counted as on the wire. */
  count(t: number, packets: number, bytes: number): void {
    this.#add(flowAt(t) | PACKETS, packets)
    this.#add(flowAt(t) | BYTES, bytes)
  }

  seen(t: number, now: number): void {
    this.#cells[flowAt(t) | LAST] = now
  }

  packets(t: number): number {
    return this.#sum(flowAt(t) | PACKETS)
  }

  bytes(t: number): number {
    return this.#sum(flowAt(t) | BYTES)
  }

  /** ms of the last packet of either direction, as of `now`: one of them may have been silent for longer than an int32 can say. */
  last(conn: number, now: number): number {
    const inward = this.#cells[flowAt(conn << 1) | LAST]
    const outward = this.#cells[flowAt((conn << 1) | 1) | LAST]
    return (now - outward) >>> 0 < (now - inward) >>> 0 ? outward : inward
  }

  #add(at: number, more: number): void {
    const cells = this.#cells
    const low = (cells[at] + more) | 0
    cells[at] = low
    if (low >>> 0 < more) cells[at | HIGH]++
  }

  #sum(at: number): number {
    return (this.#cells[at | HIGH] >>> 0) * WORD + (this.#cells[at] >>> 0)
  }
}
