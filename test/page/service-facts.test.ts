/** What the page says of a service beside its name. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceInfo } from '../../src/api/commands.ts'
import { serviceFacts } from '../../src/page/service-facts.ts'
import { SERVICES } from '../cli/canned.ts'

const facts = (more: Partial<ServiceInfo>) =>
  serviceFacts({ ...(SERVICES[0] as ServiceInfo), ...more }).map(({ text }) => text)
const LIPS = 'LIPs 192.168.168.7'

test('a service of the defaults has its scheduler and its LIPs', () => {
  assert.deepEqual(facts({}), ['wrr', LIPS])
  assert.deepEqual(facts({ local_addresses: [] }), ['wrr', 'LIPs none'])
})

test('a scheduler has the options that mean something to it', () => {
  const all = { hash_fallback: true, hash_port: true, hash_target: 'qid' } as const
  assert.equal(facts({ scheduler: 'mh', ...all })[0], 'mh (port, fallback)')
  assert.equal(facts({ scheduler: 'conhash', ...all })[0], 'conhash (qid, fallback)')
  assert.equal(facts({ scheduler: 'wlc', ...all })[0], 'wlc')
  assert.equal(facts({ scheduler_module: '/etc/own.mjs' })[0], 'wrr, own scheduler')
})

test('clients are told apart by all bits of their family, or the page says by how many', () => {
  const of = (address: string, persistence_prefix: number) =>
    facts({ address, persistence: 60, persistence_prefix })[1]
  assert.equal(of('192.0.2.1', 32), 'persistent 60 s')
  assert.equal(of('192.0.2.1', 24), 'persistent 60 s by /24')
  assert.equal(of('2001:db8::1', 128), 'persistent 60 s')
  assert.equal(of('2001:db8::1', 64), 'persistent 60 s by /64')
  assert.equal(of('2001:db8::1', 32), 'persistent 60 s by /32')
})

test('SYN cookies are told, and above how many SYNs they begin by themselves', () => {
  assert.deepEqual(facts({ syn_proxy: 'off' }), ['wrr', LIPS])
  assert.deepEqual(facts({ syn_proxy: 'on' }), ['wrr', 'SYN cookies', LIPS])
  const auto = facts({ syn_proxy: 'auto', syn_proxy_above: 10_000 })
  assert.deepEqual(auto, ['wrr', 'SYN cookies above 10,000 SYNs/s', LIPS])
  const now = facts({ syn_proxy: 'auto', syn_proxy_above: 10_000, syn_proxy_workers: 2 })
  assert.deepEqual(now, ['wrr', 'SYN cookies above 10,000 SYNs/s, given now', LIPS])
})

test('limits, lists with what they have met, and the rest', () => {
  const acl = {
    deny: { prefixes: 100_000, hits: 1234, files: ['/etc/bad'] },
    allow: { prefixes: 2, hits: 0, files: [] },
  }
  const limits = { connection_rate: 1000, connection_burst: 2000, client_rate: 10 }
  const rest = { conn_timeout: 30, one_packet: true, quic: true, when_down: 'reject' } as const
  assert.deepEqual(facts({ acl, ...limits, ...rest, proxy_protocol: 'v2' }), [
    'wrr',
    'timeout 30 s',
    'quic',
    'one packet',
    'rejects when down',
    'PROXY protocol v2',
    'at most 1,000 new/s (2,000 at once)',
    '10 new/s of a client',
    'denies 100,000, met 1,234',
    'allows 2',
    LIPS,
  ])
})
