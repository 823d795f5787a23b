import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tokenIn } from '../../src/page/address-token.ts'

test('the token of an address, whatever letters it has; one that was cut off is none', () => {
  assert.equal(tokenIn('#token=LBGn0SaxkQVCDyArCJsnJuNo'), 'LBGn0SaxkQVCDyArCJsnJuNo')
  assert.equal(tokenIn(`#token=${encodeURIComponent('a/b+c=#%')}`), 'a/b+c=#%')
  for (const hash of ['', '#', '#token=', '#token=abc%2', '#token=%ff', '#services'])
    assert.equal(tokenIn(hash), null, hash)
})
