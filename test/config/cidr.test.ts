/** Netmasks, dotted and as lengths. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maskLength, maskText } from '../../src/config/cidr.ts'

test('each length and its netmask say the same', () => {
  for (let length = 1; length <= 32; length++) {
    assert.equal(maskLength(String(length)), length)
    assert.equal(maskLength(maskText(length)), length)
  }
  assert.equal(maskText(20), '255.255.240.0')
  assert.equal(maskText(32), '255.255.255.255')
})

test('what is no netmask', () => {
  const dotted = [
    '0.0.0.0',
    '255.0.255.0',
    '0.255.255.255',
    '255.255.255.1',
    '255.255.255',
    '256.0.0.0',
  ]
  for (const text of [
    '',
    '0',
    '33',
    '024',
    '0x10',
    '1e1',
    ' 24',
    '-1',
    '24.0',
    'ffffff00',
    ...dotted,
  ])
    assert.equal(maskLength(text), undefined, text)
})
