/**
 * The Ethernet header of what leaves. Towards an RS its next hop's neighbour says the MAC, or keeps the frame until it knows;
 * towards the client it is the MAC that the client's last segment came from, so replies need neither route nor ARP
 * (semantics 1.8, 1.9). What segments tell of an RS's next hop comes in here, too.
 */

import { ETH, writeMacs } from '../wire/ethernet.ts'
import { IPV4 } from '../wire/ipv4.ts'
import { IPV6, readAddress6 } from '../wire/ipv6.ts'
import { type AddressBook, NO_WORD } from './address-book.ts'
import type { Arm } from './arm.ts'
import { CELL, RECORD } from './conn-layout.ts'
import { Drop } from './counters.ts'
import { armOf, Family, familyOf } from './family.ts'
import type { Neighs } from './neigh.ts'
import { neighWord } from './neigh-word.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { DestCell } from './service.ts'
import type { Templates } from './templates.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { WORD, MAC_LO } = CELL
const { at: recordAt } = RECORD
const { LINK, NEXT_HOP, NEIGH } = DestCell
const { SRC: ETH_SRC } = ETH
const SRC_IN_FRAME = [ETH.HEADER + IPV4.SRC, ETH.HEADER + IPV6.SRC] as const
const DST_IN_FRAME = [ETH.HEADER + IPV4.DST, ETH.HEADER + IPV6.DST] as const

export class Egress {
  readonly #pkt: DataView
  readonly #cells: Int32Array
  readonly #destCells: Int32Array
  readonly #neighs: Neighs
  readonly #arms: readonly Arm[]
  readonly #book: AddressBook
  readonly #templates: Templates
  /** Of whom the last frame by SNAT is for or from, over IPv6; and whether a gateway leads there. */
  readonly #address = new Int32Array(4)
  #isGateway = false

  constructor({ frames, table, dests, arms, book, templates }: Parts, neighs: Neighs) {
    this.#pkt = frames.pkt
    this.#arms = arms
    this.#book = book
    this.#templates = templates
    this.#cells = table.cells
    this.#destCells = dests.cells
    this.#neighs = neighs
  }

  /** Addresses the frame in `slot` to the next hop of an RS on `arm`, its own. => The arm, PARKED, or minus a drop reason. */
  toRs(slot: number, eth: number, arm: Arm, dest: number, now: number): number {
    const cells = this.#destCells
    const at = dest << 4
    const hint = cells[at | NEIGH]
    const n = this.#neighs.find(cells[at | LINK], cells[at | NEXT_HOP], hint)
    if (n < 0) return this.#toStranger(slot, eth, arm, dest, now)
    if (n !== hint) cells[at | NEIGH] = n
    return this.#neighs.output(n, slot, eth, arm, now)
  }

