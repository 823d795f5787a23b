/** The address book when more addresses have come and gone than it has words, and when all of them are meant. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../../src/config/changes.ts'
import { BOOK_CAPACITY } from '../../src/control/threads/memory.ts'
import { NO_WORD } from '../../src/engine/address-book.ts'
import { Family } from '../../src/engine/family.ts'
import { freeWords } from '../../src/engine/words-in-use.ts'
import { ipAddress } from '../../src/wire/ip-address.ts'
import type { Ipv6 } from '../../src/wire/ipv6-address.ts'
import { Stand } from '../kit/stand.ts'
import { MACS, RSS6, WAYS_CONFIG } from '../kit/traffic-ways.ts'

const VIP = '2001:db8:10::1'
const LIP = '2001:db8:168::7'

/** Address number `i` of those that come and go. */
const passing = (i: number): string =>
  `2001:db8:77::${(i >> 8).toString(16)}:${(i & 255).toString(16)}`
const onArm = (put: 'address' | 'no-address', address: string): Change => {
  return { put, arm: 0, address, prefixLength: 128 }
}

test('a book sees twice as many addresses as it has words, and those that stay keep theirs', () => {
  const stand = new Stand(WAYS_CONFIG)
  const { addressBook, dests, lips } = stand.engine
  const before = [VIP, LIP, ...RSS6].map(address =>
    addressBook.find(...(ipAddress(address) as Ipv6)),
  )
  stand.change([{ put: 'no-service', protocol: 'tcp', address: VIP, port: 6378 }])
  assert.ok(dests.gone.some(Boolean))
  for (let i = 0; i < 2 * BOOK_CAPACITY; i++) {
    const passer = { arm: 0, address: passing(i), mac: MACS[0] as string }
    stand.carryOut([
      { put: 'neighbour', ...passer },
      { put: 'no-neighbour', ...passer },
    ])
  }
  assert.ok(addressBook.used <= BOOK_CAPACITY)
  assert.deepEqual(
    [VIP, LIP, ...RSS6.slice(0, 2)].map(address =>
      addressBook.find(...(ipAddress(address) as Ipv6)),
    ),
    before.slice(0, 4),
  )
  const gone = ipAddress(RSS6[2] as string) as Ipv6
  stand.pass(60_000, 100)
  freeWords(stand.engine)
  assert.equal(addressBook.find(...gone), NO_WORD, 'an RS that went without connections')
  assert.ok(!dests.gone.some(dest => dest?.family === Family.IPV6 && !addressBook.has(dest.rip)))
  assert.ok(
    lips.every(
      pool => pool === undefined || pool.family === Family.IPV4 || addressBook.has(pool.lip),
    ),
  )
})

test('a book that is full of what is meant refuses in one line, and takes what comes when something goes', () => {
  const stand = new Stand(WAYS_CONFIG)
  const { addressBook } = stand.engine
  freeWords(stand.engine)
  const room = BOOK_CAPACITY - addressBook.used
  for (let i = 0; i < room; i++) stand.carryOut([onArm('address', passing(i))])
  stand.drain()
  assert.throws(
    () => stand.change([onArm('address', passing(room))]),
    /^RangeError: no more than 16383 addresses of IPv6 at a time$/,
  )
  stand.change([onArm('no-address', passing(5)), onArm('address', passing(room))])
  assert.equal(addressBook.used, BOOK_CAPACITY)
})
