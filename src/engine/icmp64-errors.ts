/**
 * Errors of others about packets of conns whose client speaks IPv6 and whose RS IPv4: each goes on as an error of the other family, with the
 * packet in it as its sender has sent it (RFC 7915 4.2, 4.3, 5.2, 5.3). Who is believed is as in icmp-errors.ts and icmpv6-errors.ts.
 *
 *   about        came as          leaves as        inside
 *   LIP > RIP    ICMP of RS's     ICMPv6 VIP > CIP CIP:cport > VIP:vport, seq - delta
 *   VIP > CIP    ICMPv6 of client ICMP LIP > RIP   RIP:rport > LIP:lport, ack + delta
 *
 * What an error says beside the packet (RFC 4884) is left out, for it speaks of a path of the other family.
 */

import { adjust, diff16, diff32, fold, sumWords } from '../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { ICMP, QUOTED_BYTES, writeIcmpChecksum } from '../wire/icmp.ts'
import { icmpKind, icmpv6Kind, NO_KIND, plateauBelow } from '../wire/icmp64.ts'
import { ICMPV6, ICMPV6_TYPE, writeIcmpv6Checksum } from '../wire/icmpv6.ts'
import { headerLength, IPV4, PROTO, writeHeaderChecksum, writeIpv4 } from '../wire/ipv4.ts'
import { ADDRESS6_BYTES, IPV6, MTU6_LEAST, NEXT, quotedHeader6, writeIpv6 } from '../wire/ipv6.ts'
import { TCP, TOA6_BYTES } from '../wire/tcp.ts'
import { clearVnetHdr, VNET } from '../wire/vnet-hdr.ts'
import { CELL, RECORD, TUPLE } from './conn-layout.ts'
import { type Counters, Drop, Event } from './counters.ts'
import { FRAME_HEAD, type Frames, HEADROOM, slotBase } from './frames.ts'
import { adjustUdp, type TranslatedErrors } from './icmp-errors.ts'
import type { TranslatedErrors6 } from './icmpv6-errors.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { ErrorsOfFamily } from './quoted.ts'
import { Addresses6 } from './xmit/addresses6.ts'

const { PORTS } = TUPLE
const { RIP, LIP } = CELL
const { of: recordOf, peer: peerOf } = RECORD
/** So large is an error at most (RFC 1812 4.3.2.3, RFC 4443 2.4): every link carries it. */
const MOST4 = 576
/** Larger than any packet: errors are cut, and so fit where they leave. */
const NO_MTU = 0x10000
const FRONT4 = 2 * IPV4.HEADER + ICMP.HEADER
const FRONT6 = 2 * IPV6.HEADER + ICMPV6.HEADER
/** The length of the packet inside if more follows it (RFC 4884 4): where, and in how many bytes it is counted. */
const [LENGTH4, UNIT4] = [5, 4]
const [LENGTH6, UNIT6] = [4, 8]

export class TranslatedErrors64 implements ErrorsOfFamily {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #counters: Counters
  readonly #addresses: Addresses6
  readonly #ofIpv4: TranslatedErrors
  readonly #ofIpv6: TranslatedErrors6
  readonly #hasToa: boolean

  constructor(parts: Parts, ofIpv4: TranslatedErrors, ofIpv6: TranslatedErrors6, hasToa: boolean) {
    this.#frames = parts.frames
    this.#cells = parts.table.cells
    this.#counters = parts.counters
    this.#addresses = new Addresses6(parts)
    this.#ofIpv4 = ofIpv4
    this.#ofIpv6 = ofIpv6
    this.#hasToa = hasToa
  }

  judge(p: Parsed, t: number, binding: number): number {
    const { pkt } = this.#frames
    if (kindOf(pkt, p.l4, (t & 1) === 1) === NO_KIND) return -Drop.ICMP_TYPE
    return (t & 1) === 1
      ? this.#ofIpv4.judge(p, t, binding, NO_MTU)
      : this.#ofIpv6.judge(p, t, binding, NO_MTU)
  }

  decrement(p: Parsed): void {
    const isSix = this.#frames.pkt.getUint8(p.ip) >>> 4 === 6
    if (isSix) this.#ofIpv6.decrement(p)
    else this.#ofIpv4.decrement(p)
  }

