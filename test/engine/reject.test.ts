/** when_down: what a SYN gets that no RS can take; and services that only one arm may use. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Service } from '../../src/engine/service.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { LAN, open, SYN, WAN } from '../kit/connection.ts'
import { CLIENT_MAC, lines, Stand } from '../kit/stand.ts'

function serviceOf({ engine }: Stand): Service {
  const service = engine.setup.services.find(6, ipv4Int('202.108.10.1'), 6379)
  assert.ok(service)
  return service
}

function down(change: (service: Service) => void): Stand {
  const stand = new Stand().resolveRss()
  const service = serviceOf(stand)
  service.reject = true
  change(service)
  return stand
}

for (const [name, change] of [
  ['of weight 0', ({ dests }) => (dests[0].weight = 0)],
  ['at all', ({ dests }) => dests.splice(0)],
] as [string, (service: Service) => void][]) {
  test(`reject: without an RS ${name} a SYN is answered by RST+ACK, and nothing stays behind`, () => {
    const stand = down(change)
    const out = stand.segment(WAN, { ...SYN, seq: 0xffffffff, ack: 77 })
    assert.deepEqual(lines(out), [
      `${WAN} | (ttl 63) 202.108.10.1.6379 > 202.108.10.2.33896: Flags [R.], seq 0, ack 0, win 0, length 0`,
    ])
    assert.equal(out[0].decoded.kind === 'tcp' && out[0].decoded.dstMac, CLIENT_MAC)
    assert.equal(stand.events('RST_NO_RS'), 1)
    assert.equal(stand.drops('TCP_NO_RS'), 0)
    assert.equal(stand.engine.conns.table.used, 0)
    assert.equal(stand.engine.lips[0].used, 0)
  })
}

test('reject: the data of a SYN is acknowledged too (RFC 9293 3.10.7.1)', () => {
  const stand = down(({ dests }) => dests.splice(0))
  const [{ decoded }] = stand.segment(WAN, { ...SYN, payload: new Uint8Array(10) })
  assert.equal(decoded.kind === 'tcp' && decoded.ack, 1011)
})

test('drop: the same SYN is dropped as tcp_no_rs', () => {
  const stand = down(service => {
    service.reject = false
    service.dests.splice(0)
  })
  assert.deepEqual(stand.segment(WAN, SYN), [])
  assert.equal(stand.verdictName(), 'TCP_NO_RS')
})

test('reject is for the want of an RS, not for the want of lports', () => {
  const stand = down(() => {})
  const { engine } = stand
  const RIP = ipv4Int('192.168.168.2')
  const [pool] = engine.lips
  while (pool.fetch(RIP, 6379) >= 0) {}
  assert.deepEqual(stand.segment(WAN, SYN), [])
  assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
})

test('a service of one arm is unknown on the others', () => {
  const stand = new Stand().resolveRss()
  const service = serviceOf(stand)
  Object.assign(service, { onlyArm: 1 })
  assert.deepEqual(stand.segment(WAN, SYN), [])
  assert.equal(stand.verdictName(), 'TCP_NO_SERVICE')
  stand.forward(LAN, { ...SYN, src: '192.168.168.2' })
  Object.assign(service, { onlyArm: 0 })
  open(stand)
  assert.equal(stand.verdictName(), 'arm 1')
})
