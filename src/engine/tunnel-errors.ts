/**
 * ICMP errors of others about packets that we have put into a tunnel: they come to the address of ours that it begins at, and quote our
 * header and behind it, if there is enough, the client's packet. The client hears of that packet what it can make use of, from its VIP;
 * no connection changes. Before changing this file read RFC 2003 4, RFC 2473 8 and RFC 5927.
 *
 *   too large, where so many bytes fit       the same, where those fit that go in (RFC 2003 5.1, RFC 2473 8.2)
 *   unreachable, time exceeded, and a        the RS cannot be reached: what is in between is nothing that the client knows
 *   header in front that nobody there knows
 *   all other                                nothing: it is about our header, and nobody's to mend
 */

import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import {
  ICMP,
  ICMP_TYPE,
  isIcmpError,
  isIcmpIntact,
  MTU_LEAST,
  QUOTED_BYTES,
  UNREACHABLE,
} from '../wire/icmp.ts'
import { ICMPV6, ICMPV6_TYPE, isIcmpv6Error, isIcmpv6Intact, UNREACHABLE6 } from '../wire/icmpv6.ts'
import { headerLength, IP_OFFSET_BITS, IPV4, isSingleHost, PROTO } from '../wire/ipv4.ts'
import {
  IPV6,
  isLaterFragment6,
  MTU6_LEAST,
  NEXT,
  quotedHeader6,
  quotedNext6,
  readAddress6,
} from '../wire/ipv6.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import type { AddressBook } from './address-book.ts'
import { type Arm, isOurs } from './arm.ts'
import type { ConnTable } from './conn.ts'
import { CELL, KEY, METHOD, RECORD } from './conn-layout.ts'
import { type Counters, Drop, Event, HAND_OVER } from './counters.ts'
import type { Egress } from './egress.ts'
import { Family } from './family.ts'
import type { Frames } from './frames.ts'
import type { TranslatedErrors } from './icmp-errors.ts'
import type { IcmpErrors } from './icmp-output.ts'
import type { Icmpv6Errors } from './icmpv6-output.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Peers } from './peers.ts'
import { xored } from './steering.ts'

const { BINDING, RIP } = CELL
const { of: recordOf } = RECORD
const { IPV4: FAMILY4, IPV6: FAMILY6 } = Family

export class TunnelErrors {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #table: ConnTable
  readonly #book: AddressBook
  readonly #counters: Counters
  readonly #peers: Peers | null
  readonly #egress: Egress
  readonly #own: IcmpErrors
  readonly #own6: Icmpv6Errors
  readonly #numbers: TranslatedErrors
  /** Of the error at hand: the header in front that it quotes, the packet behind that, its header of TCP or UDP, and where what is quoted of it ends. */
  #outer = 0
  #inner = 0
  #l4 = 0
  #end = 0

  constructor(
    parts: Parts,
    egress: Egress,
    own: IcmpErrors,
    own6: Icmpv6Errors,
    numbers: TranslatedErrors,
  ) {
    this.#frames = parts.frames
    this.#arms = parts.arms
    this.#table = parts.table
    this.#book = parts.book
    this.#counters = parts.counters
    this.#peers = parts.peers
    this.#egress = egress
    this.#own = own
    this.#own6 = own6
    this.#numbers = numbers
  }

  /** The ICMP that p describes quotes a header of IP in IP, and so nothing else of ours. */
  isAbout({ l4, ipHeader, ipTotal }: Parsed): boolean {
    const { pkt } = this.#frames
    const quote = l4 + ICMP.HEADER
    if (ipTotal - ipHeader < ICMP.HEADER + IPV4.HEADER || !isIcmpError(pkt.getUint8(l4)))
      return false
    return pkt.getUint8(quote) >>> 4 === 4 && pkt.getUint8(quote + IPV4.PROTOCOL) === PROTO.IPIP
  }

  /** The same over IPv6. */
  isAbout6({ l4, ipHeader, ipTotal }: Parsed): boolean {
    const { pkt } = this.#frames
    const quote = l4 + ICMPV6.HEADER
    const bytes = ipTotal - ipHeader - ICMPV6.HEADER
    if (bytes < IPV6.HEADER || !isIcmpv6Error(pkt.getUint8(l4))) return false
    if (pkt.getUint8(quote) >>> 4 !== 6 || bytes < quotedHeader6(pkt, quote)) return false
    return quotedNext6(pkt, quote) === NEXT.IPV6
  }

