/**
 * Neighbour discovery that the appliance begins: solicitations for a next hop, and for its own addresses unsolicited advertisements and
 * reports of the groups at which it is asked for them, without which a switch that snoops passes no question on (RFC 4861 7.2, RFC 3810,
 * RFC 4541 3).
 */

import { ETH, ETHERTYPE, writeEthernet } from '../wire/ethernet.ts'
import {
  ICMPV6_TYPE,
  ND,
  ND_FLAG,
  ND_HOPS,
  ND_LINK_BYTES,
  ND_OPTION,
  writeIcmpv6Checksum,
} from '../wire/icmpv6.ts'
import { IPV6, NEXT, writeAddress6, writeIpv6 } from '../wire/ipv6.ts'
import { clearVnetHdr, VNET } from '../wire/vnet-hdr.ts'
import type { AddressBook } from './address-book.ts'
import type { Arm } from './arm.ts'
import { type Counters, Event } from './counters.ts'
import { type Frames, NO_SLOT } from './frames.ts'
import type { Parts } from './parts.ts'
import type { Resolver } from './resolver.ts'
import { sourceFor6 } from './route-out6.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { HEADER: IP_HEADER, SRC, DST } = IPV6
const ND_BYTES = ND.OPTIONS + ND_LINK_BYTES
/** All nodes of the link, and all routers that know MLDv2. */
const ALL_NODES = 1
const ALL_MLD2 = 0x16
const GROUP_OF_LINK = 0xff02_0000 | 0
/** Of a MAC of a group of IPv6 (RFC 2464 7). */
const GROUP_MAC = 0x3333
/** A hop-by-hop header with a router alert of MLD and two bytes of padding (RFC 2711). */
const ALERT = { BYTES: 8, FIRST: (NEXT.ICMPV6 << 24) | 0x0502, SECOND: 0x0000_0100 } as const
/** A report of one group: header with a count, and a record that says from anybody. */
const REPORT = { RECORD: 8, GROUP: 12, BYTES: 28, TO_EXCLUDE: 4 } as const

export class NdOutput implements Resolver {
  readonly #frames: Frames
  readonly #counters: Counters
  readonly #book: AddressBook
  /** Whose MAC is asked for or told. */
  readonly #target = new Int32Array(4)

  constructor({ frames, counters, book }: Pick<Parts, 'frames' | 'counters' | 'book'>) {
    this.#frames = frames
    this.#counters = counters
    this.#book = book
  }

  ask(arm: Arm, word: number, far: Int32Array, at: number): void {
    const target = this.#target
    for (let i = 0; i < 4; i++) target[i] = word < 0 ? far[at + i] : this.#book.cell(word, i)
    const a = target[0]
    const b = target[1]
    const c = target[2]
    const d = target[3]
    const slot = this.#begin(arm, solicitedMac(d), ND_BYTES, ND_HOPS)
    if (slot === NO_SLOT) return
    const { pkt } = this.#frames
    const ip = this.#ipOf(slot)
    this.#book.write(pkt, ip + SRC, sourceFor6(arm, this.#book, a, b, c, d))
    writeSolicitedGroup(pkt, ip + DST, d)
    this.#finish(arm, slot, ICMPV6_TYPE.NEIGHBOUR_SOLICIT, 0)
    this.#counters.countOn(arm.index, Event.ND_REQUESTS)
  }

  /** To all nodes, which are to believe it whatever they knew (RFC 4861 7.2.6). */
  announce(arm: Arm, word: number): void {
    this.report(arm, word)
    const slot = this.#begin(arm, ALL_NODES, ND_BYTES, ND_HOPS)
    if (slot === NO_SLOT) return
    const { pkt } = this.#frames
    const ip = this.#ipOf(slot)
    this.#book.write(pkt, ip + SRC, word)
    writeGroup(pkt, ip + DST, ALL_NODES)
    for (let i = 0; i < 4; i++) this.#target[i] = this.#book.cell(word, i)
    this.#finish(arm, slot, ICMPV6_TYPE.NEIGHBOUR_ADVERT, ND_FLAG.OVERRIDE)
    this.#counters.countOn(arm.index, Event.ND_ANNOUNCED)
  }

