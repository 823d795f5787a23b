/** What a config may say of an arm that is a NIC, and what it then is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asFound } from '../../src/config/arms.ts'
import { type ConfigError, parseConfig } from '../../src/config/config.ts'

test('a NIC has its own MAC, and its MTU unless the file says less', () => {
  const text = `arms:
  - { name: a, kind: nic, mac: 02:74:76:00:00:01 }
  - { name: b, kind: nick }
  - { name: c, vlan: { arm: a, id: 1 }, kind: nic }
`
  assert.throws(
    () => parseConfig(text, 'x.yaml'),
    ({ problems }: ConfigError) => {
      assert.deepEqual(problems, [
        'x.yaml:2:32 arms[0].mac: expected none, for a nic keeps its own, found "02:74:76:00:00:01"',
        'x.yaml:3:22 arms[1].kind: expected tap or nic, found "nick"',
        'x.yaml:4:47 arms[2].kind: expected none beside vlan: it is that of the arm whose device it shares',
      ])
      return true
    },
  )
  const { arms } = parseConfig(
    `arms:
  - { name: a, kind: nic }
  - { name: b, kind: nic, mtu: 1400 }
  - { name: b.1, vlan: { arm: b, id: 1 } }
`,
    'x.yaml',
  )
  const mac = '02:00:00:00:00:05'
  assert.deepEqual(
    arms
      .map(arm => asFound(arm, { mac, mtu: 1500 }))
      .map(({ kind, mac, mtu }) => ({ kind, mac, mtu })),
    [1500, 1400, 1400].map(mtu => ({ kind: 'nic', mac, mtu })),
  )
})

test('an arm that shares a device and names no MTU has that of the other, TAP or NIC', () => {
  const limits = (of: string) =>
    parseConfig(
      `arms: [{ name: a${of} }, { name: a.1, vlan: { arm: a, id: 1 } }, { name: a.2, vlan: { arm: a, id: 2 }, mtu: 1300 }]`,
      'x.yaml',
    ).arms.map(({ mtuLimit }) => mtuLimit)
  assert.deepEqual(limits(''), [1500, 1500, 1300])
  assert.deepEqual(limits(', mtu: 1400'), [1400, 1400, 1300])
  assert.deepEqual(limits(', mtu: 9000'), [9000, 9000, 1300])
  assert.deepEqual(limits(', kind: nic, mtu: 9000'), [9000, 9000, 1300])
  assert.deepEqual(limits(', kind: nic'), [65_535, 65_535, 1300])
})

test('behind NICs so many real servers are reached by NAT as one program has room for', () => {
  const servers = (count: number, arm: string) => {
    const rs = Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    const all = rs.map(address => `{ address: ${address}, forwarding: nat }`).join(', ')
    return `arms: [{ name: a, addresses: [192.0.2.1/24] }, { name: b, ${arm}, routes: [{ to: 10.0.0.0/8 }] }]
services: [{ address: 192.0.2.1, port: 80, real_servers: [${all}] }]
`
  }
  parseConfig(servers(1024, 'kind: nic'), 'x.yaml')
  parseConfig(servers(1100, 'kind: tap'), 'x.yaml')
  assert.throws(
    () => parseConfig(servers(1100, 'kind: nic'), 'x.yaml'),
    /forwarding: expected at most 1024 behind NICs by nat, found more$/,
  )
})