  translate(slot: number, ip: number, icmp: number, t: number): void {
    if ((t & 1) === 1) this.#toIpv6(slot, ip, icmp, t)
    else this.#toIpv4(slot, ip, icmp, t)
  }

  #toIpv6(slot: number, ip: number, icmp: number, t: number): void {
    const { pkt } = this.#frames
    const kind = kindOf(pkt, icmp, true)
    const bytes = pkt.getUint16(ip + IPV4.TOTAL_LENGTH) - (icmp - ip)
    const hops = pkt.getUint8(ip + IPV4.TTL)
    const mtu = pkt.getUint16(icmp + ICMP.MTU)
    const from = icmp + ICMP.HEADER
    const header = headerLength(pkt, from)
    const total = pkt.getUint16(from + IPV4.TOTAL_LENGTH)
    const inside = pkt.getUint8(from + IPV4.PROTOCOL)
    const innerHops = pkt.getUint8(from + IPV4.TTL)
    const there = quotedBytes(pkt.getUint8(icmp + LENGTH4) * UNIT4, bytes - ICMP.HEADER, header)
    const kept = Math.min(there, total, MTU6_LEAST - FRONT6 + header) - header
    const before = fold(sumWords(pkt, from + IPV4.SRC, 8))
    const outer = this.#move(slot, from + header, kept, FRONT6, ETHERTYPE.IPV6)
    const error = outer + IPV6.HEADER
    const quote = error + ICMPV6.HEADER
    writeIpv6(pkt, outer, NEXT.ICMPV6, ICMPV6.HEADER + IPV6.HEADER + kept, hops)
    const after = fold(this.#addresses.write(pkt, outer, t))
    writeIpv6(pkt, quote, inside, total - header, innerHops)
    for (let i = 0; i < ADDRESS6_BYTES; i += 4) {
      pkt.setInt32(quote + IPV6.SRC + i, pkt.getInt32(outer + IPV6.DST + i))
      pkt.setInt32(quote + IPV6.DST + i, pkt.getInt32(outer + IPV6.SRC + i))
    }
    this.#settle(quote + IPV6.HEADER, kept, t, inside, diff16(before, after))
    const isTooBig = kind >> 16 === ICMPV6_TYPE.TOO_BIG
    pkt.setInt32(error, (kind >> 8) << 16)
    pkt.setInt32(error + ICMPV6.MTU, isTooBig ? this.#mtu6(mtu, total, inside) : kind & 0xff)
    writeIcmpv6Checksum(pkt, outer, error, ICMPV6.HEADER + IPV6.HEADER + kept)
  }

  #toIpv4(slot: number, ip: number, icmp: number, t: number): void {
    const { pkt } = this.#frames
    const kind = kindOf(pkt, icmp, false)
    const bytes = pkt.getUint16(ip + IPV6.PAYLOAD_LENGTH) - (icmp - ip - IPV6.HEADER)
    const hops = pkt.getUint8(ip + IPV6.HOP_LIMIT)
    const isTooBig = pkt.getUint8(icmp) === ICMPV6_TYPE.TOO_BIG
    const mtu = pkt.getInt32(icmp + ICMPV6.MTU) >>> 0
    const from = icmp + ICMPV6.HEADER
    // The RS has sent no fragment that looks like ours.
    const header = quotedHeader6(pkt, from)
    const payload = pkt.getUint16(from + IPV6.PAYLOAD_LENGTH) + IPV6.HEADER - header
    const inside = pkt.getUint8(header > IPV6.HEADER ? from + IPV6.HEADER : from + IPV6.NEXT)
    const innerHops = pkt.getUint8(from + IPV6.HOP_LIMIT)
    const length = isTooBig ? 0 : pkt.getUint8(icmp + LENGTH6) * UNIT6
    const there = quotedBytes(length, bytes - ICMPV6.HEADER, header) - header
    const kept = Math.min(there, payload, MOST4 - FRONT4)
    const before = fold(sumWords(pkt, from + IPV6.SRC, 2 * ADDRESS6_BYTES))
    const outer = this.#move(slot, from + header, kept, FRONT4, ETHERTYPE.IPV4)
    const error = outer + IPV4.HEADER
    const quote = error + ICMP.HEADER
    const lip = this.#cells[recordOf(t) | LIP]
    const rip = this.#cells[recordOf(t) | RIP]
    writeIpv4(pkt, outer, PROTO.ICMP, FRONT4 + kept, lip, rip)
    setTtl(pkt, outer, hops)
    writeIpv4(pkt, quote, inside, Math.min(IPV4.HEADER + payload, 0xffff), rip, lip)
    setTtl(pkt, quote, innerHops)
    const after = fold(sumWords(pkt, quote + IPV4.SRC, 8))
    this.#settle(quote + IPV4.HEADER, kept, t, inside, diff16(before, after))
    pkt.setInt32(error, (kind >> 8) << 16)
    pkt.setInt32(error + ICMP.ID, isTooBig ? mtu4(mtu) : (kind & 0xff) << 24)
    writeIcmpChecksum(pkt, error, ICMP.HEADER + IPV4.HEADER + kept)
  }

