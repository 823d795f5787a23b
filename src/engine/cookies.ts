/**
 * The number that a client's SYN is answered with where nothing is to be kept of it (semantics 2.8): whoever brings it back has the
 * address that it says, and the number itself says what its SYN said.
 *
 *   cookie   hash of the tuple + client's ISN + minute << 24 + (hash of tuple and minute + data) mod 2^24
 *   data     SACK << 21 | scale of the client's windows << 16 | place in MSS_TABLE << 12
 *
 * The hashes are SipHash, of keys that come of the one that all workers share and one daemon leaves to the next: a client may bring its
 * cookie to another one than gave it. Of 2^32 numbers 1280 pass as cookies of a tuple at any time.
 */

import { KEY } from './conn-layout.ts'
import type { LongClock } from './long-clock.ts'
import type { Parsed } from './parsed.ts'
import { SipHash } from './siphash.ts'
import type { Templates } from './templates.ts'

/** What an MSS is rounded down to. */
export const MSS_TABLE = [64, 256, 512, 536, 1024, 1280, 1440, 1452, 1460, 4312] as const
/** Of a client that has said none (RFC 9293 3.7.1). */
export const MSS_UNSAID = 536

const MINUTE_MS = 60_000
/** Minutes that a cookie is good for, the one in which it was given included. */
const MINUTES = 4
/** ms behind which no cookie is good any more. */
export const COOKIE_MS = MINUTES * MINUTE_MS

const MINUTE_SHIFT = 24
const LOW = (1 << MINUTE_SHIFT) - 1
const [MSS_SHIFT, SCALE_SHIFT, SACK_SHIFT] = [12, 16, 21]
/** Bits of data that are always 0: the reference's for timestamps, which no client is offered, among them. */
const NEVER = LOW & ~((1 << SACK_SHIFT) | (0xff << MSS_SHIFT))
/** Four int32 of a key each: for the tuple, for the tuple and a minute, and for addresses of IPv6. */
const KEYS = 3

/** No cookie. */
export const NO_DATA = -1

export const COOKIE_DATA = {
  of: (sack: number, scale: number, mss: number): number =>
    (sack << SACK_SHIFT) | (scale << SCALE_SHIFT) | (placeOfMss(mss) << MSS_SHIFT),
  sack: (data: number): number => data >>> SACK_SHIFT,
  /** Of the client's windows, or NO_SCALE. */
  scale: (data: number): number => (data >>> SCALE_SHIFT) & 15,
  /** Place in MSS_TABLE. */
  mss: (data: number): number => (data >>> MSS_SHIFT) & 15,
} as const

/** Place of the largest entry that is no larger; of what is smaller than all that of the smallest. */
export function placeOfMss(mss: number): number {
  let place = MSS_TABLE.length - 1
  while (place > 0 && MSS_TABLE[place] > mss) place--
  return place
}

export class Cookies {
  readonly #templates: Templates
  readonly #long: LongClock
  readonly #keys = Array.from({ length: KEYS }, () => new Int32Array(4))
  readonly #tuple = new SipHash(this.#keys[0])
  readonly #minute = new SipHash(this.#keys[1])
  readonly #address = new SipHash(this.#keys[2])
  #isKeyed = false

  constructor(templates: Templates, long: LongClock) {
    this.#templates = templates
    this.#long = long
  }

  /** The key that all share has become another. */
  renew(): void {
    this.#isKeyed = false
  }

  /** The cookie for a SYN of p with sequence number `isn`, to a service that all workers know by `vipKey`. */
  give(p: Parsed, vipKey: number, isn: number, data: number): number {
    if (!this.#isKeyed) this.#key()
    const minute = this.#now()
    const client = this.#clientOf(p)
    const low = (this.#minute.ofFour(client, vipKey, p.ports, minute) + data) & LOW
    const base = this.#tuple.of(client, vipKey, p.ports) + isn
    return (base + (minute << MINUTE_SHIFT) + low) | 0
  }

  /** What was said in the SYN with `isn` for which `cookie` was given, or NO_DATA if that was none of late. */
  take(p: Parsed, vipKey: number, isn: number, cookie: number): number {
    if (!this.#isKeyed) this.#key()
    const client = this.#clientOf(p)
    const rest = (cookie - this.#tuple.of(client, vipKey, p.ports) - isn) | 0
    const now = this.#now()
    const age = (now - (rest >>> MINUTE_SHIFT)) & 0xff
    if (age >= MINUTES) return NO_DATA
    const data = (rest - this.#minute.ofFour(client, vipKey, p.ports, now - age)) & LOW
    if ((data & NEVER) !== 0 || COOKIE_DATA.mss(data) >= MSS_TABLE.length) return NO_DATA
    return data
  }

  #now(): number {
    return Math.floor(this.#long.ms / MINUTE_MS) | 0
  }

  #clientOf({ key, saddr, source }: Parsed): number {
    if (key < KEY.IPV6) return saddr
    return this.#address.ofFour(source[0], source[1], source[2], source[3])
  }

  #key(): void {
    this.#isKeyed = true
    for (const [place, key] of this.#keys.entries())
      for (let i = 0; i < key.length; i++) key[i] = this.#templates.derive(place, i)
  }
}
