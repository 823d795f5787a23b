/** The segments of segments.ts over IPv6. An address is the word that it has there behind 2001:db8::/96, so that all else is the same. */

import type { Frames } from '../../src/engine/frames.ts'
import { adjust, adjustPartial, diff32 } from '../../src/wire/checksum.ts'
import { ETH, ETHERTYPE, writeEthernet } from '../../src/wire/ethernet.ts'
import { PROTO } from '../../src/wire/ipv4.ts'
import { IPV6, pseudoSum6, writeIpv6 } from '../../src/wire/ipv6.ts'
import { ipv6Text } from '../../src/wire/ipv6-address.ts'
import { TCP } from '../../src/wire/tcp.ts'
import { VNET } from '../../src/wire/vnet-hdr.ts'
import { moved, type SegmentFields, type Stamp, segmentBytes, sumUp, writeTcp } from './segments.ts'

const NET = 0x2001_0db8
const IP = VNET.BYTES + ETH.HEADER
const L4 = IP + IPV6.HEADER
const LAST_WORD = 12

export function sixText(word: number): string {
  return ipv6Text([NET, 0, 0, word | 0])
}

export class Segment6 implements Stamp {
  readonly #bytes: Uint8Array
  readonly #partial: boolean
  readonly #arena: Uint8Array
  readonly #frames: Frames

  constructor(frames: Frames, fields: SegmentFields) {
    const l4Bytes = segmentBytes(fields)
    this.#bytes = new Uint8Array(L4 + l4Bytes)
    this.#partial = fields.partial
    this.#frames = frames
    this.#arena = new Uint8Array(frames.pkt.buffer)
    const view = new DataView(this.#bytes.buffer)
    const [toHi, toLo] = fields.to
    const [fromHi, fromLo] = fields.from
    writeEthernet(view, VNET.BYTES, toHi, toLo, fromHi, fromLo, ETHERTYPE.IPV6)
    writeIpv6(view, IP, PROTO.TCP, l4Bytes, 64)
    view.setInt32(IP + IPV6.SRC, NET)
    view.setInt32(IP + IPV6.DST, NET)
    writeTcp(this.#bytes, L4, fields)
    sumUp(view, L4, pseudoSum6(view, IP, PROTO.TCP, l4Bytes), fields.partial)
  }

  stamp(slot: number, src: number, dst: number, ports: number, seq = 0, ack = 0): void {
    const { pkt, start, length } = this.#frames
    const at = start[slot]
    this.#arena.set(this.#bytes, at)
    length[slot] = this.#bytes.length
    pkt.setInt32(at + IP + IPV6.SRC + LAST_WORD, src)
    pkt.setInt32(at + IP + IPV6.DST + LAST_WORD, dst)
    pkt.setInt32(at + L4 + TCP.SPORT, ports)
    const addresses = diff32(0, src) + diff32(0, dst)
    const numbers = moved(pkt, at + L4 + TCP.SEQ, seq) + moved(pkt, at + L4 + TCP.ACK, ack)
    if (this.#partial) adjustPartial(pkt, at + L4 + TCP.CHECKSUM, addresses)
    else adjust(pkt, at + L4 + TCP.CHECKSUM, addresses + diff32(0, ports) + numbers)
  }
}
