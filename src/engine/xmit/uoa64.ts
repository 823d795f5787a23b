/**
 * UOA with a client's address of IPv6 for an RS that speaks IPv4: the client's family says which form it has (semantics 4.2), that of the
 * packet what is around it. It is in a header of its own; an option of IPv4 has room for it, but no RS reads it there.
 */

import { adjust, diff16 } from '../../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { IPV4, writeHeaderChecksum, writeIpv4 } from '../../wire/ipv4.ts'
import { UDP } from '../../wire/udp.ts'
import { UOA } from '../../wire/uoa.ts'
import { clearVnetHdr, VNET } from '../../wire/vnet-hdr.ts'
import { CELL, RECORD } from '../conn-layout.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { moveHeaders } from './ip.ts'
import { OPP6_BYTES, writeOpp6 } from './uoa6.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { HEADER: IP_HEADER, TOTAL_LENGTH, FRAGMENT, TTL, CHECKSUM: IP_CHECKSUM } = IPV4
const { HEADER: UDP_HEADER, CHECKSUM: UDP_CHECKSUM, LENGTH: UDP_LENGTH } = UDP
const { PROTOCOL } = UOA
const OPP_BYTES = OPP6_BYTES
const { CLIENT_PORTS, RS_PORTS, RIP, LIP } = CELL
const { at: recordAt, column: columnAt } = RECORD

/** The datagram, which has its header of IPv4 and leaves on an arm of this MTU, has room for it; `came` is as Frames.fragment. */
export function hasRoomForUoa64(p: Parsed, came: number, mtu: number): boolean {
  return p.gsoSize === 0 && came === 0 && p.ipTotal + OPP_BYTES <= mtu
}

/** As insertUoa6() of uoa6.ts; behind it the checksum of UDP is 0, as over IPv4 (semantics 4.2). */
export function insertUoa64(
  frames: Frames,
  slot: number,
  p: Parsed,
  wide: Int32Array,
  at: number,
  ports: number,
): void {
  const { pkt } = frames
  moveHeaders(frames, slot, p, p.ip + IP_HEADER, OPP_BYTES)
  const { ip, ipTotal } = p
  const hops = pkt.getUint16(ip + TTL)
  const after = (hops & 0xff00) | PROTOCOL
  pkt.setUint16(ip + TOTAL_LENGTH, ipTotal + OPP_BYTES)
  pkt.setUint16(ip + TTL, after)
  adjust(pkt, ip + IP_CHECKSUM, diff16(ipTotal, ipTotal + OPP_BYTES) + diff16(hops, after))
  writeOpp6(pkt, p.l4, wide, at, ports)
  p.l4 += OPP_BYTES
  pkt.setUint16(p.l4 + UDP_CHECKSUM, 0)
  if (p.partial === 1) clearVnetHdr(pkt, frames.start[slot])
}

/** Writes what uoa.ts's writeUoaAlone() does, for a client that speaks IPv6. */
export class UoaAlone64 {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #wide: Int32Array

  constructor({ frames, table }: Parts) {
    this.#frames = frames
    this.#cells = table.cells
    this.#wide = table.wide
  }

  write(slot: number, conn: number): void {
    const { pkt, start, length } = this.#frames
    const cells = this.#cells
    const from = start[slot]
    const ip = from + VNET.BYTES + ETH.HEADER
    const l4 = ip + IP_HEADER + OPP_BYTES
    const record = recordAt(conn)
    const ports = cells[record | RS_PORTS]
    clearVnetHdr(pkt, from)
    pkt.setUint16(ip - ETH.HEADER + ETH.TYPE, ETHERTYPE.IPV4)
    const total = IP_HEADER + OPP_BYTES + UDP_HEADER
    writeIpv4(pkt, ip, PROTOCOL, total, cells[record | LIP], cells[record | RIP])
    pkt.setUint16(ip + FRAGMENT, 0)
    writeHeaderChecksum(pkt, ip, IP_HEADER)
    writeOpp6(pkt, ip + IP_HEADER, this.#wide, columnAt(conn), cells[record | CLIENT_PORTS])
    pkt.setInt32(l4, (ports << 16) | (ports >>> 16))
    pkt.setInt32(l4 + UDP_LENGTH, UDP_HEADER << 16)
    length[slot] = l4 + UDP_HEADER - from
  }
}
