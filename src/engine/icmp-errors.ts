/**
 * ICMP errors of others about packets that we have translated: each goes on to whoever sent that packet, who must recognise in
 * it what was sent (semantics 4.5, RFC 5508 4). Before changing this file read RFC 5508 4.2 and RFC 5927.
 *
 *   about        came from   leaves as    inside, as it was sent
 *   LIP > RIP    RS's arm    VIP > CIP    CIP:cport > VIP:vport, seq - delta
 *   VIP > CIP    client's    LIP > RIP    RIP:rport > LIP:lport, ack + delta
 *
 * What a cookie has moved besides (syn-space.ts) is moved back: ack + moved, and seq - moved.
 *
 * Whoever knows the addresses can forge one, so it moves nothing here, and must quote a number that its connection can have
 * come to.
 */

import { adjust, adjusted, diff32 } from '../wire/checksum.ts'
import {
  ICMP,
  ICMP_TYPE,
  isTranslated,
  MTU_LEAST,
  UNREACHABLE,
  writeIcmpChecksum,
} from '../wire/icmp.ts'
import { headerLength, IP_DF, IPV4, isSingleHost } from '../wire/ipv4.ts'
import { TCP, TOA_BYTES } from '../wire/tcp.ts'
import { UDP, udpSum } from '../wire/udp.ts'
import { type Arm, isOurs } from './arm.ts'
import type { ConnTable } from './conn.ts'
import { CELL, KEY, METHOD, PROTOCOL_BITS, RECORD, RS_SEEN, TUPLE } from './conn-layout.ts'
import { type Counters, Drop, Event } from './counters.ts'
import { armOf, Family } from './family.ts'
import type { Frames } from './frames.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { ErrorsOfFamily } from './quoted.ts'
import { DestCell, type Dests } from './service.ts'
import { SynSpace } from './syn-space.ts'
import { isPlausibleClient } from './verify.ts'
import { restoreEcho } from './xmit/echo.ts'
import { decrementTtl } from './xmit/ip.ts'
import { ProxySpace } from './xmit/proxy-space.ts'
import { ToaMode } from './xmit/toa.ts'
import { isUoaAlone } from './xmit/uoa.ts'

const { DELTA, WORD, BINDING, RST_SEQ, RST_ACK } = CELL
const { SADDR, DADDR, PORTS } = TUPLE
const { of: recordOf, peer: peerOf } = RECORD

/**
 * How far a quoted number may lie from what the RS has come to, or has acknowledged. What is under way lies within a window, of
 * which Linux grants 6 MiB at most unless it is told otherwise; a guess hits this with 1 of 128.
 */
const UNDER_WAY_MOST = 1 << 24

export class TranslatedErrors implements ErrorsOfFamily {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #cells: Int32Array
  readonly #counters: Counters
  readonly #toaMode: number
  readonly #proxy: ProxySpace
  readonly #table: ConnTable
  readonly #syn: SynSpace
  readonly #dests: Dests

  constructor(parts: Parts, toaMode: number) {
    this.#frames = parts.frames
    this.#arms = parts.arms
    this.#table = parts.table
    this.#cells = parts.table.cells
    this.#counters = parts.counters
    this.#toaMode = toaMode
    this.#proxy = new ProxySpace(parts.table)
    this.#syn = new SynSpace(parts.table)
    this.#dests = parts.dests
  }

