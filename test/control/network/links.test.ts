/** The devices of arms as the kernel has them: down, without a carrier, in a namespace that is another one by now. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { until } from '../../../netns/processes.ts'
import { LINK_UP, linkWords } from '../../../src/api/link-state.ts'
import { hostAddresses } from '../../../src/control/network/host-addresses.ts'
import { Links } from '../../../src/control/network/links.ts'
import { QUEUE_MULTI, TAP_PERSIST } from '../../../src/io/native.ts'
import { close, inNs, ip, NS, namespacePerTest, open, TAP } from '../../kit/tap.ts'

namespacePerTest()

function watch(t: TestContext) {
  const said: string[] = []
  const states: string[] = []
  const moved: number[] = []
  const links = new Links([{ name: TAP, netns: NS }], text => said.push(text))
  t.after(() => links.stop())
  links.onChange = arm => states.push(linkWords(links.state(arm)))
  links.onMoved = arm => {
    moved.push(arm)
    links.lost(arm)
  }
  const says = (pattern: RegExp) =>
    until(`${pattern}`, { limitMs: 5000 }, () => pattern.test(said.at(-1) ?? '') || undefined)
  return { links, said, states, moved, says }
}

test('a device that is down is told at once, with what mends it; and what becomes of it', async t => {
  const { links, said, states, says } = watch(t)
  assert.deepEqual(links.state(0), { up: false, admin: 'gone', link: 'down', orphaned: false })
  open(QUEUE_MULTI)
  links.opened(0)
  assert.deepEqual(said, [`arm ${TAP} is down: ip -n ${NS} link set ${TAP} up`])
  assert.deepEqual(links.state(0), { up: false, admin: 'down', link: 'down', orphaned: false })
  ip('link', 'set', TAP, 'up')
  await says(/arm arm0 is up$/)
  assert.deepEqual(links.state(0), LINK_UP)
  ip('link', 'set', TAP, 'carrier', 'off')
  await says(/^arm arm0 has no carrier: ip -n \S+ link set arm0 carrier on$/)
  ip('link', 'set', TAP, 'carrier', 'on')
  await says(/arm arm0 is up$/)
  ip('link', 'set', TAP, 'down')
  await says(/^arm arm0 is down: /)
  assert.deepEqual(states, [
    'admin up link up',
    'admin up link down',
    'admin up link up',
    'admin down link down',
  ])
  links.lost(0)
  assert.equal(links.state(0).admin, 'gone')
})

test('one that is up and has just been attached to is nothing to speak of', async t => {
  const { links, said } = watch(t)
  close(open(QUEUE_MULTI | TAP_PERSIST))
  ip('link', 'set', TAP, 'up')
  open(QUEUE_MULTI)
  links.opened(0)
  await until('the carrier', { limitMs: 5000 }, () => links.state(0).link === 'up' || undefined)
  assert.deepEqual(said, [])
})

test('a renamed device is not known any more, and is not called down', async t => {
  const { links, said } = watch(t)
  open(QUEUE_MULTI)
  ip('link', 'set', TAP, 'name', 'other0')
  links.opened(0)
  assert.deepEqual(links.state(0), { ...LINK_UP, admin: 'unknown', link: 'unknown' })
  assert.deepEqual(said, [])
})

test('a namespace that was deleted, and made anew', async t => {
  const { links, moved, says } = watch(t)
  open(QUEUE_MULTI)
  ip('link', 'set', TAP, 'up')
  links.opened(0)
  execFileSync('ip', ['netns', 'del', NS])
  await says(
    /^namespace \S+ was deleted, arm arm0 lives on in what is left of it: ip netns add \S+$/,
  )
  assert.deepEqual([links.state(0).up, links.state(0).orphaned], [true, true])
  assert.deepEqual(moved, [])
  execFileSync('ip', ['netns', 'add', NS])
  await says(/^namespace \S+ was made anew: arm arm0 moves there$/)
  assert.deepEqual(moved, [0])
  assert.equal(links.state(0).admin, 'gone')
})

test("an address of the host is the host's on a device that is down, or has no carrier, as well", () => {
  close(open(QUEUE_MULTI | TAP_PERSIST))
  ip('addr', 'add', '192.0.2.9/24', 'dev', TAP)
  inNs(`echo 0 > /proc/sys/net/ipv6/conf/${TAP}/disable_ipv6`)
  ip('-6', 'addr', 'add', '2001:db8::9/64', 'dev', TAP, 'nodad')
  const held = () => [...hostAddresses(NS)].filter(([address]) => !address.startsWith('fe80:'))
  const both = [
    ['192.0.2.9', TAP],
    ['2001:db8::9', TAP],
  ]
  assert.deepEqual(held(), both)
  ip('link', 'set', TAP, 'up')
  assert.deepEqual(held(), both)
  assert.ok(!hostAddresses(null).has('192.0.2.9'))
})
