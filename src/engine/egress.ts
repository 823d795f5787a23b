/**
 * The Ethernet header of what leaves. Towards an RS its next hop's neighbour says the MAC, or keeps the frame until it knows;
 * towards the client it is the MAC that the client's last segment came from, so replies need neither route nor ARP
 * (semantics 1.8, 1.9). What segments tell of an RS's next hop comes in here, too.
 */

import { ETH, writeMacs } from '../wire/ethernet.ts'
import { IPV4 } from '../wire/ipv4.ts'
import type { Arm } from './arm.ts'
import { CELL, RECORD } from './conn-layout.ts'
import { Drop } from './counters.ts'
import type { Neighs } from './neigh.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { DestCell } from './service.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { WORD, MAC_LO } = CELL
const { at: recordAt } = RECORD
const { LINK, NEXT_HOP, NEIGH } = DestCell
const { SRC: ETH_SRC } = ETH
const IP_DST_IN_FRAME = ETH.HEADER + IPV4.DST

export class Egress {
  readonly #pkt: DataView
  readonly #cells: Int32Array
  readonly #destCells: Int32Array
  readonly #neighs: Neighs

  constructor({ frames, table, dests }: Parts, neighs: Neighs) {
    this.#pkt = frames.pkt
    this.#cells = table.cells
    this.#destCells = dests.cells
    this.#neighs = neighs
  }

  /** Addresses the frame in `slot` to the next hop of an RS on `arm`, its own. => The arm, PARKED, or minus a drop reason. */
  toRs(slot: number, eth: number, arm: Arm, dest: number, now: number): number {
    const cells = this.#destCells
    const at = dest << 4
    const hint = cells[at | NEIGH]
    const known = cells[at | NEXT_HOP]
    // No address, and no word of one of IPv6, is 0.
    const hop = known === 0 ? this.#hopOf(eth, arm) : known
    const n = this.#neighs.findOrCreate(cells[at | LINK], hop, hint, now)
    if (n < 0) return -Drop.NEIGH_TABLE_FULL
    if (n !== hint) cells[at | NEIGH] = n
    return this.#neighs.output(n, slot, eth, arm, now)
  }

  /** Of an RS without a next hop, which is an address of ours: the one that leads to whom the frame is for. */
  #hopOf(eth: number, arm: Arm): number {
    const address = this.#pkt.getInt32(eth + IP_DST_IN_FRAME)
    const gateway = arm.routeTo(address)?.gateway ?? 0
    return gateway === 0 ? address : gateway
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
    const n = this.#nextHop(dest)
    if (n < 0) return false
    const pkt = this.#pkt
    const macHi = pkt.getUint16(p.eth + ETH_SRC)
    return this.#neighs.newsIn(n, macHi, pkt.getInt32(p.eth + ETH_SRC + 2), now) !== 0
  }

  /** A segment with ACK, which is to be believed, has come from the RS: its next hop is alive (semantics 6.4). */
  confirmRs(p: Parsed, dest: number, now: number): void {
    const n = this.#nextHop(dest)
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
