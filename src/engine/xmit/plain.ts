/**
 * Addresses and ports become the mirror of the other tuple, and nothing else is touched: of TCP and UDP over IPv4, where nobody is to be
 * told of anybody. Checksums are adjusted by differences; a datagram without one leaves without one (RFC 3022 4.1).
 */

import { adjusted, diff32, fold } from '../../wire/checksum.ts'
import { IPV4 } from '../../wire/ipv4.ts'
import { TCP } from '../../wire/tcp.ts'
import { UDP, udpSum } from '../../wire/udp.ts'
import { KEY, RECORD, TUPLE } from '../conn-layout.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { decrementTtl, settleHdrLen } from './ip.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { SADDR, DADDR, PORTS } = TUPLE
const { peer: peerOf } = RECORD
const { TCP: KEY_TCP } = KEY
const { CHECKSUM: IP_CHECKSUM, SRC: IP_SRC, DST: IP_DST } = IPV4
const { SPORT, CHECKSUM: TCP_CHECKSUM } = TCP
const { CHECKSUM: UDP_CHECKSUM } = UDP

export class PlainRewrite {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #decrementsTtl: boolean

  constructor({ frames, table }: Parts, decrementsTtl: boolean) {
    this.#frames = frames
    this.#cells = table.cells
    this.#decrementsTtl = decrementsTtl
  }

  /** The packet of tuple t. */
  rewrite(p: Parsed, t: number): void {
    const { pkt } = this.#frames
    const cells = this.#cells
    const { ip, l4, partial } = p
    const isTcp = p.key === KEY_TCP
    const peer = peerOf(t)
    const src = cells[peer | DADDR]
    const dst = cells[peer | SADDR]
    const turned = cells[peer | PORTS]
    const ports = (turned << 16) | (turned >>> 16)
    const addresses = diff32(p.saddr, src) + diff32(p.daddr, dst)
    const ipSum = adjusted(pkt.getUint16(ip + IP_CHECKSUM), addresses)
    const at = l4 + (isTcp ? TCP_CHECKSUM : UDP_CHECKSUM)
    const field = pkt.getUint16(at)
    const sum =
      partial === 1
        ? fold(field + addresses)
        : adjusted(field, addresses + diff32(p.ports, ports)) & 0xffff
    pkt.setUint16(ip + IP_CHECKSUM, ipSum)
    pkt.setInt32(ip + IP_SRC, src)
    pkt.setInt32(ip + IP_DST, dst)
    pkt.setInt32(l4 + SPORT, ports)
    if (isTcp || partial === 1) pkt.setUint16(at, sum)
    else if (field !== 0) pkt.setUint16(at, udpSum(sum))
    if (this.#decrementsTtl) decrementTtl(pkt, ip)
    if (isTcp && p.gsoSize !== 0) settleHdrLen(pkt, p)
  }
}
