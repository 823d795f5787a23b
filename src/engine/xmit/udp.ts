/**
 * The translation of a datagram: the mirror of the other tuple, and UOA. Its checksum is adjusted by differences, so that what
 * was spoilt stays so; where there was none there is one afterwards, as in DPVS, and one that comes to 0 is written as 0xffff
 * (RFC 768). Of a partial one only the pseudo header counts.
 */

import { adjusted, diff32, fold } from '../../wire/checksum.ts'
import { IPV4 } from '../../wire/ipv4.ts'
import { UDP, udpSum } from '../../wire/udp.ts'
import { CELL, RECORD, TUPLE } from '../conn-layout.ts'
import { type Counters, Event } from '../counters.ts'
import type { Frames } from '../frames.ts'
import type { UdpOptions } from '../options.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { decrementTtl } from './ip.ts'
import { hasRoomForUoa, insertUoa, UoaMode, writeUdpChecksum } from './uoa.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { CIP, CLIENT_PORTS, UOA_SENT } = CELL
const { SADDR, DADDR, PORTS } = TUPLE
const { of: recordOf, peer: peerOf } = RECORD
const { CHECKSUM: IP_CHECKSUM, SRC: IP_SRC, DST: IP_DST } = IPV4
const { HEADER: UDP_HEADER, SPORT: UDP_SPORT, CHECKSUM: UDP_CHECKSUM } = UDP
const { OPP } = UoaMode

export class UdpRewrite {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #counters: Counters
  readonly #uoa: number
  /** Datagrams of a connection that carry UOA; 0 if it is off. */
  readonly #trail: number
  readonly #decrementsTtl: boolean

  constructor(
    { frames, table, counters }: Parts,
    { uoa, uoaMaxTrail }: UdpOptions,
    decrementsTtl: boolean,
  ) {
    this.#frames = frames
    this.#cells = table.cells
    this.#counters = counters
    this.#uoa = uoa
    this.#trail = uoa === UoaMode.OFF ? 0 : uoaMaxTrail
    this.#decrementsTtl = decrementsTtl
  }

  /** As FullNat.translate; UOA_ALONE says that the datagram that has the client's address is still to be sent, ahead. */
  rewrite(slot: number, p: Parsed, t: number, mtu: number): number {
    const { pkt } = this.#frames
    const cells = this.#cells
    const { ip, l4 } = p
    const conn = recordOf(t)
    const uoa = (t & 1) === 0 && cells[conn | UOA_SENT] < this.#trail
    const peer = peerOf(t)
    const src = cells[peer | DADDR]
    const dst = cells[peer | SADDR]
    const turned = cells[peer | PORTS]
    const ports = (turned << 16) | (turned >>> 16)
    const addresses = diff32(p.saddr, src) + diff32(p.daddr, dst)
    const ipSum = adjusted(pkt.getUint16(ip + IP_CHECKSUM), addresses)
    const field = pkt.getUint16(l4 + UDP_CHECKSUM)
    const l4Sum =
      p.partial === 1
        ? fold(field + addresses)
        : adjusted(field, addresses + diff32(p.ports, ports)) & 0xffff
    pkt.setUint16(ip + IP_CHECKSUM, ipSum)
    pkt.setInt32(ip + IP_SRC, src)
    pkt.setInt32(ip + IP_DST, dst)
    pkt.setInt32(l4 + UDP_SPORT, ports)
    if (this.#decrementsTtl) decrementTtl(pkt, ip)
    const carries = uoa && hasRoomForUoa(p, this.#frames.fragment[slot], this.#uoa, mtu)
    if (field !== 0 || p.partial === 1) {
      pkt.setUint16(l4 + UDP_CHECKSUM, p.partial === 0 ? udpSum(l4Sum) : l4Sum)
    } else if (!carries || this.#uoa !== OPP) {
      writeUdpChecksum(pkt, l4, src, dst, UDP_HEADER + p.payload)
    }
    if (!uoa) return 0
    cells[conn | UOA_SENT]++
    if (!carries) return Event.UOA_ALONE
    insertUoa(
      this.#frames,
      slot,
      p,
      cells[conn | CIP],
      cells[conn | CLIENT_PORTS] >>> 16,
      this.#uoa,
    )
    this.#counters.count(Event.UOA_ADDED)
    return 0
  }
}