  /**
   * Keeps `bytes` bytes from `from` on, and makes room of `front` in front of them where a frame ordinarily begins: headers of
   * IPv6 want more than the headroom of a frame that has TOA and is quoted already. => Where the IP header goes
   */
  #move(slot: number, from: number, bytes: number, front: number, type: number): number {
    const { pkt, start, length, fragment, bytes: all } = this.#frames
    const base = slotBase(slot) + HEADROOM
    const ip = base + FRAME_HEAD
    all.copyWithin(ip + front, from, from + bytes)
    start[slot] = base
    length[slot] = FRAME_HEAD + front + bytes
    fragment[slot] = 0
    clearVnetHdr(pkt, base)
    pkt.setUint16(base + VNET.BYTES + ETH.TYPE, type)
    return ip
  }

  /** The quoted header at `l4` has the ports and numbers that its sender knows, and a checksum that goes with them. */
  #settle(l4: number, bytes: number, t: number, inside: number, addresses: number): void {
    const { pkt } = this.#frames
    const ports = this.#cells[peerOf(t) | PORTS]
    const changed = addresses + diff32(pkt.getInt32(l4), ports)
    pkt.setInt32(l4, ports)
    if (inside === PROTO.TCP) {
      const moved = this.#ofIpv4.moveNumber(l4, bytes, t)
      if (bytes >= TCP.CHECKSUM + 2) adjust(pkt, l4 + TCP.CHECKSUM, changed + moved)
    } else adjustUdp(pkt, l4, changed)
  }

  /** What a client may send if so much fits behind us: its header is 20 bytes longer, and TOA comes in. */
  #mtu6(mtu: number, total: number, inside: number): number {
    const said = mtu === 0 ? plateauBelow(total) : mtu
    const toa = this.#hasToa && inside === PROTO.TCP ? TOA6_BYTES : 0
    if (toa > 0) this.#counters.count(Event.ICMP_MTU_LOWERED)
    return Math.max(MTU6_LEAST, said + IPV6.HEADER - IPV4.HEADER - toa)
  }
}

/** Less than 1280 bytes nobody has to believe (RFC 8201 4). */
function mtu4(mtu: number): number {
  return Math.min(Math.max(mtu, MTU6_LEAST) - IPV6.HEADER + IPV4.HEADER, 0xffff)
}

/** What the error at `icmp` becomes in the other family. */
function kindOf(pkt: DataView, icmp: number, toIpv6: boolean): number {
  const type = pkt.getUint8(icmp + ICMP.TYPE)
  const code = pkt.getUint8(icmp + ICMP.CODE)
  return toIpv6
    ? icmpv6Kind(type, code, pkt.getUint8(icmp + ICMP.ID))
    : icmpKind(type, code, pkt.getInt32(icmp + ICMPV6.POINTER) & 0x7fff_ffff)
}

/** => `said` bytes where the error says that something follows the packet, else all that is there; the ports are in it. */
function quotedBytes(said: number, there: number, header: number): number {
  return said >= header + QUOTED_BYTES && said < there ? said : there
}

function setTtl(pkt: DataView, ip: number, ttl: number): void {
  pkt.setUint8(ip + IPV4.TTL, ttl)
  writeHeaderChecksum(pkt, ip, IPV4.HEADER)
}
