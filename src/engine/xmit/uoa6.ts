/**
 * UOA with a client's address of IPv6 (semantics 4.2): in a header of its own alone, for IPv6 has no option for it. The checksum of the
 * datagram behind it stays, because its pseudo header names UDP whatever stands between (RFC 8200 8.1).
 */

import { fold, sumWords } from '../../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { PROTO } from '../../wire/ipv4.ts'
import { IPV6, pseudoSum6, writeAddress6, writeIpv6 } from '../../wire/ipv6.ts'
import { UDP, udpSum } from '../../wire/udp.ts'
import { UOA } from '../../wire/uoa.ts'
import { clearVnetHdr, VNET } from '../../wire/vnet-hdr.ts'
import { CELL, RECORD } from '../conn-layout.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { Addresses6 } from './addresses6.ts'
import { moveHeaders } from './ip.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { HEADER: IP_HEADER, PAYLOAD_LENGTH, NEXT } = IPV6
const { HEADER: UDP_HEADER, CHECKSUM: UDP_CHECKSUM, LENGTH: UDP_LENGTH } = UDP
const { BYTES6: OPTION_BYTES, HEADER: UOA_HEADER, PROTOCOL } = UOA
/** Bytes of it with the address of a client of IPv6. */
export const OPP6_BYTES = UOA_HEADER + OPTION_BYTES
const { CLIENT_PORTS, RS_PORTS } = CELL
const { at: recordAt, column: columnAt } = RECORD
const HOPS = 64

/**
 * The datagram, which leaves on an arm of this MTU, has room for it; `came` is as Frames.fragment. Behind extension headers it
 * would not be where who reads it looks.
 */
export function hasRoomForUoa6(p: Parsed, came: number, mtu: number): boolean {
  if (p.gsoSize !== 0 || came !== 0 || p.ipTotal + OPP6_BYTES > mtu) return false
  return p.ipHeader === IP_HEADER
}

/** As insertUoa() of uoa.ts. The address is in cells of `wide` from `at` on; `ports` are the client's << 16 and any other. */
export function insertUoa6(
  frames: Frames,
  slot: number,
  p: Parsed,
  wide: Int32Array,
  at: number,
  ports: number,
): void {
  const { pkt } = frames
  moveHeaders(frames, slot, p, p.ip + IP_HEADER, OPP6_BYTES)
  pkt.setUint16(p.ip + PAYLOAD_LENGTH, p.ipTotal + OPP6_BYTES - IP_HEADER)
  pkt.setUint8(p.ip + NEXT, PROTOCOL)
  writeOpp6(pkt, p.l4, wide, at, ports)
  p.l4 += OPP6_BYTES
  if (p.partial === 0) return
  // Nobody knows how to complete it behind protocol 248.
  const sum = ~fold(sumWords(pkt, p.l4, UDP_HEADER + p.payload)) & 0xffff
  pkt.setUint16(p.l4 + UDP_CHECKSUM, udpSum(sum))
  clearVnetHdr(pkt, frames.start[slot])
}

/** Version 2: the client's address is of IPv6. */
export function writeOpp6(
  pkt: DataView,
  to: number,
  wide: Int32Array,
  at: number,
  ports: number,
): void {
  pkt.setUint16(to, (2 << 12) | PROTO.UDP)
  pkt.setUint16(to + UOA.LENGTH, OPP6_BYTES)
  const option = to + UOA_HEADER
  pkt.setUint16(option, (UOA.KIND << 8) | OPTION_BYTES)
  pkt.setUint16(option + UOA.PORT, ports >>> 16)
  writeAddress6(pkt, option + UOA.ADDRESS, wide, at)
}

/** Writes what uoa.ts's writeUoaAlone() does for a conn over IPv6. */
export class UoaAlone6 {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #wide: Int32Array
  readonly #addresses: Addresses6

  constructor(parts: Parts) {
    this.#frames = parts.frames
    this.#cells = parts.table.cells
    this.#wide = parts.table.wide
    this.#addresses = new Addresses6(parts)
  }

  write(slot: number, conn: number): void {
    const { pkt, start, length } = this.#frames
    const from = start[slot]
    const ip = from + VNET.BYTES + ETH.HEADER
    const l4 = ip + IP_HEADER + OPP6_BYTES
    const record = recordAt(conn)
    const ports = this.#cells[record | RS_PORTS]
    clearVnetHdr(pkt, from)
    pkt.setUint16(ip - ETH.HEADER + ETH.TYPE, ETHERTYPE.IPV6)
    writeIpv6(pkt, ip, PROTOCOL, OPP6_BYTES + UDP_HEADER, HOPS)
    this.#addresses.write(pkt, ip, conn << 1)
    const clientPorts = this.#cells[record | CLIENT_PORTS]
    writeOpp6(pkt, ip + IP_HEADER, this.#wide, columnAt(conn), clientPorts)
    pkt.setInt32(l4, (ports << 16) | (ports >>> 16))
    pkt.setInt32(l4 + UDP_LENGTH, UDP_HEADER << 16)
    writeUdpChecksum6(pkt, ip, l4, UDP_HEADER)
    length[slot] = l4 + UDP_HEADER - from
  }
}

/** Computes and stores the checksum of a datagram of `bytes` bytes behind the IPv6 header at `ip`. */
export function writeUdpChecksum6(pkt: DataView, ip: number, l4: number, bytes: number): void {
  pkt.setUint16(l4 + UDP_CHECKSUM, 0)
  const sum = ~fold(pseudoSum6(pkt, ip, PROTO.UDP, bytes) + sumWords(pkt, l4, bytes)) & 0xffff
  pkt.setUint16(l4 + UDP_CHECKSUM, udpSum(sum))
}
