/** Which arm and next hop lead to an RS. */

import type { AddressBook } from './address-book.ts'
import { type Arm, routeOut } from './arm.ts'
import { Family, linkOf } from './family.ts'
import type { Match } from './match.ts'
import type { Neighs } from './neigh.ts'
import { NO_NEIGH } from './neigh-table.ts'
import type { Parts } from './parts.ts'
import { routeOut6 } from './route-out6.ts'
import { type Dest, DestCell, type Dests, type Service } from './service.ts'

const { LINK, NEXT_HOP, NEIGH } = DestCell
const { IPV4 } = Family

export class WayToRs {
  readonly #arms: readonly Arm[]
  readonly #book: AddressBook
  readonly #dests: Dests
  readonly #neighs: Neighs

  constructor({ arms, book, dests }: Parts, neighs: Neighs) {
    this.#arms = arms
    this.#book = book
    this.#dests = dests
    this.#neighs = neighs
  }

  /** Enters it, and asks for the next hop if that is not known. => false, and nothing done, if there is none */
  find(dest: Dest, now: number): boolean {
    const { rip, family, index, service } = dest
    if (service.match !== null) return this.#outward(dest, service.match)
    const arms = this.#arms
    const out = family === IPV4 ? routeOut(arms, rip) : routeOut6(arms, this.#book, rip)
    if (out === undefined) return false
    const link = linkOf(out.arm.index, family)
    this.#enter(index, link, out.nextHop)
    this.#neighs.resolve(link, out.nextHop, now)
    return true
  }

  /** The service goes by these criteria from now on, or by none: another arm may have its addresses by now. */
  lead(service: Service, match: Match | null): void {
    service.match = match
    if (match !== null) for (const dest of service.dests) this.#outward(dest, match)
  }

  /** Whom the frames are for says each of them (Egress.toRs). */
  #outward({ index, family }: Dest, { outArm }: Match): true {
    return this.#enter(index, linkOf(outArm, family), 0)
  }

  #enter(place: number, link: number, nextHop: number): true {
    const { cells } = this.#dests
    const at = place << 4
    cells[at | LINK] = link
    cells[at | NEXT_HOP] = nextHop
    cells[at | NEIGH] = NO_NEIGH
    return true
  }
}