  /**
   * Says that we listen to the group at which others ask for our address. It comes from the unspecified address, which is right for whoever has
   * none of the link alone (RFC 3590).
   */
  report(arm: Arm, word: number): void {
    const slot = this.#begin(arm, ALL_MLD2, ALERT.BYTES + REPORT.BYTES, 1)
    if (slot === NO_SLOT) return
    const { pkt } = this.#frames
    const ip = this.#ipOf(slot)
    pkt.setUint8(ip + IPV6.NEXT, NEXT.HOP_BY_HOP)
    for (let i = 0; i < 16; i += 4) pkt.setInt32(ip + SRC + i, 0)
    writeGroup(pkt, ip + DST, ALL_MLD2)
    pkt.setInt32(ip + IP_HEADER, ALERT.FIRST)
    pkt.setInt32(ip + IP_HEADER + 4, ALERT.SECOND)
    const icmp = ip + IP_HEADER + ALERT.BYTES
    pkt.setInt32(icmp, ICMPV6_TYPE.MLD2_REPORT << 24)
    pkt.setInt32(icmp + 4, 1)
    pkt.setInt32(icmp + REPORT.RECORD, REPORT.TO_EXCLUDE << 24)
    writeSolicitedGroup(pkt, icmp + REPORT.GROUP, this.#book.cell(word, 3))
    writeIcmpv6Checksum(pkt, ip, icmp, REPORT.BYTES)
    arm.send(slot)
    this.#counters.countOn(arm.index, Event.MLD_REPORTS)
  }

  /** => A slot with Ethernet and IPv6 header, to a group's MAC that ends so; NO_SLOT when the arena has none left */
  #begin(arm: Arm, group: number, payload: number, hops: number): number {
    const frames = this.#frames
    const slot = frames.take()
    if (slot === NO_SLOT) return NO_SLOT
    const start = frames.start[slot]
    const eth = start + VNET.BYTES
    clearVnetHdr(frames.pkt, start)
    writeEthernet(frames.pkt, eth, GROUP_MAC, group, arm.macHi, arm.macLo, ETHERTYPE.IPV6)
    writeIpv6(frames.pkt, eth + ETH.HEADER, NEXT.ICMPV6, payload, hops)
    frames.length[slot] = VNET.BYTES + ETH.HEADER + IP_HEADER + payload
    return slot
  }

  #ipOf(slot: number): number {
    return this.#frames.start[slot] + VNET.BYTES + ETH.HEADER
  }

  /** The solicitation or advertisement of the target, with our MAC; into the outbox. */
  #finish(arm: Arm, slot: number, type: number, flags: number): void {
    const { pkt } = this.#frames
    const ip = this.#ipOf(slot)
    const icmp = ip + IP_HEADER
    const isAsking = type === ICMPV6_TYPE.NEIGHBOUR_SOLICIT
    pkt.setInt32(icmp, type << 24)
    pkt.setInt32(icmp + ND.FLAGS, flags << 24)
    writeAddress6(pkt, icmp + ND.TARGET, this.#target, 0)
    writeLinkOption(
      pkt,
      icmp + ND.OPTIONS,
      isAsking ? ND_OPTION.SOURCE_LINK : ND_OPTION.TARGET_LINK,
      arm,
    )
    writeIcmpv6Checksum(pkt, ip, icmp, ND_BYTES)
    arm.send(slot)
  }
}

export function writeLinkOption(pkt: DataView, at: number, type: number, arm: Arm): void {
  pkt.setUint16(at, (type << 8) | 1)
  pkt.setUint16(at + 2, arm.macHi)
  pkt.setInt32(at + 4, arm.macLo)
}

/** Last 32 bits of the MAC of the group at which an address that ends so is asked for. */
function solicitedMac(d: number): number {
  return 0xff00_0000 | (d & 0xff_ffff)
}

/** ff02::1:ffXX:XXXX, for an address that ends so (RFC 4291 2.7.1). */
function writeSolicitedGroup(pkt: DataView, at: number, d: number): void {
  pkt.setInt32(at, GROUP_OF_LINK)
  pkt.setInt32(at + 4, 0)
  pkt.setInt32(at + 8, 1)
  pkt.setInt32(at + 12, 0xff00_0000 | (d & 0xff_ffff))
}

/** ff02::, with these last bits. */
function writeGroup(pkt: DataView, at: number, group: number): void {
  pkt.setInt32(at, GROUP_OF_LINK)
  pkt.setInt32(at + 4, 0)
  pkt.setInt32(at + 8, 0)
  pkt.setInt32(at + 12, group)
}
