/** Cookies that an appliance has given, brought back: what a client says to a SYN+ACK, mostly at once, sometimes much later. */

import type { Chance } from '../chance.ts'
import type { Making } from './others.ts'

const HEAD = 24
const IPV6 = 0x86dd
const SYN_ACK = 0x12
/** Answers that are kept; a new one takes any place. */
const KEPT = 64
const KEPT_BYTES = 160

/** Where TCP begins in a frame of headers alone; below 0 if it is none. */
function tcpAt(pkt: DataView, at: number): number {
  if (pkt.getUint16(at + 22) === IPV6)
    return pkt.getUint8(at + HEAD + 6) === 6 ? at + HEAD + 40 : -1
  return pkt.getUint8(at + HEAD) === 0x45 && pkt.getUint8(at + HEAD + 9) === 6 ? at + HEAD + 20 : -1
}

export class Cookies {
  readonly #frames: Uint8Array[] = []
  #next = 0

  get isEmpty(): boolean {
    return this.#frames.length === 0
  }

  /** The frame at `at` leaves towards clients. */
  left(pkt: DataView, at: number, length: number): void {
    if (length > KEPT_BYTES || length < HEAD + 40) return
    const tcp = tcpAt(pkt, at)
    if (tcp < 0 || tcp + 20 > at + length || pkt.getUint8(tcp + 13) !== SYN_ACK) return
    this.#frames[this.#next] = new Uint8Array(pkt.buffer, pkt.byteOffset + at, length).slice()
    this.#next = (this.#next + 1) % KEPT
  }

  /** The answer to one of them, with `payload` bytes. => false, and nothing made, if there is none */
  bring(made: Making, chance: Chance, payload: number): boolean {
    if (this.isEmpty) return false
    const frame = chance.pick(this.#frames)
    const { bytes, pkt } = made
    bytes.set(frame)
    const isSix = pkt.getUint16(22) === IPV6
    const tcp = tcpAt(pkt, 0)
    const [src, dst, size] = isSix ? [HEAD + 8, HEAD + 24, 16] : [HEAD + 12, HEAD + 16, 4]
    const from = bytes.slice(src, src + size)
    bytes.copyWithin(src, dst, dst + size)
    bytes.set(from, dst)
    made.head(pkt.getUint16(22))
    const ports = pkt.getInt32(tcp)
    const [cookie, seq] = [pkt.getInt32(tcp + 4), pkt.getInt32(tcp + 8)]
    const off = chance.once(20) ? 1 << chance.below(32) : 0
    pkt.setInt32(tcp, (ports << 16) | (ports >>> 16))
    pkt.setInt32(tcp + 4, seq)
    pkt.setInt32(tcp + 8, cookie + 1 + off)
    pkt.setUint16(tcp + 12, 0x5000 | (payload > 0 ? 0x18 : 0x10))
    pkt.setUint32(tcp + 14, 0xe500_0000)
    pkt.setUint16(tcp + 18, 0)
    bytes.fill(7, tcp + 20, tcp + 20 + payload)
    if (isSix) pkt.setUint16(HEAD + 4, 20 + payload)
    else pkt.setUint16(HEAD + 2, 40 + payload)
    pkt.setUint8(isSix ? HEAD + 7 : HEAD + 8, 64)
    made.length = tcp + 20 + payload
    return true
  }
}
