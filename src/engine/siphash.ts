/**
 * SipHash-2-4 (Aumasson, Bernstein 2012): a hash that nobody foresees who has not its key. On 32-bit halves, because the
 * engine knows no BigInt; its published test vectors are in the tests.
 */

export class SipHash {
  /** v0..v3 as (high, low) pairs. */
  readonly #v = new Int32Array(8)
  readonly #key: Int32Array

  /** `key` is four random int32: the 128-bit key as k0 low, k0 high, k1 low, k1 high. */
  constructor(key: Int32Array) {
    this.#key = key
  }

  /** Of three int32, 12 bytes: low 32 bits. */
  of(a: number, b: number, c: number): number {
    this.#init()
    this.#word(b, a, 2)
    this.#word(12 << 24, c, 2) // the last word carries the length in its top byte
    return this.#finish(4)
  }

  /** Of four int32, 16 bytes: low 32 bits. */
  ofFour(a: number, b: number, c: number, d: number): number {
    this.#init()
    this.#word(b, a, 2)
    this.#word(d, c, 2)
    this.#word(16 << 24, 0, 2)
    return this.#finish(4)
  }

  /** SipHash-1-3 of one int32, low 32 bits: cheaper, and still well spread. */
  short(a: number): number {
    this.#init()
    this.#word(4 << 24, a, 1)
    return this.#finish(3)
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
      this.#word(hi, lo, 2)
    }
    return this.#finish(4)
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

  #word(hi: number, lo: number, rounds: number): void {
    const v = this.#v
    v[6] ^= hi
    v[7] ^= lo
    this.#rounds(rounds)
    v[0] ^= hi
    v[1] ^= lo
  }

  #finish(rounds: number): number {
    const v = this.#v
    v[5] ^= 0xff
    this.#rounds(rounds)
    return v[1] ^ v[3] ^ v[5] ^ v[7]
  }

  /**
   * SipRounds on halves in local variables, h high and l low: a sum carries when its low half is below an addend.
   * Spelt out a number takes 155 ns, with a function for each step it took 230.
   */
  #rounds(count: number): void {
    const v = this.#v
    let h0 = v[0]
    let l0 = v[1]
    let h1 = v[2]
    let l1 = v[3]
    let h2 = v[4]
    let l2 = v[5]
    let h3 = v[6]
    let l3 = v[7]
    let t = 0
    for (let i = 0; i < count; i++) {
      // v0 += v1; v1 <<<= 13; v1 ^= v0; v0 <<<= 32
      l0 = (l0 + l1) | 0
      h0 = (h0 + h1 + (l0 >>> 0 < l1 >>> 0 ? 1 : 0)) | 0
      t = (h1 << 13) | (l1 >>> 19)
      l1 = ((l1 << 13) | (h1 >>> 19)) ^ l0
      h1 = t ^ h0
      t = h0
      h0 = l0
      l0 = t
      // v2 += v3; v3 <<<= 16; v3 ^= v2
      l2 = (l2 + l3) | 0
      h2 = (h2 + h3 + (l2 >>> 0 < l3 >>> 0 ? 1 : 0)) | 0
      t = (h3 << 16) | (l3 >>> 16)
      l3 = ((l3 << 16) | (h3 >>> 16)) ^ l2
      h3 = t ^ h2
      // v0 += v3; v3 <<<= 21; v3 ^= v0
      l0 = (l0 + l3) | 0
      h0 = (h0 + h3 + (l0 >>> 0 < l3 >>> 0 ? 1 : 0)) | 0
      t = (h3 << 21) | (l3 >>> 11)
      l3 = ((l3 << 21) | (h3 >>> 11)) ^ l0
      h3 = t ^ h0
      // v2 += v1; v1 <<<= 17; v1 ^= v2; v2 <<<= 32
      l2 = (l2 + l1) | 0
      h2 = (h2 + h1 + (l2 >>> 0 < l1 >>> 0 ? 1 : 0)) | 0
      t = (h1 << 17) | (l1 >>> 15)
      l1 = ((l1 << 17) | (h1 >>> 15)) ^ l2
      h1 = t ^ h2
      t = h2
      h2 = l2
      l2 = t
    }
    v[0] = h0
    v[1] = l0
    v[2] = h1
    v[3] = l1
    v[4] = h2
    v[5] = l2
    v[6] = h3
    v[7] = l3
  }
}
