/**
 * Which words of the address book an engine still means; the others it frees, when the book is full (AddressBook.whenFull). Whatever
 * keeps a word of IPv6 is looked at here: who adds such a thing adds it here, and test/engine/words-in-use.test.ts lives a life in a book
 * that is full all the time.
 *
 * What holds a word, so that it stays: addresses and gateways of arms, services, RSs, LIPs of services; records of connections (VIP, LIP,
 * RIP), and the next hop of an RS that was taken away and has some; neighbours, until they have timed out; datagrams that are being put together. What only remembers
 * one is forgotten with it: pools of LIPs, RSs that were taken away and have no connection.
 *
 * Any cell that could be a word counts as one, though it may be an address of IPv4 or a digest: a word too many stays, none goes
 * that is meant. Records count as they lie in the memory, be they adopted yet or not: until they are, a daemon that sets up its config frees
 * nothing of theirs.
 */

import type { AddressBook } from './address-book.ts'
import type { Arm } from './arm.ts'
import type { ConnTable } from './conn.ts'
import { CELL, RECORD } from './conn-layout.ts'
import { Family } from './family.ts'
import type { Neighs } from './neigh.ts'
import type { Reassembly } from './reassembly.ts'
import { type Dest, DestCell, type Dests, type Lips } from './service.ts'
import type { Setup } from './setup.ts'

/** What an engine has that keeps words. */
interface Keepers {
  readonly addressBook: AddressBook
  readonly arms: readonly Arm[]
  readonly setup: Setup
  readonly dests: Dests
  readonly lips: Lips
  readonly conns: { readonly table: ConnTable }
  readonly neighs: Neighs
  readonly reassembly: Reassembly
}

/** A byte by word, 1 for one that is meant. */
export type Meant = Uint8Array

export function freeWords(keepers: Keepers): void {
  const { addressBook, dests, lips, setup } = keepers
  const meant = new Uint8Array(addressBook.capacity + 1)
  const mark = (cell: number) => {
    if (cell > 0 && cell < meant.length) meant[cell] = 1
  }
  markSetUp(keepers, mark)
  markRecords(keepers, mark)
  markNeighs(keepers.neighs, mark)
  keepers.reassembly.eachAddress(mark)
  for (const [place, dest] of dests.gone.entries())
    if (dest !== undefined && !isMeant(dest, meant)) dests.gone[place] = undefined
  for (const [place, pool] of lips.entries())
    if (pool?.family === Family.IPV6 && meant[pool.lip] === 0) delete lips[place]
  forget(setup.lipAddresses[Family.IPV6], meant)
  setup.services.outside.forget(meant)
  addressBook.keep(meant)
}

type Mark = (cell: number) => void

function forget(words: Set<number>, meant: Meant): void {
  for (const word of words) if (meant[word] === 0) words.delete(word)
}

/** Its words are: if not, it has no connection. The addresses of IPv4 have none. */
function isMeant({ family, rip, service }: Dest, meant: Meant): boolean {
  return (
    (family !== Family.IPV6 || meant[rip] === 1) &&
    (service.family !== Family.IPV6 || service.match !== null || meant[service.vip] === 1)
  )
}

function markSetUp({ arms, setup, dests, lips }: Keepers, mark: Mark): void {
  for (const { addresses, routes6 } of arms) {
    for (const { address } of addresses) mark(address)
    for (const { gateway } of routes6.save()) mark(gateway)
  }
  for (const service of setup.services.all()) {
    mark(service.vip)
    for (const place of service.lips) mark(lips[place]?.lip ?? 0)
    for (const { index, rip } of service.dests) {
      mark(rip)
      mark(dests.cells[(index << 4) | DestCell.NEXT_HOP])
    }
  }
}

function markRecords({ conns: { table }, dests }: Keepers, mark: Mark): void {
  const { cells, top } = table
  for (let conn = 0; conn < top; conn++) {
    if (!table.inUse(conn)) continue
    const at = RECORD.at(conn)
    mark(cells[at | CELL.VIP])
    mark(cells[at | CELL.RIP])
    mark(cells[at | CELL.LIP])
    mark(dests.cells[(table.dest(conn) << 4) | DestCell.NEXT_HOP])
  }
}

function markNeighs(neighs: Neighs, mark: Mark): void {
  for (let n = 0; n < neighs.top; n++) if (neighs.inUse(n)) mark(neighs.word[n])
}
