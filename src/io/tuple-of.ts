/**
 * Which connection a frame in a slot is of, for who looks on: the engine is not asked what it made of the headers, so that it need
 * not keep it. TCP, UDP and pings have their own tuple, an ICMP error that of an answer to what it quotes (engine/parsed.ts).
 */

import { KEY } from '../engine/conn-layout.ts'
import { answerPorts, echoPorts, isEchoRequest, quotedKey } from '../engine/echo-tuple.ts'
import type { Engine } from '../engine/engine.ts'
import { Kind, Parsed } from '../engine/parsed.ts'
import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { ICMP, isEcho, isIcmpError, QUOTED_BYTES } from '../wire/icmp.ts'
import { isEcho6 } from '../wire/icmpv6.ts'
import { headerLength, IP_OFFSET_BITS, IPV4, PROTO } from '../wire/ipv4.ts'
import { Located } from '../wire/locate.ts'
import { TCP } from '../wire/tcp.ts'
import { VNET } from '../wire/vnet-hdr.ts'

const NO_TUPLE = -1
/** What an echo is in the direction that says so: no tuple of another one may stand for it. */
const [ANY, REQUEST, REPLY] = [-1, 0, 1]

export class TupleOf {
  readonly #engine: Engine
  readonly #headers = new Located()
  #key = 0
  #saddr = 0
  #daddr = 0
  #ports = 0
  #isSix = false
  #direction = ANY
  readonly #parsed = new Parsed()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** => whether the frame in `slot` has a tuple */
  read(slot: number): boolean {
    const { pkt, start, length } = this.#engine.frames
    this.#direction = ANY
    this.#isSix = pkt.getUint16(start[slot] + VNET.BYTES + ETH.TYPE) === ETHERTYPE.IPV6
    if (this.#isSix) return this.#readSix(slot)
    const end = start[slot] + length[slot]
    const headers = this.#headers
    if (!headers.find(pkt, start[slot] + VNET.BYTES, end)) return false
    const { l3, l4, protocol, fragment } = headers
    // Whose a fragment is, is known of the whole only.
    if (l4 + TCP.SEQ > end || fragment !== 0) return false
    this.#saddr = pkt.getInt32(l3 + IPV4.SRC)
    this.#daddr = pkt.getInt32(l3 + IPV4.DST)
    if (protocol === PROTO.ICMP && isEcho(pkt.getUint8(l4 + ICMP.TYPE))) {
      if (l4 + ICMP.HEADER > end) return false
      this.#key = KEY.ICMP
      this.#ports = this.#readEcho(pkt, l4)
      return true
    }
    if (protocol === PROTO.ICMP) return this.#readQuote(pkt, l4, end)
    this.#key = quotedKey(protocol, PROTO.ICMP, 0)
    this.#ports = pkt.getInt32(l4)
    return this.#key >= 0
  }

  #readSix(slot: number): boolean {
    const { frames, parsed6 } = this.#engine
    const p = this.#parsed
    p.eth = frames.start[slot] + VNET.BYTES
    const kind = parsed6.decode(p, slot)
    if (kind !== Kind.ICMPV6) return kind >= Kind.TCP
    if (p.ipTotal - p.ipHeader < ICMP.HEADER) return false
    if (!isEcho6(frames.pkt.getUint8(p.l4))) return false
    p.key = KEY.ICMP | KEY.IPV6
    p.ports = this.#readEcho(frames.pkt, p.l4)
    return true
  }

  /** => its ports */
  #readEcho(pkt: DataView, l4: number): number {
    this.#direction = isEchoRequest(pkt, l4) ? REQUEST : REPLY
    return echoPorts(pkt, l4)
  }

  #readQuote(pkt: DataView, l4: number, end: number): boolean {
    const quote = l4 + ICMP.HEADER
    if (quote + IPV4.HEADER > end) return false
    if (!isIcmpError(pkt.getUint8(l4 + ICMP.TYPE))) return false
    const inside = quote + headerLength(pkt, quote)
    if (inside + QUOTED_BYTES > end) return false
    const protocol = pkt.getUint8(quote + IPV4.PROTOCOL)
    this.#key = quotedKey(protocol, PROTO.ICMP, pkt.getUint8(inside))
    if (this.#key < 0) return false
    if ((pkt.getUint16(quote + IPV4.FRAGMENT) & IP_OFFSET_BITS) !== 0) return false
    this.#saddr = pkt.getInt32(quote + IPV4.DST)
    this.#ports = answerPorts(pkt, inside, this.#key)
    return true
  }

  /** => the tuple's number, or less than 0 */
  find(): number {
    const { index } = this.#engine.conns.table
    const t = this.#isSix
      ? index.of(this.#parsed)
      : index.find(this.#key, this.#saddr, this.#daddr, this.#ports)
    return this.#direction === ANY || t < 0 || (t & 1) === this.#direction ? t : NO_TUPLE
  }
}