  judge(p: Parsed, t: number, binding: number, mtu: number): number {
    const { pkt } = this.#frames
    const sender = pkt.getInt32(p.ip + IPV4.SRC)
    if (!isSingleHost(sender) || isOurs(this.#arms, Family.IPV4, sender)) return -Drop.IP_SOURCE
    // Who is told sees this address, which must be one of the side that it came from (RFC 1812 5.3.8).
    if (this.keepsSender(t) && !isPlausibleClient(this.#arms, this.armOfRs(binding), sender))
      return -Drop.IP_SOURCE
    if (!isTranslated(pkt.getUint8(p.l4 + ICMP.TYPE))) return -Drop.ICMP_TYPE
    const quote = p.l4 + ICMP.HEADER
    if (!this.isUnderWay(quote + headerLength(pkt, quote), t, binding)) return -Drop.ICMP_SEQUENCE
    if ((t & 1) === 1 && this.#isOurOwn(quote, binding)) return -Drop.ICMP_QUOTE
    const mayBeCut = (pkt.getUint16(p.ip + IPV4.FRAGMENT) & IP_DF) === 0
    return p.ipTotal > mtu && !mayBeCut ? -Drop.IP_TOO_BIG : 0
  }

  /** Hosts inside see the routers outside as they are: only they themselves are seen as another. */
  keepsSender(t: number): boolean {
    return (t & 1) === 1 && this.#table.method(t >> 1) === METHOD.SNAT
  }

  armOfRs(binding: number): Arm {
    return this.#arms[armOf(this.#dests.cells[(RECORD.dest(binding) << 4) | DestCell.LINK])]
  }

  decrement(p: Parsed): void {
    decrementTtl(this.#frames.pkt, p.ip)
  }

  translate(_slot: number, ip: number, icmp: number, t: number): void {
    const { pkt } = this.#frames
    const cells = this.#cells
    const peer = peerOf(t)
    const src = this.keepsSender(t) ? pkt.getInt32(ip + IPV4.SRC) : cells[peer | DADDR]
    const dst = cells[peer | SADDR]
    const addresses =
      diff32(pkt.getInt32(ip + IPV4.SRC), src) + diff32(pkt.getInt32(ip + IPV4.DST), dst)
    adjust(pkt, ip + IPV4.CHECKSUM, addresses)
    pkt.setInt32(ip + IPV4.SRC, src)
    pkt.setInt32(ip + IPV4.DST, dst)
    const bytes = pkt.getUint16(ip + IPV4.TOTAL_LENGTH) - (icmp - ip)
    this.#translateQuote(icmp + ICMP.HEADER, bytes - ICMP.HEADER, t)
    if ((t & 1) === 1) this.#lowerMtu(icmp, t)
    writeIcmpChecksum(pkt, icmp, bytes)
  }

  /** The packet quoted at `ip`, of which `bytes` bytes are here, becomes what its sender sent. */
  #translateQuote(ip: number, bytes: number, t: number): void {
    const { pkt } = this.#frames
    const cells = this.#cells
    const peer = peerOf(t)
    const src = cells[peer | SADDR]
    const dst = cells[peer | DADDR]
    const header = headerLength(pkt, ip)
    // What is behind its end is padding, or an extension (RFC 4884).
    const quoted = Math.min(bytes, pkt.getUint16(ip + IPV4.TOTAL_LENGTH)) - header
    const addresses =
      diff32(pkt.getInt32(ip + IPV4.SRC), src) + diff32(pkt.getInt32(ip + IPV4.DST), dst)
    adjust(pkt, ip + IPV4.CHECKSUM, addresses)
    pkt.setInt32(ip + IPV4.SRC, src)
    pkt.setInt32(ip + IPV4.DST, dst)
    const l4 = ip + header
    const ports = cells[peer | PORTS]
    const protocol = cells[recordOf(t) | BINDING] & PROTOCOL_BITS
    if (protocol === KEY.ICMP) {
      restoreEcho(pkt, l4, ports, t, 0)
      return
    }
    const changed = addresses + diff32(pkt.getInt32(l4), ports)
    pkt.setInt32(l4, ports)
    if (protocol === KEY.TCP) {
      const moved = this.moveNumber(l4, quoted, t)
      if (quoted >= TCP.CHECKSUM + 2) adjust(pkt, l4 + TCP.CHECKSUM, changed + moved)
    } else adjustUdp(pkt, l4, changed)
  }

  /** The numbers among the quoted `bytes`, as the client's packet had them or as the RS's had. => The difference */
  moveNumber(tcp: number, bytes: number, t: number): number {
    const moved = this.#syn.moved(t >> 1)
    const own = this.#moveClientsNumber(tcp, bytes, t)
    if (moved === 0) return own
    const { pkt } = this.#frames
    const outward = (t & 1) === 1
    if (outward && bytes < TCP.ACK + 4) return own
    const at = tcp + (outward ? TCP.ACK : TCP.SEQ)
    const before = pkt.getInt32(at)
    const after = (outward ? before + moved : before - moved) | 0
    pkt.setInt32(at, after)
    return own + diff32(before, after)
  }

  #moveClientsNumber(tcp: number, bytes: number, t: number): number {
    const { pkt } = this.#frames
    const delta = this.#cells[recordOf(t) | DELTA]
    const outward = (t & 1) === 1
    if (!outward && bytes < TCP.ACK + 4) return 0
    const at = tcp + (outward ? TCP.SEQ : TCP.ACK)
    const before = pkt.getInt32(at)
    const header = outward && this.#proxy.isDue(t >> 1) ? this.#proxy.back(t >> 1, before) : 0
    const after = (outward ? before - delta + header : before + delta) | 0
    pkt.setInt32(at, after)
    return diff32(before, after)
  }

  /** What fits behind the RS's arm is less for a client whose segments grow by TOA, or whose first one by a header. 0 is that of old routers. */
  #lowerMtu(icmp: number, t: number): void {
    const { pkt } = this.#frames
    const grown = this.grownBy(t >> 1, TOA_BYTES)
    if (grown === 0) return
    if ((this.#cells[recordOf(t) | BINDING] & PROTOCOL_BITS) !== KEY.TCP) return
    if (pkt.getUint8(icmp + ICMP.TYPE) !== ICMP_TYPE.UNREACHABLE) return
    if (pkt.getUint8(icmp + ICMP.CODE) !== UNREACHABLE.FRAG_NEEDED) return
    const mtu = pkt.getUint16(icmp + ICMP.MTU)
    if (mtu < MTU_LEAST + grown) return
    pkt.setUint16(icmp + ICMP.MTU, mtu - grown)
    this.#counters.count(Event.ICMP_MTU_LOWERED)
  }

  /** Bytes by which a segment of its client may be larger behind us, with a TOA of so many. */
  grownBy(conn: number, toa: number): number {
    if (this.#proxy.isDue(conn)) return this.#proxy.headerBytes(conn)
    if (this.#table.method(conn) !== METHOD.FULLNAT) return 0
    return this.#toaMode === ToaMode.OFF ? 0 : toa
  }

  /** What is quoted is a datagram with nothing but UOA: we have sent it ahead, and the client knows nothing of it. */
  #isOurOwn(quote: number, binding: number): boolean {
    if ((binding & PROTOCOL_BITS) === KEY.TCP) return false
    const { pkt } = this.#frames
    return isUoaAlone(pkt, quote, quote + headerLength(pkt, quote))
  }

  /** The number that is quoted behind the IP header, at `l4`, can be that of a segment that has left (RFC 5927 4.1); a datagram has none. */
  isUnderWay(l4: number, t: number, binding: number): boolean {
    if ((binding & PROTOCOL_BITS) !== KEY.TCP) return true
    const cells = this.#cells
    const at = recordOf(t)
    const { pkt } = this.#frames
    const seq = pkt.getInt32(l4 + TCP.SEQ)
    const inward = (t & 1) === 0
    if (inward && (cells[at | WORD] & RS_SEEN) === 0) return false
    const known = inward ? cells[at | RST_SEQ] + this.#syn.moved(t >> 1) : cells[at | RST_ACK]
    return Math.abs((seq - known) | 0) <= UNDER_WAY_MOST
  }
}

/** A datagram without a checksum has none afterwards. */
export function adjustUdp(pkt: DataView, udp: number, difference: number): void {
  const before = pkt.getUint16(udp + UDP.CHECKSUM)
  if (before === 0) return
  pkt.setUint16(udp + UDP.CHECKSUM, udpSum(adjusted(before, difference) & 0xffff))
}
