/** Numbers as the page says them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bandwidth,
  byteRate,
  flagWords,
  lasting,
  rate,
  uptime,
  whole,
} from '../../src/page/format.ts'

test('whole numbers are grouped', () => {
  assert.equal(whole(1_234_567), '1,234,567')
  assert.equal(whole(0), '0')
  assert.equal(whole(11.6), '12')
})

test('a rate that is not nothing is never said to be 0', () => {
  assert.equal(rate(0), '0')
  assert.equal(rate(0.01), '<0.1')
  assert.equal(rate(0.4), '0.4')
  assert.equal(rate(1250), '1.25k')
})

test('bytes a second become bits with the prefix at the unit', () => {
  assert.equal(bandwidth(0), '0 bit/s')
  assert.equal(bandwidth(100), '800 bit/s')
  assert.equal(bandwidth(156_250), '1.25 Mbit/s')
  assert.equal(byteRate(156_250), '156 kB/s')
  assert.equal(byteRate(0), '0 B/s')
})

test('how long lports last', () => {
  assert.equal(lasting(null), 'not at this rate')
  assert.equal(lasting(0.2), 'now')
  assert.equal(lasting(840), 'in 14 min')
})

test('uptime has the two largest units', () => {
  assert.equal(uptime(0), '0 s')
  assert.equal(uptime(59.9), '59 s')
  assert.equal(uptime(185), '3 min 5 s')
  assert.equal(uptime(7200), '2 h')
  assert.equal(uptime(3 * 86_400 + 2 * 3600 + 59), '3 d 2 h')
})

test('flags in words, whatever else is set', () => {
  assert.equal(flagWords(0x12), 'SYN+ACK')
  assert.equal(flagWords(0x19), 'FIN+PSH+ACK')
  assert.equal(flagWords(0xc2), 'SYN')
  assert.equal(flagWords(0), 'no flags')
})
