/** What is said of addresses that a NIC takes from the host: 127.0.0.1 stands for one, which every machine has. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../src/config/config.ts'
import { Nics } from '../../../src/control/threads/nics.ts'

const HOST = '127.0.0.1'
const LATE = '192.0.2.9'

function nicsWith(addresses: readonly string[]) {
  const config = parseConfig('arms: [{ name: a, kind: nic }, { name: b, kind: nic }]', 'x.yaml')
  const said: string[] = []
  const nics = new Nics(config, addresses, {
    warn: text => said.push(text),
    send: () => {},
    onDevice: () => {},
  })
  for (const arm of [0, 1]) {
    const facts = { index: 0, mac: '02:00:00:00:00:05', mtu: 1500, isEthernet: true, lro: false }
    nics.take(arm, { facts, links: [], readdress: () => {}, release: () => {} })
  }
  return { nics, said }
}

const WARNING = `address ${HOST} is the host's too, on lo, and nobody reaches the host by it; if it is the host's own, take it out of arms[], and if it is to be ours alone: ip addr del ${HOST} dev lo`

test('an address that the host has too is told at the start, once', () => {
  const { nics, said } = nicsWith([LATE, HOST])
  assert.deepEqual(said, [WARNING])
  nics.compare()
  nics.readdress([HOST])
  assert.deepEqual(said, [WARNING])
})

test('and when it comes later, and when it comes again', () => {
  const { nics, said } = nicsWith([LATE])
  assert.deepEqual(said, [])
  nics.readdress([LATE, HOST])
  assert.deepEqual(said, [WARNING])
  nics.readdress([LATE])
  nics.readdress([LATE, HOST])
  assert.deepEqual(said, [WARNING, WARNING])
})
