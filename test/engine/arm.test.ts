/** Addresses and routes of an arm: the selection rules of semantics 6.5 to 6.7. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arm, routeOut } from '../../src/engine/arm.ts'
import { Family } from '../../src/engine/family.ts'
import { ipv4Int, ipv4Text } from '../../src/wire/address.ts'

function arm(index: number, addresses: string[], routes: [string, string][] = []): Arm {
  const made = new Arm(index, 0x0200, index, 1500, 16)
  for (const text of addresses) {
    const [address, length] = text.split('/')
    made.addAddress(Family.IPV4, ipv4Int(address), Number(length))
  }
  for (const [to, via] of routes) {
    const [network, length] = to.split('/')
    made.addRoute({
      network: ipv4Int(network),
      prefixLength: Number(length),
      gateway: ipv4Int(via),
    })
  }
  return made
}

/** `arm next-hop` of the route to an address. */
function route(arms: Arm[], to: string): string {
  const out = routeOut(arms, ipv4Int(to))
  return out === undefined ? 'none' : `${out.arm.index} ${ipv4Text(out.nextHop)}`
}

test('the longest prefix over all arms wins, equal ones in order; /32 addresses bring no route', () => {
  const wan = arm(
    0,
    ['202.108.10.1/32'],
    [
      ['0.0.0.0/0', '202.108.10.254'],
      ['202.108.10.0/24', '0.0.0.0'],
    ],
  )
  const lan = arm(
    1,
    ['192.168.168.3/24'],
    [
      ['10.0.0.0/8', '192.168.168.1'],
      ['10.1.0.0/16', '192.168.168.2'],
      ['10.0.0.0/8', '192.168.168.9'],
    ],
  )
  assert.equal(route([wan, lan], '8.8.8.8'), '0 202.108.10.254')
  assert.equal(route([wan, lan], '202.108.10.7'), '0 202.108.10.7')
  assert.equal(route([wan, lan], '192.168.168.2'), '1 192.168.168.2')
  assert.equal(route([wan, lan], '10.9.9.9'), '1 192.168.168.1')
  assert.equal(route([wan, lan], '10.1.9.9'), '1 192.168.168.2')
  assert.equal(route([lan], '8.8.8.8'), 'none')
  assert.equal(route([arm(0, ['1.1.1.1/32'])], '1.1.1.1'), 'none')
})

test('source addresses: the newest whose prefix holds the target, else the first', () => {
  const from = (addresses: string[], target: string) =>
    ipv4Text(arm(0, addresses).sourceFor(ipv4Int(target)))
  const several = ['192.168.168.3/32', '10.0.0.1/24', '10.0.0.2/24', '10.0.1.1/24']
  assert.equal(from(several, '10.0.0.99'), '10.0.0.2')
  assert.equal(from(several, '10.0.1.99'), '10.0.1.1')
  assert.equal(from(several, '192.168.168.2'), '192.168.168.3')
  assert.equal(from([], '10.0.0.1'), '0.0.0.0')
})

test('addresses belong to their arm alone', () => {
  const wan = arm(0, ['202.108.10.1/32'])
  assert.ok(wan.owns(Family.IPV4, ipv4Int('202.108.10.1')))
  assert.ok(!wan.owns(Family.IPV4, ipv4Int('202.108.10.2')))
  assert.ok(!arm(1, []).owns(Family.IPV4, ipv4Int('202.108.10.1')))
})
