/**
 * The space of addresses of IPv6 cut into ranges, each with the prefix that is the longest there, as prefix-table.ts has it of IPv4. A
 * lookup is a search by halves: 18 steps for 100,000 prefixes. An index by the first bits would spare few of them, since nearly all that
 * is in use begins alike (2000::/3).
 *
 *   starts    of the ranges, from :: on, four cells each, with the top bits turned, so that they compare as signed numbers
 *   owners    of the ranges: a prefix, or NOBODY
 */

import { ipv6Mask } from '../wire/ipv6-address.ts'

export const NOBODY = -1
/** Cells of a prefix: the words of its network, and its length. */
export const CELLS6 = 5
const LENGTH = 4
const TOP = -(2 ** 31)

export class Ranges6 {
  readonly #starts: Int32Array
  readonly #owners: Int32Array

  constructor(starts: Int32Array, owners: Int32Array) {
    this.#starts = starts
    this.#owners = owners
  }

  /** => the longest prefix that holds the address in four cells from `at` on, or NOBODY */
  find(cells: Int32Array, at: number): number {
    const starts = this.#starts
    const a = cells[at] ^ TOP
    const b = cells[at + 1] ^ TOP
    const c = cells[at + 2] ^ TOP
    const d = cells[at + 3] ^ TOP
    let low = 0
    let high = this.#owners.length
    while (low < high) {
      const middle = (low + high) >> 1
      const i = middle << 2
      let begins = starts[i] <= a
      if (starts[i] === a) {
        begins = starts[i | 1] <= b
        if (starts[i | 1] === b) {
          begins = starts[i | 2] <= c
          if (starts[i | 2] === c) begins = starts[i | 3] <= d
        }
      }
      if (begins) low = middle + 1
      else high = middle
    }
    return this.#owners[low - 1]
  }
}

/** By network and length, each once, bits behind the length taken off. */
export function sorted6(prefixes: Int32Array): Int32Array {
  const cells = prefixes.slice()
  for (let at = 0; at < cells.length; at += CELLS6)
    for (let i = 0; i < LENGTH; i++) cells[at + i] &= ipv6Mask(cells[at + LENGTH], i)
  const order = Uint32Array.from({ length: cells.length / CELLS6 }, (_, i) => i * CELLS6)
  order.sort((x, y) => compare(cells, x, cells, y, CELLS6))
  const sorted = new Int32Array(cells.length)
  let size = 0
  for (let i = 0; i < order.length; i++) {
    if (i > 0 && compare(cells, order[i], sorted, size - CELLS6, CELLS6) === 0) continue
    sorted.set(cells.subarray(order[i], order[i] + CELLS6), size)
    size += CELLS6
  }
  return sorted.slice(0, size)
}

/** Of so many cells, as unsigned numbers. */
function compare(a: Int32Array, i: number, b: Int32Array, j: number, count: number): number {
  for (let n = 0; n < count; n++)
    if (a[i + n] !== b[j + n]) return a[i + n] >>> 0 < b[j + n] >>> 0 ? -1 : 1
  return 0
}

/** `first` is the number of the first of these prefixes, which are sorted. */
export function rangesOf6(sorted: Int32Array, first: number) {
  const ranges = new Cut(2 * (sorted.length / CELLS6) + 1)
  /** Those that are open where we are, the longest last, and where each ends: null at the end of all. */
  const open: number[] = []
  const ends: (Int32Array | null)[] = []
  const close = () => {
    open.pop()
    ranges.put(ends.pop() ?? null, open.at(-1) ?? NOBODY)
  }
  ranges.put(new Int32Array(4), NOBODY)
  for (let at = 0; at < sorted.length; at += CELLS6) {
    for (;;) {
      const end = ends.at(-1)
      if (end === undefined || end === null || compare(end, 0, sorted, at, LENGTH) > 0) break
      close()
    }
    const prefix = first + at / CELLS6
    ranges.put(sorted.subarray(at, at + LENGTH), prefix)
    open.push(prefix)
    ends.push(behind(sorted, at))
  }
  while (open.length > 0) close()
  return ranges.done()
}

/** => the first address behind a prefix; null if there is none */
function behind(cells: Int32Array, at: number): Int32Array | null {
  const end = new Int32Array(4)
  for (let i = 0; i < 4; i++) end[i] = cells[at + i] | ~ipv6Mask(cells[at + LENGTH], i)
  for (let i = 3; i >= 0; i--) {
    end[i]++
    if (end[i] !== 0) return end
  }
  return null
}

class Cut {
  readonly #starts: Int32Array
  readonly #owners: Int32Array
  #count = 0

  constructor(most: number) {
    this.#starts = new Int32Array(4 * most)
    this.#owners = new Int32Array(most)
  }

  /** From here on it is this one's. */
  put(start: Int32Array | null, owner: number): void {
    if (start === null) return
    const biased = start.map(word => word ^ TOP)
    const last = this.#count - 1
    // A longer one that begins where a shorter one does.
    if (last >= 0 && compare(this.#starts, 4 * last, biased, 0, 4) === 0) this.#count--
    if (this.#count > 0 && this.#owners[this.#count - 1] === owner) return
    this.#starts.set(biased, 4 * this.#count)
    this.#owners[this.#count++] = owner
  }

  done(): { starts: Int32Array; owners: Int32Array } {
    const starts = this.#starts.slice(0, 4 * this.#count)
    return { starts, owners: this.#owners.slice(0, this.#count) }
  }
}
