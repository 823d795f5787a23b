/**
 * The hash index of the connections: heads of chains that run through the next cells of their records. It holds nothing that the
 * records do not say.
 */

import {
  AS_IS,
  BY_SNAT,
  CELL,
  COLUMN_CELLS,
  KEY,
  METHOD_BITS,
  ONE_WAY,
  RECORD,
  TUPLE,
} from './conn-layout.ts'

/**
 * Index heads per conn, for its two tuples. With two, four of ten lookups in a full table go past a stranger's record, a
 * cache miss and a mispredicted branch; with four it is two of ten, for 8 bytes more.
 */
const HEADS = 4
/** Records that are looked at together where all are gone through. */
export const AHEAD = 32

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { BINDING, MAC_LO } = CELL
const { IPV6 } = KEY
const OF_ONE_WAY = ONE_WAY
const OF_CLIENT = AS_IS
const [METHODS, SNAT] = [METHOD_BITS, BY_SNAT]
const { SADDR, DADDR, PORTS, NEXT } = TUPLE
const { at: recordAt, of: recordOf, tuple: tupleAt, column: columnAt, fits, key: keyOf } = RECORD

/**
 * What a packet is looked up by; over IPv6 with the words of the address of the client that it comes from, or goes to by NAT, and of one
 * that `daddr` is a digest of.
 */
export interface Sought {
  readonly key: number
  readonly saddr: number
  readonly daddr: number
  readonly ports: number
  readonly client: Int32Array
  readonly target: Int32Array
}

export class ConnIndex {
  /** The address of the client of a packet over IPv6, whose digest findWide() is given. */
  readonly sought = new Int32Array(COLUMN_CELLS)
  /** The one that it is for, of which findWide() is given a digest if SNAT knows it. */
  readonly soughtTo = new Int32Array(COLUMN_CELLS)
  readonly #cells: Int32Array
  readonly #wide: Int32Array
  /** By whom conns of SNAT speak to (conn-layout.ts). */
  readonly #far: Int32Array
  /** ~ of the first tuple id of each chain, as in the next cells: 0 is none. */
  readonly #heads: Int32Array
  readonly #mask: number
  readonly #seed: number
  readonly #ahead = new Int32Array(AHEAD * 2)
  #isEmpty = true

  static bytesFor(capacity: number): number {
    return capacity * HEADS * 4
  }

  /** Of the records in `cells`, with these columns. */
  constructor(
    capacity: number,
    seed: number,
    { cells, wide, syn }: { cells: Int32Array; wide: Int32Array; syn: Int32Array },
  ) {
    this.#cells = cells
    this.#wide = wide
    this.#far = syn
    this.#heads = new Int32Array(capacity * HEADS)
    this.#mask = capacity * HEADS - 1
    this.#seed = seed | 0
  }

  /**
   * Tuple id that a packet with these header fields belongs to, or -1. `key` is of KEY, `ports` is source << 16 |
   * destination.
   */
  find(key: number, saddr: number, daddr: number, ports: number): number {
    const cells = this.#cells
    let t = ~this.#heads[hash(this.#seed, key, saddr, daddr, ports) & this.#mask]
    while (t >= 0) {
      const at = tupleAt(t)
      if (
        cells[at | PORTS] === ports &&
        cells[at | SADDR] === saddr &&
        cells[at | DADDR] === daddr &&
        fits(cells[recordOf(t) | BINDING], key, t)
      ) {
        break
      }
      t = ~cells[at | NEXT]
    }
    return t
  }

