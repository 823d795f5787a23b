/**
 * ICMPv6 to the appliance: echo is answered for addresses of the receiving arm, neighbour discovery as arp-input.ts has it of ARP, and
 * queries for groups. Read RFC 4861 7 before changing this file.
 *
 * What differs from DPVS (semantics 6.8): a solicitation is answered with or without the asker's link-layer address, and so is one
 * of somebody who looks whether his address is free (RFC 4862 5.4): ours are not. Nothing is learned from strangers.
 */

import {
  findNdOption,
  ICMPV6,
  ICMPV6_TYPE,
  isIcmpv6Error,
  isIcmpv6Intact,
  ND,
  ND_FLAG,
  ND_HOPS,
  ND_LINK_BYTES,
  ND_OPTION,
  ND_SPOILT,
  writeIcmpv6Checksum,
} from '../wire/icmpv6.ts'
import {
  ADDRESS6_BYTES,
  hasFragmentHeader,
  IPV6,
  isLinkLocal,
  NEXT,
  readAddress6,
} from '../wire/ipv6.ts'
import { clearVnetHdr } from '../wire/vnet-hdr.ts'
import type { AddressBook } from './address-book.ts'
import { type Arm, isOurs } from './arm.ts'
import type { Claims } from './claims.ts'
import { type Counters, DONE, Drop, Event } from './counters.ts'
import { Family, linkOf } from './family.ts'
import type { Frames } from './frames.ts'
import type { LongClock } from './long-clock.ts'
import { type NdOutput, writeLinkOption } from './nd-output.ts'
import type { Neighs } from './neigh.ts'
import { neighWord } from './neigh-word.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Peers } from './peers.ts'
import { swapAddresses6, swapMacs } from './rst.ts'
import type { Templates } from './templates.ts'

const { IPV6: FAMILY } = Family
const { HEADER: IP_HEADER, SRC, DST } = IPV6
const { NEIGHBOUR_SOLICIT, NEIGHBOUR_ADVERT, ECHO, MLD_QUERY } = ICMPV6_TYPE
const HOPS = 64
/** A router that has not heard it asks again after a second at least (RFC 3810 9.8). */
const REPORT_MS = 1000

export class Icmpv6Input {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #book: AddressBook
  readonly #neighs: Neighs
  readonly #output: NdOutput
  readonly #counters: Counters
  readonly #claims: Claims
  readonly #peers: Peers | null
  readonly #long: LongClock
  readonly #templates: Templates
  readonly #address = new Int32Array(4)

  constructor(parts: Parts, neighs: Neighs, output: NdOutput, claims: Claims) {
    this.#frames = parts.frames
    this.#arms = parts.arms
    this.#book = parts.book
    this.#neighs = neighs
    this.#output = output
    this.#counters = parts.counters
    this.#claims = claims
    this.#peers = parts.peers
    this.#long = parts.long
    this.#templates = parts.templates
  }

  /** ICMPv6 that quotes nothing of ours (Kind.ICMPV6). => As Engine.input */
  input(slot: number, p: Parsed, arm: Arm, now: number): number {
    const { pkt } = this.#frames
    const bytes = p.ipTotal - p.ipHeader
    if (bytes < ICMPV6.HEADER) return -Drop.ICMP_HEADER
    const type = pkt.getUint8(p.l4 + ICMPV6.TYPE)
    const isOfNeighbour = type === NEIGHBOUR_SOLICIT || type === NEIGHBOUR_ADVERT
    const isOwn = arm.owns(FAMILY, p.daddr)
    if (!isOwn && !isOfNeighbour && type !== MLD_QUERY)
      return isOfGroup(pkt, p) ? -Drop.ICMP_TYPE : -Drop.ICMP_NOT_OURS
    if (!isIcmpv6Intact(pkt, p.ip, p.l4, bytes)) return -Drop.ICMP_CHECKSUM
    if (isOfNeighbour) return this.#neighbour(slot, p, arm, bytes, now)
    if (type === MLD_QUERY) return this.#report(p, arm)
    if (type === ECHO) return this.#echo(slot, p, arm, bytes)
    return isIcmpv6Error(type) ? -Drop.ICMP_QUOTE : -Drop.ICMP_TYPE
  }

