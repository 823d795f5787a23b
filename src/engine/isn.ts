/**
 * The sequence number that a connection starts with towards its RS: RFC 6528's shape, a keyed hash of the tuple
 * plus a clock. The clock matters as much as the hash: an lport comes back after seven seconds to an RS that
 * may hold it in TIME_WAIT for sixty, and takes the new SYN only if its number lies ahead of the old ones (RFC 6191).
 *
 * The hash is SipHash-2-4 (Aumasson, Bernstein 2012), on 32-bit halves because the engine knows no BigInt; its
 * published test vectors are in the tests.
 */

/** Chooses the first sequence number towards an RS. A transcript brings its own. */
export interface IsnSource {
  /** Addresses and the packed ports (RIP's in the high half) are int32; `now` is in ms. Returns an int32. */
  choose(lip: number, rip: number, ports: number, now: number): number
}

/** 64 ns units in a millisecond: DPVS's clock, which goes round in 274.9 s. */
const CLOCK_PER_MS = 15_625

export class KeyedIsn implements IsnSource {
  /** v0..v3 as (high, low) pairs. */
  readonly #v = new Int32Array(8)
  readonly #key: Int32Array

  /** `key` is four random int32: the 128-bit key as k0 low, k0 high, k1 low, k1 high. */
  constructor(key: Int32Array) {
    this.#key = key
  }

  choose(lip: number, rip: number, ports: number, now: number): number {
    this.#init()
    this.#word(rip, lip)
    this.#word(12 << 24, ports) // the last word carries the length, 12 bytes, in its top byte
    return (this.#finish() + Math.imul(now, CLOCK_PER_MS)) | 0
  }

  /** SipHash-2-4 of whole bytes, low 32 bits: what the published vectors are checked with. */
  hashBytes(bytes: Uint8Array): number {
    this.#init()
    for (let at = 0; at <= bytes.length; at += 8) {
      let lo = 0
      let hi = bytes.length - at < 8 ? (bytes.length & 255) << 24 : 0
      for (let i = 0; i < 8 && at + i < bytes.length; i++) {
        if (i < 4) lo |= bytes[at + i] << (8 * i)
        else hi |= bytes[at + i] << (8 * (i - 4))
      }
      this.#word(hi, lo)
    }
    return this.#finish()
  }

  #init(): void {
    const v = this.#v
    const k0l = this.#key[0]
    const k0h = this.#key[1]
    const k1l = this.#key[2]
    const k1h = this.#key[3]
    v[0] = k0h ^ 0x736f6d65
    v[1] = k0l ^ 0x70736575
    v[2] = k1h ^ 0x646f7261
    v[3] = k1l ^ 0x6e646f6d
    v[4] = k0h ^ 0x6c796765
    v[5] = k0l ^ 0x6e657261
    v[6] = k1h ^ 0x74656462
    v[7] = k1l ^ 0x79746573
  }

  #word(hi: number, lo: number): void {
    const v = this.#v
    v[6] ^= hi
    v[7] ^= lo
    this.#round()
    this.#round()
    v[0] ^= hi
    v[1] ^= lo
  }

  #finish(): number {
    const v = this.#v
    v[5] ^= 0xff
    for (let i = 0; i < 4; i++) this.#round()
    return v[1] ^ v[3] ^ v[5] ^ v[7]
  }

  #round(): void {
    const v = this.#v
    this.#add(0, 2)
    this.#rotl(2, 13)
    v[2] ^= v[0]
    v[3] ^= v[1]
    this.#swap(0)
    this.#add(4, 6)
    this.#rotl(6, 16)
    v[6] ^= v[4]
    v[7] ^= v[5]
    this.#add(0, 6)
    this.#rotl(6, 21)
    v[6] ^= v[0]
    v[7] ^= v[1]
    this.#add(4, 2)
    this.#rotl(2, 17)
    v[2] ^= v[4]
    v[3] ^= v[5]
    this.#swap(4)
  }

  #add(a: number, b: number): void {
    const v = this.#v
    const lo = (v[a + 1] >>> 0) + (v[b + 1] >>> 0)
    v[a] = v[a] + v[b] + (lo > 0xffffffff ? 1 : 0)
    v[a + 1] = lo
  }

  #rotl(a: number, bits: number): void {
    const v = this.#v
    const hi = v[a]
    const lo = v[a + 1]
    v[a] = (hi << bits) | (lo >>> (32 - bits))
    v[a + 1] = (lo << bits) | (hi >>> (32 - bits))
  }

  /** Rotation by 32 bits. */
  #swap(a: number): void {
    const v = this.#v
    const hi = v[a]
    v[a] = v[a + 1]
    v[a + 1] = hi
  }
}