  /** The same over IPv6, where another client may have the same digest: the address that is meant is `sought`. */
  findWide(key: number, saddr: number, daddr: number, ports: number): number {
    const cells = this.#cells
    let t = this.find(key, saddr, daddr, ports)
    // Of its clients only the others in the chain behind it are left to look at.
    while (t >= 0 && !this.#isSought(t)) t = this.#again(t, ~cells[tupleAt(t) | NEXT], key)
    return t
  }

  /** The tuple id of a packet of either family, or -1. */
  of(p: Sought): number {
    const { key, saddr, daddr, ports } = p
    if (key < IPV6) return this.find(key, saddr, daddr, ports)
    const { sought, soughtTo } = this
    for (let i = 0; i < COLUMN_CELLS; i++) {
      sought[i] = p.client[i]
      soughtTo[i] = p.target[i]
    }
    return this.findWide(key, saddr, daddr, ports)
  }

  /** The first tuple id that find() looks at, or -1. */
  entry(key: number, saddr: number, daddr: number, ports: number): number {
    return ~this.#heads[hash(this.#seed, key, saddr, daddr, ports) & this.#mask]
  }

  /** Reads from the record of an entry, or from any for -1. => Nothing of meaning */
  touch(entry: number): number {
    const at = recordAt((entry & (this.#mask >> 1)) >> 1)
    return this.#cells[at] ^ this.#cells[at | MAC_LO]
  }

  /**
   * Finds where the tuples of the records from..to belong, at most AHEAD and from a multiple of it on, for isTaken() and
   * enterAhead(): loads that do not wait for each other. => Nothing of meaning
   */
  lookAhead(from: number, to: number): number {
    const ahead = this.#ahead
    let sink = 0
    for (let conn = from; conn < to; conn++) {
      const binding = this.#cells[recordAt(conn) | BINDING]
      const at = (conn % AHEAD) << 1
      const head = this.#headOf(conn << 1, binding)
      const other = this.#headOf((conn << 1) | 1, binding)
      ahead[at] = head
      ahead[at | 1] = other
      sink ^= this.#heads[head] ^ this.#heads[other]
    }
    // The records that isTaken() will compare them to.
    for (let at = 0; at < (to - from) << 1; at++) {
      const first = ~this.#heads[ahead[at]]
      if (first >= 0) sink ^= this.#cells[tupleAt(first) | PORTS]
    }
    return sink
  }

  /** Another conn in the index has what one of the tuples of a record carries, which was looked at ahead. */
  isTaken(conn: number): boolean {
    const at = (conn % AHEAD) << 1
    // Most chains are empty.
    if (this.#heads[this.#ahead[at]] !== 0 && this.has(conn << 1)) return true
    if (this.#isOneWay(conn)) return false
    return this.#heads[this.#ahead[at | 1]] !== 0 && this.has((conn << 1) | 1)
  }

  /** As enter(), of one that was looked at ahead. */
  enterAhead(conn: number): void {
    const at = (conn % AHEAD) << 1
    this.#link(conn << 1, this.#ahead[at])
    if (!this.#isOneWay(conn)) this.#link((conn << 1) | 1, this.#ahead[at | 1])
  }

  /** Another conn in the index has what tuple t of a record carries. */
  has(t: number): boolean {
    return this.hasAs(keyOf(this.#cells[recordOf(t) | BINDING], t), t)
  }

  /** The same of a record that has no binding yet, by what packets of the tuple are to be looked up by. */
  hasAs(key: number, t: number): boolean {
    const at = tupleAt(t)
    const cells = this.#cells
    const [saddr, daddr, ports] = [cells[at | SADDR], cells[at | DADDR], cells[at | PORTS]]
    if ((key & IPV6) === 0) return this.find(key, saddr, daddr, ports) >= 0
    const from = columnAt(t >> 1)
    const isToFar = (t & 1) === 1 && (cells[recordOf(t) | BINDING] & METHODS) === SNAT
    const far = this.#far.subarray(from, from + COLUMN_CELLS)
    this.sought.set(isToFar ? far : this.#wide.subarray(from, from + COLUMN_CELLS))
    this.soughtTo.set(far)
    return this.findWide(key, saddr, daddr, ports) >= 0
  }

  /** Enters the tuples of a record in the index, of one way that of packets of the client alone. */
  enter(conn: number): void {
    const binding = this.#cells[recordAt(conn) | BINDING]
    this.#enter(conn << 1, binding)
    if ((binding & OF_ONE_WAY) === 0) this.#enter((conn << 1) | 1, binding)
  }

  /** Takes the tuples of a conn out of the index that it was entered in with this binding. */
  leave(conn: number, binding: number): void {
    this.#leave(conn << 1, binding)
    if ((binding & OF_ONE_WAY) === 0) this.#leave((conn << 1) | 1, binding)
  }

  /** Nothing was entered since it was made or cleared. */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  clear(): void {
    this.#heads.fill(0)
    this.#isEmpty = true
  }

  /** Number of entries of both directions in the index: two of each conn, but one of one way, or the table is broken. For tests. */
  count(): number {
    let count = 0
    for (const head of this.#heads) {
      for (let t = ~head; t >= 0; t = ~this.#cells[tupleAt(t) | NEXT]) count++
    }
    return count
  }

  /** The first tuple from `next` on that is what tuple t is, too, or -1. */
  #again(t: number, next: number, key: number): number {
    const cells = this.#cells
    const like = tupleAt(t)
    for (; next >= 0; next = ~cells[tupleAt(next) | NEXT]) {
      const at = tupleAt(next)
      let same = fits(cells[recordOf(next) | BINDING], key, next)
      for (const cell of [SADDR, DADDR, PORTS]) same &&= cells[at | cell] === cells[like | cell]
      if (same) break
    }
    return next
  }

  #isOneWay(conn: number): boolean {
    return (this.#cells[recordAt(conn) | BINDING] & OF_ONE_WAY) !== 0
  }

  /** Only clients, who send packets and get an RS's by NAT, and whom they speak to by SNAT have addresses that a word is not enough for. */
  #isSought(t: number): boolean {
    const at = columnAt(t >> 1)
    const binding = this.#cells[recordOf(t) | BINDING]
    const bySnat = (binding & METHODS) === SNAT
    if ((t & 1) === 0)
      return (
        isSame(this.#wide, at, this.sought) && (!bySnat || isSame(this.#far, at, this.soughtTo))
      )
    if (bySnat) return isSame(this.#far, at, this.sought)
    return (binding & OF_CLIENT) === 0 || isSame(this.#wide, at, this.sought)
  }

  #enter(t: number, binding: number): void {
    this.#link(t, this.#headOf(t, binding))
  }

  #link(t: number, head: number): void {
    this.#cells[tupleAt(t) | NEXT] = this.#heads[head]
    this.#heads[head] = ~t
    this.#isEmpty = false
  }

  #leave(t: number, binding: number): void {
    const at = tupleAt(t)
    const cells = this.#cells
    const head = this.#headOf(t, binding)
    let other = ~this.#heads[head]
    if (other === t) {
      this.#heads[head] = cells[at | NEXT]
      return
    }
    for (;;) {
      const link = tupleAt(other) | NEXT
      other = ~cells[link]
      if (other === t) {
        cells[link] = cells[at | NEXT]
        return
      }
    }
  }

  #headOf(t: number, binding: number): number {
    const at = tupleAt(t)
    const cells = this.#cells
    const key = keyOf(binding, t)
    const h = hash(this.#seed, key, cells[at | SADDR], cells[at | DADDR], cells[at | PORTS])
    return h & this.#mask
  }
}

function isSame(column: Int32Array, at: number, address: Int32Array): boolean {
  for (let i = 0; i < COLUMN_CELLS; i++) if (column[at | i] !== address[i]) return false
  return true
}

/**
 * Murmur3's steps, address and ports side by side and then together, so that the multiplications overlap; the seed goes
 * in first, so that a client cannot aim at one bucket.
 */
function hash(seed: number, key: number, saddr: number, daddr: number, ports: number): number {
  const a = Math.imul(saddr ^ seed, 0xcc9e2d51)
  const b = Math.imul(ports ^ seed, 0x1b873593)
  const h = Math.imul((a ^ (a >>> 15)) + (b ^ (b >>> 13)) + daddr + key, 0x85ebca6b)
  return h ^ (h >>> 16)
}
