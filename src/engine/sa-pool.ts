/**
 * The lports of one LIP. As in DPVS there are 16 sub-pools, each with *all* lports of this worker; a connection to
 * RIP:rport uses exactly one of them. So one LIP:lport may be in use towards up to 16 RSs at a time (the conn's key
 * holds RIP:rport too), and one RS can use about 64 thousand lports of a LIP.
 *
 * Every sub-pool is a ring, first in, first out: a port that comes back rests as long as the pool allows before
 * it meets the RS again. 64,511 ports * 16 * 2 bytes are 2 MiB per LIP.
 */

export const LPORT_FIRST = 1025
export const LPORT_LAST = 65_535
export const SUB_POOLS = 16
export const NO_LPORT = -1

/** Which lports are this worker's: those with (port & mask) === residue (DPVS: sa_pool of n workers). */
export interface Partition {
  mask: number
  residue: number
}

/** How many lports the partition owns. */
export function lportsOf(partition: Partition): number {
  let count = 0
  for (let port = LPORT_FIRST; port <= LPORT_LAST; port++) {
    if ((port & partition.mask) === partition.residue) count++
  }
  return count
}

/** Sub-pool of an RS: (low 16 bits of RIP + rport) mod 16. */
export function subPoolOf(rip: number, rport: number): number {
  return ((rip & 0xffff) + rport) % SUB_POOLS
}

export class SaPool {
  readonly lip: number
  readonly #ports: Uint16Array
  readonly #size: number
  readonly #head = new Int32Array(SUB_POOLS)
  readonly #free = new Int32Array(SUB_POOLS)
  #misses = 0

  static bytesFor(partition: Partition): number {
    return lportsOf(partition) * SUB_POOLS * 2
  }

  /** `memory` needs bytesFor(partition) bytes. */
  constructor(memory: ArrayBufferLike, lip: number, partition: Partition) {
    this.lip = lip
    this.#size = lportsOf(partition)
    this.#ports = new Uint16Array(memory, 0, this.#size * SUB_POOLS)
    let at = 0
    for (let port = LPORT_FIRST; port <= LPORT_LAST; port++) {
      if ((port & partition.mask) === partition.residue) this.#ports[at++] = port
    }
    for (let sub = 1; sub < SUB_POOLS; sub++)
      this.#ports.copyWithin(sub * this.#size, 0, this.#size)
    this.#free.fill(this.#size)
  }

  /** => The longest-rested lport towards this RS, to be released exactly once; NO_LPORT (and a miss) if none is free. */
  fetch(rip: number, rport: number): number {
    const sub = subPoolOf(rip, rport)
    if (this.#free[sub] === 0) {
      this.#misses++
      return NO_LPORT
    }
    this.#free[sub]--
    const port = this.#ports[sub * this.#size + this.#head[sub]]
    this.#head[sub] = (this.#head[sub] + 1) % this.#size
    return port
  }

  /** Gives an lport back; RIP:rport must be the ones it was fetched for. */
  release(rip: number, rport: number, lport: number): void {
    const sub = subPoolOf(rip, rport)
    this.#ports[sub * this.#size + ((this.#head[sub] + this.#free[sub]) % this.#size)] = lport
    this.#free[sub]++
  }

  /** lports in use, over all sub-pools: `sa_used`. */
  get used(): number {
    return this.#size * SUB_POOLS - this.free
  }

  /** `sa_free`. */
  get free(): number {
    let free = 0
    for (const count of this.#free) free += count
    return free
  }

  /** Fetches that found their sub-pool empty: `sa_miss`. */
  get misses(): number {
    return this.#misses
  }
}
