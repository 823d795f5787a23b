/** Text <-> integers of addresses. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  endpointText,
  ipv4Int,
  ipv4Text,
  macInts,
  macText,
  prefixMask,
} from '../../src/wire/address.ts'

test('IPv4 there and back', () => {
  assert.equal(ipv4Int('202.108.10.1'), 0xca6c0a01 | 0)
  assert.equal(ipv4Text(0xca6c0a01 | 0), '202.108.10.1')
  assert.equal(ipv4Int('255.255.255.255'), -1)
  assert.equal(ipv4Int('0.0.0.0'), 0)
  fc.assert(
    fc.property(fc.integer(), address => {
      assert.equal(ipv4Int(ipv4Text(address)), address)
    }),
  )
})

for (const text of [
  '',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.256',
  '1.2.3.-1',
  '01.2.3.4',
  '1.2.3.4 ',
  ' 1.2.3.4',
  '1.2.3.',
  '.1.2.3',
  '1..2.3',
  '0x1.2.3.4',
  '1e1.2.3.4',
  '1.2.3.4/32',
  '::1',
  'a.b.c.d',
]) {
  test(`not an IPv4 address: "${text}"`, () => {
    assert.throws(() => ipv4Int(text), TypeError)
  })
}

test('MAC there and back', () => {
  assert.deepEqual(macInts('52:54:00:12:34:56'), [0x5254, 0x00123456])
  assert.deepEqual(macInts('FF:FF:FF:FF:FF:FF'), [0xffff, -1])
  assert.equal(macText(0x0200, 0x80000001 | 0), '02:00:80:00:00:01')
  assert.equal(macText(0, 0), '00:00:00:00:00:00')
  fc.assert(
    fc.property(fc.nat(0xffff), fc.integer(), (hi, lo) => {
      assert.deepEqual(macInts(macText(hi, lo)), [hi, lo])
    }),
  )
})

for (const text of [
  '',
  '52:54:00:12:34',
  '52:54:00:12:34:56:78',
  '52-54-00-12-34-56',
  '52:54:00:12:34:5g',
  '5:54:00:12:34:56',
]) {
  test(`not a MAC address: "${text}"`, () => {
    assert.throws(() => macInts(text), TypeError)
  })
}

test('endpoints and netmasks', () => {
  assert.equal(endpointText(ipv4Int('192.168.168.7'), 1028), '192.168.168.7:1028')
  const masks = [0, 1, 8, 24, 31, 32].map(length => ipv4Text(prefixMask(length)))
  assert.deepEqual(masks, [
    '0.0.0.0',
    '128.0.0.0',
    '255.0.0.0',
    '255.255.255.0',
    '255.255.255.254',
    '255.255.255.255',
  ])
})
