/**
 * Which of several workers owns a packet, decided from its header alone, so that whoever sees it first (a BPF program
 * in the kernel, or the worker that read it) comes to the same answer without a table.
 *
 *   from a client    a hash of its address and port
 *   from an RS       the residue of the lport, which the worker that opened the connection took from its own partition
 *   ... behind NAT   the hash of where it goes to, which is the client's; it is known by address and port (nat-servers.ts)
 *   an ICMP error    whoever owns an answer to the packet that it quotes
 *
 * An address of IPv6 is its four words XORed (xored).
 *
 * Both sums are written so that BPF can do them in 32-bit arithmetic; src/io/steering-bpf.ts is the same text there.
 */

import type { Ipv6 } from '../wire/ipv6-address.ts'
import type { Partition } from './sa-pool.ts'

/** No worker: the lport's residue is not in use (three workers leave one of four residues free). */
export const NO_WORKER = -1

/** Of MurmurHash3's 32-bit finaliser (Appleby, public domain). */
export const MIX_1 = 0x85ebca6b | 0
export const MIX_2 = 0xc2b2ae35 | 0

/** 2^32 divided by the golden ratio, odd. */
export const GOLDEN = 0x9e3779b9 | 0

/** With it the client of the seed, 202.108.10.2:33896, is the fifth of seven workers', as in the seed's log. */
const SEED = 7

/** Every bit of the result depends on every bit of `x`. */
function mix(x: number): number {
  let h = x
  h = Math.imul(h ^ (h >>> 16), MIX_1)
  h = Math.imul(h ^ (h >>> 13), MIX_2)
  return h ^ (h >>> 16)
}

/** What an address of IPv6 is to it. */
export function xored(words: Ipv6 | Int32Array): number {
  return words[0] ^ words[1] ^ words[2] ^ words[3]
}

export class Steering {
  /** How many workers there are, and the number that enters the hash. */
  readonly workers: number
  readonly seed: number
  /** lport & mask is the number of its worker; the smallest 2^B - 1 that has room for all. */
  readonly mask: number

  /** `workers` is 1..256 (a TAP has at most 256 queues); any int32 for `seed`, the same on every worker. */
  constructor(workers: number, seed = SEED) {
    this.workers = workers
    this.seed = seed | 0
    this.mask = 2 ** (32 - Math.clz32(workers - 1)) - 1
  }

  /**
   * => The worker of a client's address (int32) and port. The address is mixed; the port then walks in golden steps
   * (Knuth, TAOCP 6.4), which spreads the neighbouring ports that a client's kernel hands out more evenly than
   * chance would: of 50 connections each of two workers gets 23 to 27, and 498 to 502 of 1000.
   * Nothing here is secret: whoever chooses his ports can bring them all to one worker.
   */
  clientWorker(saddr: number, sport: number): number {
    const hash = (mix(saddr ^ this.seed) + Math.imul(sport, GOLDEN)) | 0
    return ((hash >>> 16) * this.workers) >>> 16
  }

  /** => The worker that owns the lport, or NO_WORKER. */
  lportWorker(lport: number): number {
    const residue = lport & this.mask
    return residue < this.workers ? residue : NO_WORKER
  }

  /** The lports of a worker. */
  lportPartition(worker: number): Partition {
    return { mask: this.mask, residue: worker }
  }
}