  /** As of IPv4 (icmp-input.ts), hop limit 64 and traffic class kept; extension headers of the request are not sent back. */
  #echo(slot: number, p: Parsed, arm: Arm, bytes: number): number {
    const { pkt } = this.#frames
    if (p.ipHeader !== IP_HEADER) return -Drop.IP_EXTENSION
    swapMacs(pkt, p.eth)
    swapAddresses6(pkt, p.ip)
    pkt.setUint8(p.ip + IPV6.HOP_LIMIT, HOPS)
    pkt.setUint8(p.l4 + ICMPV6.TYPE, ICMPV6_TYPE.ECHO_REPLY)
    writeIcmpv6Checksum(pkt, p.ip, p.l4, bytes)
    clearVnetHdr(pkt, this.#frames.start[slot])
    this.#counters.count(Event.ICMP_ECHO_REPLIES)
    return arm.index
  }

  /** A router wants to know who listens to what: a switch in between does, too. It asks by its address of the link (RFC 3810 5.1.14). */
  #report(p: Parsed, arm: Arm): number {
    const isOfLink = p.ttl === 1 && isLinkLocal(p.source[0])
    if (!isOfLink || !isOfGroup(this.#frames.pkt, p)) return -Drop.ND_HEADER
    // One worker speaks for all.
    if (this.#peers !== null && this.#peers.self !== 0) return DONE
    // Whoever is on the link may ask as often as he likes; a round of reports is as many frames as we have addresses.
    if (this.#long.ms - arm.reported < REPORT_MS) return DONE
    arm.reported = this.#long.ms
    for (const { family, address } of arm.addresses)
      if (family === FAMILY) this.#output.report(arm, address)
    return DONE
  }

  /** What RFC 4861 7.1 asks of both. */
  #neighbour(slot: number, p: Parsed, arm: Arm, bytes: number, now: number): number {
    const { pkt } = this.#frames
    const { l4 } = p
    // What may have come from far away in pieces is not believed (RFC 6980).
    if (this.#frames.fragment[slot] !== 0 || hasFragmentHeader(pkt, p.ip)) return -Drop.ND_HEADER
    const isAsking = pkt.getUint8(l4 + ICMPV6.TYPE) === NEIGHBOUR_SOLICIT
    const isWhole = p.ttl === ND_HOPS && pkt.getUint8(l4 + ICMPV6.CODE) === 0 && bytes >= ND.OPTIONS
    if (!isWhole || pkt.getUint8(l4 + ND.TARGET) === 0xff) return -Drop.ND_HEADER
    const type = isAsking ? ND_OPTION.SOURCE_LINK : ND_OPTION.TARGET_LINK
    const option = findNdOption(pkt, l4 + ND.OPTIONS, l4 + bytes, type)
    if (option === ND_SPOILT) return -Drop.ND_HEADER
    const hi = option < 0 ? 0 : pkt.getUint16(option)
    const lo = option < 0 ? 0 : pkt.getInt32(option + 2)
    // A group's or null address is nobody's own.
    if (option >= 0 && ((hi & 0x0100) !== 0 || (hi | lo) === 0)) return -Drop.ND_HEADER
    return isAsking
      ? this.#solicited(slot, p, arm, option < 0, hi, lo, now)
      : this.#advertised(p, arm, option < 0, hi, lo, now)
  }

  #solicited(
    slot: number,
    p: Parsed,
    arm: Arm,
    isBare: boolean,
    hi: number,
    lo: number,
    now: number,
  ): number {
    const { pkt } = this.#frames
    const { source } = p
    const target = this.#book.read(pkt, p.l4 + ND.TARGET)
    const isProbe = (source[0] | source[1] | source[2] | source[3]) === 0
    // Who has no address yet has no MAC to tell, and asks a group (RFC 4861 7.1.1).
    if (isProbe && (!isBare || !isOfGroup(pkt, p))) return -Drop.ND_HEADER
    if (isProbe) {
      if (!arm.owns(FAMILY, target)) return -Drop.ND_NOT_OURS
      this.#claims.report(target, FAMILY, arm, this.#macHi(p), this.#macLo(p), now)
    } else {
      const sender = neighWord(this.#book, this.#templates, source)
      if (isOurs(this.#arms, FAMILY, sender)) return this.#claimed(sender, p, arm, now)
      const known = !isBare && this.#hear(arm, sender, source, hi, lo, false, now)
      if (!arm.owns(FAMILY, target)) return known ? DONE : -Drop.ND_NOT_OURS
    }
    return this.#advertise(slot, p, arm, isProbe)
  }

  #advertised(p: Parsed, arm: Arm, isBare: boolean, hi: number, lo: number, now: number): number {
    const { pkt } = this.#frames
    const flags = pkt.getUint8(p.l4 + ND.FLAGS)
    const toGroup = isOfGroup(pkt, p)
    if (toGroup && (flags & ND_FLAG.SOLICITED) !== 0) return -Drop.ND_HEADER
    const address = this.#address
    readAddress6(pkt, p.l4 + ND.TARGET, address)
    const target = neighWord(this.#book, this.#templates, address)
    if (isOurs(this.#arms, FAMILY, target)) return this.#claimed(target, p, arm, now)
    // One without its MAC answers who knows it already (RFC 4861 7.2.4): it is where the frame came from.
    const macHi = isBare ? this.#macHi(p) : hi
    const macLo = isBare ? this.#macLo(p) : lo
    const solicited = !toGroup && arm.owns(FAMILY, p.daddr)
    const known = this.#hear(arm, target, address, macHi, macLo, solicited, now)
    if (!solicited) return known ? DONE : -Drop.ND_NOT_OURS
    return known || this.#peers !== null ? DONE : -Drop.ND_UNSOLICITED
  }

  #hear(
    arm: Arm,
    word: number,
    address: Int32Array,
    hi: number,
    lo: number,
    solicited: boolean,
    now: number,
  ): boolean {
    const link = linkOf(arm.index, FAMILY)
    const known = this.#neighs.hear(link, word, hi, lo, solicited, now)
    this.#peers?.tell(link, address, hi, lo, solicited)
    return known
  }

  #claimed(word: number, p: Parsed, arm: Arm, now: number): number {
    this.#claims.report(word, FAMILY, arm, this.#macHi(p), this.#macLo(p), now)
    return -Drop.ND_CLAIMS_OURS
  }

  #macHi(p: Parsed): number {
    return this.#frames.pkt.getUint16(p.eth + 6)
  }

  #macLo(p: Parsed): number {
    return this.#frames.pkt.getInt32(p.eth + 8)
  }

  /**
   * The solicitation becomes the advertisement: to who has asked, or to all nodes if that one has no address yet (RFC 4861 7.2.4). It has room
   * for what it is to carry, whatever options there were.
   */
  #advertise(slot: number, p: Parsed, arm: Arm, isProbe: boolean): number {
    const { pkt, start, length } = this.#frames
    const { eth, ip } = p
    const icmp = ip + IP_HEADER
    const bytes = ND.OPTIONS + ND_LINK_BYTES
    const to = p.l4 + ND.TARGET
    const override = ND_FLAG.OVERRIDE | (isProbe ? 0 : ND_FLAG.SOLICITED)
    // The target first: extension headers may lie where it goes.
    for (let i = 0; i < ADDRESS6_BYTES; i += 4)
      pkt.setInt32(icmp + ND.TARGET + i, pkt.getInt32(to + i))
    for (let i = 0; i < ADDRESS6_BYTES; i += 4) {
      pkt.setInt32(ip + DST + i, pkt.getInt32(ip + SRC + i))
      pkt.setInt32(ip + SRC + i, pkt.getInt32(icmp + ND.TARGET + i))
    }
    swapMacs(pkt, eth)
    if (isProbe) {
      pkt.setInt32(ip + DST, 0xff02_0000)
      pkt.setInt32(ip + DST + 12, 1)
      pkt.setUint16(eth, 0x3333)
      pkt.setInt32(eth + 2, 1)
    }
    pkt.setUint16(eth + 6, arm.macHi)
    pkt.setInt32(eth + 8, arm.macLo)
    pkt.setInt32(ip + IPV6.PAYLOAD_LENGTH, (bytes << 16) | (NEXT.ICMPV6 << 8) | ND_HOPS)
    pkt.setInt32(icmp, NEIGHBOUR_ADVERT << 24)
    pkt.setInt32(icmp + ND.FLAGS, override << 24)
    writeLinkOption(pkt, icmp + ND.OPTIONS, ND_OPTION.TARGET_LINK, arm)
    writeIcmpv6Checksum(pkt, ip, icmp, bytes)
    clearVnetHdr(pkt, start[slot])
    length[slot] = icmp + bytes - start[slot]
    this.#counters.countOn(arm.index, Event.ND_REPLIES)
    return arm.index
  }
}

function isOfGroup(pkt: DataView, p: Parsed): boolean {
  return pkt.getUint8(p.ip + DST) === 0xff
}
