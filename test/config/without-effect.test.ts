/** Keys that mean nothing beside another one: warned of, since the config says one thing and does another. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'
import { SEED_CONFIG } from '../kit/stand.ts'

test('a number of SYNs means nothing unless cookies begin by themselves', () => {
  const of = (keys: string) =>
    parseConfig(SEED_CONFIG.replace('protocol: tcp', `protocol: tcp\n    ${keys}`), 'x.yaml')
      .warnings
  for (const word of ['syn_proxy_above: 500', 'syn_proxy: on\n    syn_proxy_above: 500'])
    assert.match(of(word).join(), /syn_proxy_above: no effect without syn_proxy: auto$/)
  for (const word of ['syn_proxy: on', 'syn_proxy: auto\n    syn_proxy_above: 500'])
    assert.deepEqual(of(word), [])
})

test('what has no effect beside another key is a warning', () => {
  const warnings = (more: string) =>
    parseConfig(
      SEED_CONFIG.replace('protocol: tcp', `protocol: udp\n    ${more}`),
      'x.yaml',
    ).warnings.map(warning => warning.replace(/^\S+ services\[0\]\./, ''))
  assert.deepEqual(warnings('one_packet: true\n    conn_timeout: 9\n    passive: {}'), [
    'conn_timeout: no effect with one_packet: no connection outlives its datagram',
    'passive: no effect with one_packet: there are no answers to judge a real server by',
  ])
  assert.deepEqual(warnings('check: { type: udp, expect: ok, reply: false }'), [
    'check: reply: false has no effect with expect, which an answer has to hold',
  ])
  const fine = ['one_packet: true', 'conn_timeout: 9\n    passive: {}']
  for (const keys of [
    ...fine,
    'check: { type: udp, expect: ok }',
    'check: { type: udp, reply: false }',
  ])
    assert.deepEqual(warnings(keys), [])
})
