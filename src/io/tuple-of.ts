/**
 * Which connection a frame in a slot is of, for who looks on: the engine is not asked what it made of the headers, so that it need
 * not keep it. TCP and UDP have their own tuple, an ICMP error that of an answer to what it quotes (engine/parsed.ts).
 */

import { KEY } from '../engine/conn-layout.ts'
import type { Engine } from '../engine/engine.ts'
import { Kind, Parsed } from '../engine/parsed.ts'
import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { ICMP, isIcmpError, QUOTED_BYTES } from '../wire/icmp.ts'
import { headerLength, IP_OFFSET_BITS, IPV4, PROTO } from '../wire/ipv4.ts'
import { Located } from '../wire/locate.ts'
import { TCP } from '../wire/tcp.ts'
import { VNET } from '../wire/vnet-hdr.ts'

const NO_KEY = -1

function keyOf(protocol: number): number {
  return protocol === PROTO.TCP ? KEY.TCP : protocol === PROTO.UDP ? KEY.UDP : NO_KEY
}

export class TupleOf {
  readonly #engine: Engine
  readonly #headers = new Located()
  #key = 0
  #saddr = 0
  #daddr = 0
  #ports = 0
  #isSix = false
  readonly #parsed = new Parsed()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** => whether the frame in `slot` has a tuple */
  read(slot: number): boolean {
    const { pkt, start, length } = this.#engine.frames
    this.#isSix = pkt.getUint16(start[slot] + VNET.BYTES + ETH.TYPE) === ETHERTYPE.IPV6
    if (this.#isSix) {
      this.#parsed.eth = start[slot] + VNET.BYTES
      return this.#engine.parsed6.decode(this.#parsed, slot) >= Kind.TCP
    }
    const end = start[slot] + length[slot]
    const headers = this.#headers
    if (!headers.find(pkt, start[slot] + VNET.BYTES, end)) return false
    const { l3, l4, protocol, fragment } = headers
    if (protocol === PROTO.ICMP) return this.#readQuote(pkt, l3, l4, end)
    this.#key = keyOf(protocol)
    // Whose a fragment is, is known of the whole only.
    if (this.#key === NO_KEY || l4 + TCP.SEQ > end || fragment !== 0) return false
    this.#saddr = pkt.getInt32(l3 + IPV4.SRC)
    this.#daddr = pkt.getInt32(l3 + IPV4.DST)
    this.#ports = pkt.getInt32(l4)
    return true
  }

  #readQuote(pkt: DataView, l3: number, l4: number, end: number): boolean {
    const quote = l4 + ICMP.HEADER
    if (quote + IPV4.HEADER > end) return false
    const type = pkt.getUint8(l4 + ICMP.TYPE)
    if (!isIcmpError(type)) return false
    const inside = quote + headerLength(pkt, quote)
    this.#key = keyOf(pkt.getUint8(quote + IPV4.PROTOCOL))
    if (this.#key === NO_KEY || inside + QUOTED_BYTES > end) return false
    if ((pkt.getUint16(quote + IPV4.FRAGMENT) & IP_OFFSET_BITS) !== 0) return false
    const ports = pkt.getInt32(inside)
    this.#saddr = pkt.getInt32(quote + IPV4.DST)
    this.#daddr = pkt.getInt32(l3 + IPV4.DST)
    this.#ports = (ports << 16) | (ports >>> 16)
    return true
  }

  /** => the tuple's number, or less than 0 */
  find(): number {
    const { index } = this.#engine.conns.table
    if (this.#isSix) return index.of(this.#parsed)
    return index.find(this.#key, this.#saddr, this.#daddr, this.#ports)
  }
}
