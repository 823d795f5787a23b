/** A LIP belongs to an arm: a service that has some on several takes one of the arm that leads to the RS. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SYN, WAN } from '../kit/connection.ts'
import { arpFrame } from '../kit/frame.ts'
import { RS_MAC, Stand } from '../kit/stand.ts'

const CONFIG = `
arms:
  - { name: dpdk0, addresses: [202.108.10.1/32], routes: [{ to: 202.108.10.0/24 }] }
  - { name: dpdk1, addresses: [192.168.168.3/24], local_addresses: [192.168.168.7, 192.168.168.8] }
  - { name: dpdk2, addresses: [10.0.0.3/24], local_addresses: [10.0.0.7, 10.0.0.8] }
services:
  - address: 202.108.10.1
    port: 6379
    scheduler: rr
    real_servers: [{ address: 192.168.168.2 }, { address: 10.0.0.2 }]
`

function resolved(config = CONFIG): Stand {
  const stand = new Stand(config)
  for (const [arm, ip, own] of [
    ['dpdk1', '192.168.168.2', '192.168.168.3'],
    ['dpdk2', '10.0.0.2', '10.0.0.3'],
  ] as const) {
    const our = { mac: stand.macOf(arm), ip: own }
    stand.input(arm, arpFrame(2, { mac: RS_MAC, ip }, our, our.mac))
  }
  stand.drain()
  return stand
}

/** `arm LIP` of so many new connections. */
function lips(stand: Stand, count: number, from = 40_000): string[] {
  return Array.from({ length: count }, (_, i) => {
    const [out] = stand.segment(WAN, { ...SYN, sport: from + i })
    return `${out?.arm} ${out?.decoded.kind === 'tcp' ? out.decoded.src : 'nothing'}`
  })
}

test('connections use the LIPs of the arm that leads to their RS, all of them in turn', () => {
  const seen = lips(resolved(), 40)
  const used = [...new Set(seen)].toSorted()
  const home = ['dpdk1 192.168.168.7', 'dpdk1 192.168.168.8', 'dpdk2 10.0.0.7', 'dpdk2 10.0.0.8']
  assert.deepEqual(used, home.toSorted())
  for (const one of used) assert.ok(seen.filter(other => other === one).length >= 7)
})

test('an RS whose arm has no LIP of the service is reached from those of another', () => {
  const stand = resolved(
    CONFIG.replace('    scheduler', '    local_addresses: [10.0.0.7]\n    scheduler'),
  )
  assert.deepEqual(new Set(lips(stand, 8)), new Set(['dpdk1 10.0.0.7', 'dpdk2 10.0.0.7']))
  assert.match(
    stand.config.warnings.join(),
    /none of its LIPs is on dpdk1, which leads to 192\.168\.168\.2/,
  )
})

test('a LIP that moves to another arm is used from there', () => {
  const stand = resolved()
  const address = { address: '10.0.0.8', prefixLength: 32 }
  stand.change([
    { put: 'address', arm: 1, ...address },
    { put: 'no-address', arm: 2, ...address },
  ])
  const seen = new Set(lips(stand, 40))
  assert.ok(seen.has('dpdk1 10.0.0.8'))
  assert.ok(!seen.has('dpdk2 10.0.0.8'))
})

test('what was used up on one arm says nothing of another', () => {
  const stand = resolved()
  const [first, second] = stand.engine.lips
  for (const pool of [first, second])
    while ((pool?.fetch((192 << 24) | (168 << 16) | (168 << 8) | 2, 6379) ?? -1) >= 0) {}
  const seen = lips(stand, 10)
  assert.equal(seen.filter(each => each.startsWith('dpdk2 10.0.0.')).length, 5)
  assert.equal(stand.drops('LPORT_EXHAUSTED'), 5)
})

test('with LIPs on one arm nothing is asked', () => {
  const config = CONFIG.replace(', local_addresses: [10.0.0.7, 10.0.0.8]', '')
  const stand = resolved(config)
  assert.deepEqual(
    new Set(lips(stand, 8).map(each => each.split(' ')[0])),
    new Set(['dpdk1', 'dpdk2']),
  )
})
