/** What plain.ts does, over IPv6: there is no checksum of the header, and every datagram has one (RFC 8200 8.1). */

import { adjusted, diff32, fold } from '../../wire/checksum.ts'
import { TCP } from '../../wire/tcp.ts'
import { UDP, udpSum } from '../../wire/udp.ts'
import { KEY, PROTOCOL_BITS, RECORD, TUPLE } from '../conn-layout.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { Addresses6 } from './addresses6.ts'
import { decrementHops, settleHdrLen } from './ip.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { PORTS } = TUPLE
const { peer: peerOf } = RECORD
const { TCP: KEY_TCP } = KEY
const PROTOCOL = PROTOCOL_BITS
const { SPORT, CHECKSUM: TCP_CHECKSUM } = TCP
const { CHECKSUM: UDP_CHECKSUM } = UDP

export class PlainRewrite6 {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #addresses: Addresses6
  readonly #decrementsTtl: boolean

  constructor(parts: Parts, decrementsTtl: boolean) {
    this.#frames = parts.frames
    this.#cells = parts.table.cells
    this.#addresses = new Addresses6(parts)
    this.#decrementsTtl = decrementsTtl
  }

  /** The packet of tuple t. */
  rewrite(p: Parsed, t: number): void {
    const { pkt } = this.#frames
    const { ip, l4, partial } = p
    const isTcp = (p.key & PROTOCOL) === KEY_TCP
    const turned = this.#cells[peerOf(t) | PORTS]
    const ports = (turned << 16) | (turned >>> 16)
    const addresses = this.#addresses.translate(pkt, ip, t)
    const at = l4 + (isTcp ? TCP_CHECKSUM : UDP_CHECKSUM)
    const field = pkt.getUint16(at)
    pkt.setInt32(l4 + SPORT, ports)
    if (partial === 1) pkt.setUint16(at, fold(field + addresses))
    else {
      const sum = adjusted(field, addresses + diff32(p.ports, ports)) & 0xffff
      pkt.setUint16(at, isTcp ? sum : udpSum(sum))
    }
    if (this.#decrementsTtl) decrementHops(pkt, p)
    if (isTcp && p.gsoSize !== 0) settleHdrLen(pkt, p)
  }
}
