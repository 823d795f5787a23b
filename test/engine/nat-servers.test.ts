/** Which addresses are those of RSs reached by NAT, over more changes than are kept. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressBook } from '../../src/engine/address-book.ts'
import { KEY, METHOD } from '../../src/engine/conn-layout.ts'
import { NatServers } from '../../src/engine/nat-servers.ts'
import { type Dest, DestCell, Dests, type Service } from '../../src/engine/service.ts'

const PLACES = 4
const { ACTIVE, INACTIVE } = DestCell

/** RSs that come to these places and leave them; what else is known of one does not matter here. */
class Places {
  readonly dests = new Dests(
    new ArrayBuffer(Dests.bytesFor(PLACES)),
    PLACES,
    new ArrayBuffer(PLACES * 16),
  )
  readonly nat = new NatServers(
    this.dests,
    new AddressBook(new ArrayBuffer(AddressBook.bytesFor(1)), 0, 1),
  )

  put(index: number, rip: number, method: number = METHOD.NAT, protocol = 6): void {
    const service = { protocol } as Service
    const dest = { index, family: 0, rip, rport: 80, method, upper: -1, service } as Dest
    this.nat.note(dest)
    this.dests.list[index] = dest
    this.dests.gone[index] = undefined
  }

  leave(index: number): void {
    this.dests.remove(this.dests.list[index] as Dest)
  }

  /** One after the other at a place, `from` to below `to`. */
  many(index: number, from: number, to: number): void {
    for (let rip = from; rip < to; rip++) {
      this.put(index, rip)
      this.leave(index)
    }
  }
}

test('when as many have been there as are kept, those stay that are there or have connections', () => {
  const places = new Places()
  const { nat, dests } = places
  places.put(0, 1)
  places.put(1, 2)
  dests.cells[(1 << 4) | INACTIVE] = 1
  places.leave(1)
  places.put(2, 3)
  dests.cells[(2 << 4) | ACTIVE] = 1
  places.put(2, 3, METHOD.DR)
  assert.deepEqual(
    [1, 2, 3, 4].map(rip => nat.answers(rip, 80, 0)),
    [true, true, true, false],
  )
  places.many(3, 10, 70_000)
  assert.deepEqual(
    [1, 2, 3].map(rip => nat.answers(rip, 80, 0)),
    [true, true, true],
  )
  // Those of before have gone, for there is no more room than for so many.
  assert.deepEqual(
    [10, 60_000, 69_999].map(rip => nat.answers(rip, 80, 0)),
    [false, false, true],
  )
  dests.cells.fill(0)
  places.leave(0)
  places.many(3, 100_000, 200_000)
  assert.deepEqual(
    [1, 2, 3].map(rip => nat.answers(rip, 80, 0)),
    [false, false, false],
  )
})

test('what answers by TCP does not by UDP, unless another does', () => {
  const places = new Places()
  const { nat } = places
  const by = () =>
    [KEY.TCP, KEY.UDP, KEY.TCP | KEY.IPV6, KEY.ICMP].map(key => nat.mayAnswer(key, 1, 80, 0))
  places.put(0, 1)
  assert.deepEqual(by(), [true, false, true, false])
  assert.equal(nat.mayAnswer(KEY.TCP, 2, 80, 0), false)
  places.put(1, 1, METHOD.NAT, 17)
  assert.deepEqual(by(), [true, true, true, false])
  assert.ok(nat.answers(1, 80, 0))
  assert.deepEqual([nat.mayAnswer(0, 1, -1, 0), nat.mayAnswer(0, 2, -1, 0)], [true, false])
})