  /** One for which isAbout() is true. => As Engine.input */
  input(slot: number, p: Parsed, arm: Arm): number {
    const { pkt } = this.#frames
    const { ip, l4, daddr } = p
    const bytes = p.ipTotal - p.ipHeader
    if (!arm.owns(FAMILY4, daddr)) return -Drop.ICMP_NOT_OURS
    if (!isIcmpIntact(pkt, l4, bytes)) return -Drop.ICMP_CHECKSUM
    const sender = pkt.getInt32(ip + IPV4.SRC)
    if (!isSingleHost(sender) || isOurs(this.#arms, FAMILY4, sender)) return -Drop.IP_SOURCE
    if (!this.#readQuote(p, bytes)) return -Drop.ICMP_QUOTE
    const outer = this.#outer
    const inner = this.#inner
    const isTcp = pkt.getUint8(inner + IPV4.PROTOCOL) === PROTO.TCP
    const [client, vip] = [pkt.getInt32(inner + IPV4.SRC), pkt.getInt32(inner + IPV4.DST)]
    const ports = pkt.getInt32(this.#l4)
    const t = this.#table.find(isTcp ? KEY.TCP : KEY.UDP, client, vip, ports)
    const refusal = this.#judge(t, arm, pkt.getInt32(outer + IPV4.DST), client, ports)
    if (refusal !== 0) return refusal
    const type = pkt.getUint8(l4)
    const isTooLarge =
      type === ICMP_TYPE.UNREACHABLE && pkt.getUint8(l4 + ICMP.CODE) === UNREACHABLE.FRAG_NEEDED
    if (!isTooLarge && type !== ICMP_TYPE.UNREACHABLE && type !== ICMP_TYPE.TIME_EXCEEDED)
      return -Drop.ICMP_TYPE
    const said = pkt.getUint16(l4 + ICMP.MTU)
    // 0 is that of old routers.
    const mtu = said === 0 ? 0 : Math.max(MTU_LEAST, said - (inner - outer))
    const code = isTooLarge ? UNREACHABLE.FRAG_NEEDED : UNREACHABLE.HOST
    this.#standAlone(slot, ETHERTYPE.IPV4)
    const { UNREACHABLE: told } = ICMP_TYPE
    this.#own.about(slot, inner, this.#end - inner, told, code, isTooLarge ? mtu : 0)
    return this.#toClient(slot, t, isTooLarge)
  }

  /** One for which isAbout6() is true. => As Engine.input */
  input6(slot: number, p: Parsed, arm: Arm): number {
    const { pkt } = this.#frames
    const { ip, l4, daddr } = p
    const book = this.#book
    const bytes = p.ipTotal - p.ipHeader
    if (!arm.owns(FAMILY6, daddr)) return -Drop.ICMP_NOT_OURS
    if (!isIcmpv6Intact(pkt, ip, l4, bytes)) return -Drop.ICMP_CHECKSUM
    if (isOurs(this.#arms, FAMILY6, book.read(pkt, ip + IPV6.SRC))) return -Drop.IP_SOURCE
    if (!this.#readQuote6(p, bytes)) return -Drop.ICMP_QUOTE
    const outer = this.#outer
    const inner = this.#inner
    const isTcp = pkt.getUint8(inner + IPV6.NEXT) === PROTO.TCP
    const { index } = this.#table
    const { sought } = index
    readAddress6(pkt, inner + IPV6.SRC, sought)
    const digest = book.digest(sought[0], sought[1], sought[2], sought[3])
    const client = xored(sought)
    const vip = book.read(pkt, inner + IPV6.DST)
    const ports = pkt.getInt32(this.#l4)
    const t = index.findWide((isTcp ? KEY.TCP : KEY.UDP) | KEY.IPV6, digest, vip, ports)
    const refusal = this.#judge(t, arm, book.read(pkt, outer + IPV6.DST), client, ports)
    if (refusal !== 0) return refusal
    const type = pkt.getUint8(l4)
    const isTooLarge = type === ICMPV6_TYPE.TOO_BIG
    if (!isTooLarge && !isUnreachable6(type, pkt.getUint8(l4 + ICMPV6.CODE))) return -Drop.ICMP_TYPE
    const said = pkt.getInt32(l4 + ICMPV6.MTU) >>> 0
    // Less nobody would believe (RFC 8201 4); a fragment header comes and goes.
    const mtu = Math.max(MTU6_LEAST, said - IPV6.HEADER)
    const told = isTooLarge ? ICMPV6_TYPE.TOO_BIG : ICMPV6_TYPE.UNREACHABLE
    this.#standAlone(slot, ETHERTYPE.IPV6)
    const code = isTooLarge ? 0 : UNREACHABLE6.ADDRESS
    this.#own6.about(slot, inner, this.#end - inner, told, code, isTooLarge ? mtu : 0)
    return this.#toClient(slot, t, isTooLarge)
  }

  /** The header in front, and what has to be there of the packet behind it: ports and the number (RFC 2003 4). => false if it is not */
  #readQuote({ l4, daddr }: Parsed, bytes: number): boolean {
    const { pkt } = this.#frames
    const outer = l4 + ICMP.HEADER
    const inner = outer + headerLength(pkt, outer)
    // Padded to so many words, behind which is an extension (RFC 4884 4).
    const words = pkt.getUint8(l4 + 5)
    const end = l4 + Math.min(bytes, words === 0 ? bytes : ICMP.HEADER + 4 * words)
    if (pkt.getInt32(outer + IPV4.SRC) !== daddr || inner < outer + IPV4.HEADER) return false
    if ((pkt.getUint16(outer + IPV4.FRAGMENT) & IP_OFFSET_BITS) !== 0) return false
    if (inner + IPV4.HEADER + QUOTED_BYTES > end || pkt.getUint8(inner) >>> 4 !== 4) return false
    const header = headerLength(pkt, inner)
    const total = pkt.getUint16(inner + IPV4.TOTAL_LENGTH)
    if (header < IPV4.HEADER || inner + header + QUOTED_BYTES > end) return false
    if (total < header + QUOTED_BYTES) return false
    if ((pkt.getUint16(inner + IPV4.FRAGMENT) & IP_OFFSET_BITS) !== 0) return false
    const protocol = pkt.getUint8(inner + IPV4.PROTOCOL)
    this.#outer = outer
    this.#inner = inner
    this.#l4 = inner + header
    this.#end = Math.min(end, inner + total)
    return protocol === PROTO.TCP || protocol === PROTO.UDP
  }

  /** The same over IPv6, whose packets may be without a header in front of TCP or UDP, or with that of a fragment. */
  #readQuote6({ ip, l4 }: Parsed, bytes: number): boolean {
    const { pkt } = this.#frames
    const outer = l4 + ICMPV6.HEADER
    const inner = outer + quotedHeader6(pkt, outer)
    const type = pkt.getUint8(l4)
    const hasLength = type === ICMPV6_TYPE.UNREACHABLE || type === ICMPV6_TYPE.TIME_EXCEEDED
    const words = hasLength ? pkt.getUint8(l4 + 4) : 0
    const end = l4 + Math.min(bytes, words === 0 ? bytes : ICMPV6.HEADER + 8 * words)
    for (let i = 0; i < 16; i += 4)
      if (pkt.getInt32(outer + IPV6.SRC + i) !== pkt.getInt32(ip + IPV6.DST + i)) return false
    if (isLaterFragment6(pkt, outer)) return false
    if (inner + IPV6.HEADER + QUOTED_BYTES > end || pkt.getUint8(inner) >>> 4 !== 6) return false
    const total = IPV6.HEADER + pkt.getUint16(inner + IPV6.PAYLOAD_LENGTH)
    const protocol = pkt.getUint8(inner + IPV6.NEXT)
    this.#outer = outer
    this.#inner = inner
    this.#l4 = inner + IPV6.HEADER
    this.#end = Math.min(end, inner + total)
    if (total < IPV6.HEADER + QUOTED_BYTES) return false
    return protocol === PROTO.TCP || protocol === PROTO.UDP
  }

  /** Whether a packet of tuple t, if it is of one, went into a tunnel to `rip` on the arm. => 0, HAND_OVER - worker, or minus a drop reason */
  #judge(t: number, arm: Arm, rip: number, client: number, ports: number): number {
    const peers = this.#peers
    if (t < 0 && peers !== null) {
      const owner = peers.steering.clientWorker(client, ports >>> 16)
      if (owner !== peers.self) return HAND_OVER - owner
    }
    if (t < 0 || (t & 1) !== 0 || this.#table.method(t >> 1) !== METHOD.TUNNEL)
      return -Drop.ICMP_NO_CONN
    const { cells } = this.#table
    const at = recordOf(t)
    if (cells[at | RIP] !== rip) return -Drop.ICMP_NO_CONN
    const binding = cells[at | BINDING]
    if (this.#numbers.armOfRs(binding) !== arm) return -Drop.IP_SOURCE
    // What goes to the RS is what an answer of it would be about.
    return this.#numbers.isUnderWay(this.#l4, t | 1, binding) ? 0 : -Drop.ICMP_SEQUENCE
  }

  /** The packet that is quoted has its Ethernet header before it, of which only the type means something. */
  #standAlone(slot: number, type: number): void {
    const { pkt, fragment } = this.#frames
    pkt.setUint16(this.#inner - ETH.HEADER + ETH.TYPE, type)
    fragment[slot] = 0
  }

  #toClient(slot: number, t: number, isTooLarge: boolean): number {
    this.#counters.count(Event.ICMP_TRANSLATED)
    if (isTooLarge) this.#counters.count(Event.ICMP_MTU_LOWERED)
    const out = this.#arms[this.#table.clientArm(t >> 1)]
    return this.#egress.toClient(this.#frames.start[slot] + VNET.BYTES, out, t >> 1)
  }
}

/** Also of a node that has no end for the tunnel (RFC 4443 3.4, unrecognized next header). */
function isUnreachable6(type: number, code: number): boolean {
  if (type === ICMPV6_TYPE.UNREACHABLE || type === ICMPV6_TYPE.TIME_EXCEEDED) return true
  return type === ICMPV6_TYPE.PARAMETER_PROBLEM && code === 1
}
