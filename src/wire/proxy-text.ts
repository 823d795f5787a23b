/** A header of the PROXY protocol in the words of the other version. */

import { PROXY_V1, type ProxyWriter, V2, V2_COMMAND, V2_KIND, versionAt } from './proxy.ts'

const [BLANK, DOT, COLON, CR] = [0x20, 0x2e, 0x3a, 0x0d]
/** Behind `PROXY TCP4 `. */
const ENDS = 11
/** Offset of the 4 or 6 in it. */
const FAMILY = 9
const UNKNOWN = 0x55
const TWO_COLONS = 0x3a3a

export class ProxyTranslator {
  readonly #writer: ProxyWriter
  /** Where the next word begins; -1 behind one that is none. */
  #at = 0
  /** Source and destination as they were read. */
  readonly #words = new Int32Array(8)
  readonly #groups = new Uint16Array(8)
  /** Groups that were read, and how many there were in front of `::`; -1 while there was none. */
  #count = 0
  #gap = -1

  constructor(writer: ProxyWriter) {
    this.#writer = writer
  }

  /** Writes what the whole header of `bytes` bytes at `at` says as one of the other version. => false if it makes no sense */
  translate(pkt: DataView, at: number, bytes: number): boolean {
    return versionAt(pkt, at, bytes) === PROXY_V1 ? this.#toV2(pkt, at) : this.#toV1(pkt, at)
  }

  #toV1(pkt: DataView, at: number): boolean {
    const kind = pkt.getUint8(at + 13)
    const ends = at + V2.HEADER
    if (pkt.getUint8(at + 12) === V2_COMMAND.LOCAL) this.#writer.v1Unknown()
    else if (kind === V2_KIND.TCP4)
      this.#writer.v1(pkt.getInt32(ends), pkt.getInt32(ends + 4), pkt.getInt32(ends + 8))
    else if (kind === V2_KIND.TCP6)
      this.#writer.v1Wide(pkt, ends, ends + 16, pkt.getInt32(ends + 32))
    else this.#writer.v1Unknown()
    return true
  }

  #toV2(pkt: DataView, at: number): boolean {
    if (pkt.getUint8(at + 6) === UNKNOWN) {
      this.#writer.v2Unknown()
      return true
    }
    this.#at = at + ENDS
    const isWide = pkt.getUint8(at + FAMILY) === 0x36
    const words = this.#words
    if (isWide) {
      this.#wide(pkt, 0)
      this.#wide(pkt, 4)
    } else {
      words[0] = this.#dotted(pkt, BLANK)
      words[1] = this.#dotted(pkt, BLANK)
    }
    const sport = this.#decimal(pkt, BLANK, 0xffff)
    const dport = this.#decimal(pkt, CR, 0xffff)
    if (this.#at < 0) return false
    const ports = (sport << 16) | dport
    if (isWide) this.#writer.v2Wide(V2_KIND.TCP6, words, ports)
    else this.#writer.v2(V2_KIND.TCP4, words[0], words[1], ports)
    return true
  }

  #fail(): number {
    this.#at = -1
    return 0
  }

  /** A number up to `most`, behind which there is `end`. */
  #decimal(pkt: DataView, end: number, most: number): number {
    if (this.#at < 0) return 0
    let value = 0
    let digits = 0
    for (; digits < 6; digits++) {
      const digit = pkt.getUint8(this.#at + digits) - 0x30
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    if (digits === 0 || value > most || pkt.getUint8(this.#at + digits) !== end) return this.#fail()
    this.#at += digits + 1
    return value
  }

  #dotted(pkt: DataView, end: number): number {
    let address = 0
    for (let i = 0; i < 4; i++)
      address = (address << 8) | this.#decimal(pkt, i < 3 ? DOT : end, 255)
    return address
  }

  /** An address of IPv6 into four of the words from `word` on (RFC 4291 2.2). */
  #wide(pkt: DataView, word: number): void {
    const groups = this.#groups
    groups.fill(0)
    this.#count = 0
    this.#gap = -1
    if (this.#at >= 0 && pkt.getUint16(this.#at) === TWO_COLONS) {
      this.#gap = 0
      this.#at += 2
    }
    let more = this.#at >= 0
    while (more) more = this.#group(pkt) && this.#at >= 0
    const [count, gap] = [this.#count, this.#gap]
    if (gap < 0 ? count !== 8 : count > 7) this.#fail()
    if (this.#at < 0) return
    if (gap >= 0) {
      groups.copyWithin(8 - (count - gap), gap, count)
      groups.fill(0, gap, 8 - (count - gap))
    }
    for (let i = 0; i < 4; i++) this.#words[word + i] = (groups[2 * i] << 16) | groups[2 * i + 1]
  }

  /** One group, or the two that are dotted, or the end behind a gap. => Others follow */
  #group(pkt: DataView): boolean {
    if (pkt.getUint8(this.#at) === BLANK && this.#gap === this.#count) {
      this.#at++
      return false
    }
    if (this.#isDotted(pkt)) {
      const address = this.#count <= 6 ? this.#dotted(pkt, BLANK) : this.#fail()
      this.#groups[this.#count++] = address >>> 16
      this.#groups[this.#count++] = address
      return false
    }
    if (this.#count === 8) this.#fail()
    const value = this.#hex(pkt)
    if (this.#at < 0) return false
    this.#groups[this.#count++] = value
    const next = pkt.getUint8(this.#at++)
    if (next !== COLON) {
      if (next !== BLANK) this.#fail()
      return false
    }
    if (pkt.getUint8(this.#at) !== COLON) return true
    if (this.#gap >= 0) this.#fail()
    this.#gap = this.#count
    if (this.#at >= 0) this.#at++
    return true
  }

  /** What begins here is a number with a dot behind it. */
  #isDotted(pkt: DataView): boolean {
    for (let i = 0; i < 4; i++) {
      const letter = pkt.getUint8(this.#at + i)
      if (letter === DOT) return i > 0
      if (letter < 0x30 || letter > 0x39) return false
    }
    return false
  }

  #hex(pkt: DataView): number {
    if (this.#at < 0) return 0
    let value = 0
    let digits = 0
    for (; digits < 4; digits++) {
      const letter = pkt.getUint8(this.#at + digits)
      const lower = letter | 0x20
      if (letter >= 0x30 && letter <= 0x39) value = (value << 4) | (letter - 0x30)
      else if (lower >= 0x61 && lower <= 0x66) value = (value << 4) | (lower - 0x57)
      else break
    }
    if (digits === 0) return this.#fail()
    this.#at += digits
    return value
  }
}