  /** The same to a next hop that is no neighbour yet. No address, and no word of one of IPv6, is 0: such an RS has none. */
  #toStranger(slot: number, eth: number, arm: Arm, dest: number, now: number): number {
    const cells = this.#destCells
    const at = dest << 4
    const hop = cells[at | NEXT_HOP]
    if (hop === 0) return this.#toAnybody(slot, eth, arm, dest, now)
    const n = this.#neighs.findOrCreate(cells[at | LINK], hop, cells[at | NEIGH], now)
    if (n < 0) return -Drop.NEIGH_TABLE_FULL
    cells[at | NEIGH] = n
    return this.#neighs.output(n, slot, eth, arm, now)
  }

  /** The same of an RS without a next hop, which is an address of ours: it is that which leads to whom the frame is for. */
  #toAnybody(slot: number, eth: number, arm: Arm, dest: number, now: number): number {
    const cells = this.#destCells
    const at = dest << 4
    const link = cells[at | LINK]
    const hint = cells[at | NEIGH]
    const hop = this.#hopTo(link, eth, arm, DST_IN_FRAME)
    const neighs = this.#neighs
    const n = this.#isGateway
      ? neighs.findOrCreate(link, hop, hint, now)
      : neighs.findOrCreateFar(link, hop, this.#address, hint, now)
    if (n < 0) return this.#isGateway ? -Drop.NEIGH_TABLE_FULL : -Drop.NEIGH_SHARE
    if (n !== hint) cells[at | NEIGH] = n
    return neighs.output(n, slot, eth, arm, now)
  }

  /** The word of the next hop on `arm` towards one of the addresses of the frame at `eth`: of IPv4, or of IPv6, at these offsets. */
  #hopTo(link: number, eth: number, arm: Arm, offsets: readonly [number, number]): number {
    const pkt = this.#pkt
    const family = familyOf(link)
    const at = eth + offsets[family]
    if (family === Family.IPV4) {
      const address = pkt.getInt32(at)
      const gateway = arm.routeTo(address)?.gateway ?? 0
      this.#isGateway = gateway !== 0
      return gateway === 0 ? address : gateway
    }
    const address = this.#address
    readAddress6(pkt, at, address)
    const route = arm.routes6.to(address[0], address[1], address[2], address[3])
    const gateway = route?.gateway ?? NO_WORD
    this.#isGateway = gateway !== NO_WORD
    return gateway === NO_WORD ? neighWord(this.#book, this.#templates, address) : gateway
  }

  /** The same to the client of a conn, on its arm. => The arm */
  toClient(eth: number, arm: Arm, conn: number): number {
    const cells = this.#cells
    const macHi = cells[recordAt(conn) | WORD] >>> 16
    const macLo = cells[recordAt(conn) | MAC_LO]
    writeMacs(this.#pkt, eth, macHi, macLo, arm.macHi, arm.macLo)
    return arm.index
  }

  /** A segment with ACK from the RS would confirmRs(): seldom, for an entry that was confirmed stays so for a while. */
  isNewsOfNextHop(p: Parsed, dest: number, now: number): boolean {
    const n = this.#hopOf(p, dest)
    if (n < 0) return false
    const pkt = this.#pkt
    const macHi = pkt.getUint16(p.eth + ETH_SRC)
    return this.#neighs.newsIn(n, macHi, pkt.getInt32(p.eth + ETH_SRC + 2), now) !== 0
  }

  /** A segment with ACK, which is to be believed, has come from the RS: its next hop is alive (semantics 6.4). */
  confirmRs(p: Parsed, dest: number, now: number): void {
    const n = this.#hopOf(p, dest)
    if (n < 0) return
    const pkt = this.#pkt
    const macHi = pkt.getUint16(p.eth + ETH_SRC)
    this.#neighs.confirm(n, macHi, pkt.getInt32(p.eth + ETH_SRC + 2), now)
  }

  /** The RS has left a SYN without an answer: perhaps its next hop has another MAC now. */
  suspectRs(dest: number, now: number): void {
    const n = this.#nextHop(dest)
    if (n >= 0) this.#neighs.suspect(n, now)
  }

  /** The RS's next hop has a MAC: what waited for one would be thousands of frames. */
  isReachable(dest: number): boolean {
    if (this.#destCells[(dest << 4) | NEXT_HOP] === 0) return true
    const n = this.#nextHop(dest)
    return n >= 0 && this.#neighs.isKnown(n)
  }

  /** The entry of the next hop that the packet in p, of the RS, came by; or below 0. */
  #hopOf(p: Parsed, dest: number): number {
    const cells = this.#destCells
    const at = dest << 4
    const n = this.#nextHop(dest)
    if (n >= 0 || cells[at | NEXT_HOP] !== 0) return n
    const link = cells[at | LINK]
    const hop = this.#hopTo(link, p.eth, this.#arms[armOf(link)], SRC_IN_FRAME)
    return this.#neighs.find(link, hop, cells[at | NEIGH])
  }

  /** The entry of the RS's next hop, or below 0. */
  #nextHop(dest: number): number {
    const cells = this.#destCells
    const at = dest << 4
    const hint = cells[at | NEIGH]
    const n = this.#neighs.find(cells[at | LINK], cells[at | NEXT_HOP], hint)
    if (n >= 0 && n !== hint) cells[at | NEIGH] = n
    return n
  }
}
