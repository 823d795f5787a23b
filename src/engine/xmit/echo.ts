/**
 * A ping by SNAT: addresses and identifier become those of the other tuple, over either family, and sequence number and data stay
 * (RFC 5508 3.1). The checksum of ICMPv6 has the addresses in it too (RFC 4443 2.3).
 */

import { adjust, diff16, diff32 } from '../../wire/checksum.ts'
import { ICMP } from '../../wire/icmp.ts'
import { IPV4 } from '../../wire/ipv4.ts'
import { VNET } from '../../wire/vnet-hdr.ts'
import { KEY, RECORD, TUPLE } from '../conn-layout.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { Addresses6 } from './addresses6.ts'
import { decrementHops, decrementTtl } from './ip.ts'

const { SADDR, DADDR, PORTS } = TUPLE
const { peer: peerOf } = RECORD

export class EchoRewrite {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #addresses6: Addresses6
  readonly #decrementsTtl: boolean

  constructor(parts: Parts, decrementsTtl: boolean) {
    this.#frames = parts.frames
    this.#cells = parts.table.cells
    this.#addresses6 = new Addresses6(parts)
    this.#decrementsTtl = decrementsTtl
  }

  /** The packet of tuple t. */
  rewrite(p: Parsed, t: number): void {
    const { pkt } = this.#frames
    const { ip, l4 } = p
    const isSix = p.key >= KEY.IPV6
    const addresses = isSix ? this.#addresses6.translate(pkt, ip, t) : this.#rewrite4(p, t)
    restoreEcho(pkt, l4, this.#cells[peerOf(t) | PORTS], t, isSix ? addresses : 0)
    // A reply of nothing but zeroes adds up to 0 and not to 0xffff, of which RFC 1624 3 thinks; of any other 0xffff is as good.
    if (pkt.getUint16(l4 + ICMP.CHECKSUM) === 0) pkt.setUint16(l4 + ICMP.CHECKSUM, 0xffff)
    // What its device has said of a checksum was of the one before.
    pkt.setUint8(p.eth - VNET.BYTES + VNET.FLAGS, 0)
    if (!this.#decrementsTtl) return
    if (isSix) decrementHops(pkt, p)
    else decrementTtl(pkt, ip)
  }

  #rewrite4({ ip, saddr, daddr }: Parsed, t: number): number {
    const { pkt } = this.#frames
    const cells = this.#cells
    const peer = peerOf(t)
    const src = cells[peer | DADDR]
    const dst = cells[peer | SADDR]
    const addresses = diff32(saddr, src) + diff32(daddr, dst)
    adjust(pkt, ip + IPV4.CHECKSUM, addresses)
    pkt.setInt32(ip + IPV4.SRC, src)
    pkt.setInt32(ip + IPV4.DST, dst)
    return addresses
  }
}

/**
 * The echo at `l4`, of tuple t or quoted in an error of it, gets its identifier out of the ports of the other tuple; `addresses` is what its
 * checksum follows too.
 */
export function restoreEcho(
  pkt: DataView,
  l4: number,
  ports: number,
  t: number,
  addresses: number,
): void {
  // Of the host inside it is the source port, of ours the destination port of a reply.
  const id = (t & 1) === 1 ? ports >>> 16 : ports & 0xffff
  adjust(pkt, l4 + ICMP.CHECKSUM, addresses + diff16(pkt.getUint16(l4 + ICMP.ID), id))
  pkt.setUint16(l4 + ICMP.ID, id)
}
