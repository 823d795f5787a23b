/** What connections that were there before a pool say of its lports (SaPool.adopt): a mark for each lport of each sub-pool. */

/**
 * Where two are of one lport the greater counts. LAST: its connection was given up without a word to its RS, which may hold it still, so nobody has
 * the lport, but all others that are free go first. A new client with it would be answered as that connection's end is, by an ACK (RFC 9293 3.10.7.4).
 */
export const MARK = { NONE: 0, LAST: 1, IN_USE: 2 } as const

export class LportMarks {
  /** By sub-pool, and there in ascending order of lports. */
  readonly cells: Uint8Array
  /** Of each sub-pool, how many lports there are to behind the last that is marked: nobody has to look at the others. */
  readonly ends: Int32Array
  readonly #size: number

  /** `size` is lports of a sub-pool. */
  constructor(size: number, subPools: number) {
    this.#size = size
    this.ends = new Int32Array(subPools)
    this.cells = new Uint8Array(size * subPools)
  }

  clear(): void {
    for (const [sub, end] of this.ends.entries()) {
      const first = sub * this.#size
      this.cells.fill(MARK.NONE, first, first + end)
    }
    this.ends.fill(0)
  }

  /** `at` is a cell of the sub-pool. => false, and nothing marked, if it has that mark or a greater one */
  put(sub: number, at: number, mark: number): boolean {
    if (this.cells[at] >= mark) return false
    this.cells[at] = mark
    const end = at - sub * this.#size + 1
    if (end > this.ends[sub]) this.ends[sub] = end
    return true
  }
}
