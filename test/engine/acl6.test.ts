/** Lists, rates and shares of clients of IPv6: lists go by all 128 bits, what counts a client by its /64. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../../src/config/changes.ts'
import { listParts } from '../../src/config/list-parts.ts'
import { packList, prefixesOf } from '../../src/config/prefix-lists.ts'
import { Event } from '../../src/engine/counters.ts'
import { SEED6_CONFIG } from '../kit/nd.ts'
import { Stand } from '../kit/stand.ts'

const VIP = '2001:db8:10::1'
const CLIENT = '2001:db8:10::2'
const [TO_RS] = ['arm 1']

// Of clients behind a router, whose addresses are none of the link.
const CONFIG = SEED6_CONFIG.replace(
  "[{ to: '2001:db8:10::/64' }]",
  "[{ to: '2001:db8:10::/64' }, { to: default, via: '2001:db8:10::9' }]",
)
const with_ = (keys: string, config = CONFIG) => new Stand(`${config}    ${keys}\n`).resolveRss()

function said(stand: Stand, src = CLIENT, sport = 4000): string {
  stand.segment('dpdk0', `${src}.${sport} > ${VIP}.6379: Flags [S], seq 1, win 100, length 0`)
  return stand.verdictName()
}

test('deny first; with an allow list only those on it, whatever else they share bits with', () => {
  const denying = with_(`deny: ['${CLIENT}', '2001:db8:666::/48']`)
  assert.equal(said(denying), 'ACL_DENIED')
  assert.equal(said(denying, '2001:db8:10::3'), TO_RS)
  assert.equal(said(denying, '2001:db8:666:ffff::1'), 'ACL_DENIED')
  assert.equal(said(denying, '2001:db8:667::1'), TO_RS)
  const allowing = with_(
    "allow: ['2001:db8:10::/127', '2001:db8:10::2']\n    deny: ['2001:db8:10::/128']",
  )
  assert.equal(said(allowing), TO_RS)
  assert.equal(said(allowing, '2001:db8:10::3'), 'ACL_NOT_ALLOWED')
})

test('a change of a list ends the connections that it refuses, and no others', () => {
  const config = `${CONFIG}    deny: ['2001:db8:666::/48']\n`
  const stand = new Stand(config).resolveRss()
  for (let i = 0; i < 20; i++) assert.equal(said(stand, CLIENT, 5000 + i), TO_RS)
  assert.equal(said(stand, '2001:db8:10::3'), TO_RS)
  const name = 'deny of TCP [2001:db8:10::1]:6379'
  const list: Change[] = listParts(name, packList(prefixesOf([CLIENT])))
  stand.change(list)
  stand.pass(20, 1)
  assert.equal(stand.engine.conns.table.used, 1)
  assert.equal(stand.engine.counters.events[Event.ACL_ENDED], 20)
  assert.equal(said(stand), 'ACL_DENIED')
  assert.equal(said(stand, '2001:db8:10::3'), TO_RS)
  // An image has the list.
  const other = new Stand(config, undefined, { now: stand.now }, stand.image())
  assert.equal(said(other), 'ACL_DENIED')
})

test('the rate of a client is that of its /64', () => {
  const stand = with_('client_rate: 2')
  assert.equal(said(stand, '2001:db8:77:1::1'), TO_RS)
  assert.equal(said(stand, '2001:db8:77:1:ffff::2'), TO_RS)
  assert.equal(said(stand, '2001:db8:77:1::3'), 'CLIENT_RATE')
  assert.equal(said(stand, '2001:db8:77:2::1'), TO_RS)
})

test('so is its share of what is short, and what it gives back is its own again', () => {
  const short = 'connections: { table_size: 64, make_room: false, client_share: 25% }'
  const stand = new Stand(`${CONFIG}${short}\n`).resolveRss()
  const strangers = (from: number, count: number) => {
    for (let i = from; i < from + count; i++)
      assert.equal(said(stand, `2001:db8:1:${i.toString(16)}::1`), TO_RS)
  }
  for (let i = 1; i <= 16; i++) assert.equal(said(stand, `2001:db8:77:1::${i.toString(16)}`), TO_RS)
  strangers(1, 41)
  assert.equal(said(stand, '2001:db8:77:1::ff'), 'CLIENT_SHARE')
  strangers(42, 1)
  stand.pass(120_000, 1000)
  assert.equal(stand.engine.conns.table.used, 0)
  // By now its MAC is asked for again.
  assert.equal(said(stand, '2001:db8:2::1'), 'PARKED')
  stand.resolveRss()
  strangers(1, 56)
  assert.equal(said(stand, '2001:db8:77:1::ff'), TO_RS)
})
