/** Whom a datagram is told of that did not become whole in time: nobody of an error, which may have come for another one. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WAN } from '../kit/connection.ts'
import { body, echo, pieces, put } from '../kit/fragments.ts'
import { pieces6 } from '../kit/fragments6.ts'
import { concat, icmpv6, ipv6 } from '../kit/frame.ts'
import { SEED6_CONFIG } from '../kit/nd.ts'
import { Stand } from '../kit/stand.ts'

const CLIENT = '2001:db8:10::2'
const VIP = '2001:db8:10::1'

test('nobody is told of an error that does not become whole (RFC 4443 2.4)', () => {
  const stand = new Stand(SEED6_CONFIG)
  const ends = { src: CLIENT, dst: VIP }
  const options = Uint8Array.of(58, 0, 1, 4, 0, 0, 0, 0)
  for (const [next, front] of [
    [58, new Uint8Array()],
    [60, options],
  ] as const) {
    const error = concat(front, icmpv6(ends, 1, 4, body(2000)))
    put(stand, pieces6(ipv6({ ...ends, next }, error), 1500)[0])
    assert.deepEqual(
      stand.pass(2200, 100).filter(({ arm }) => arm === WAN),
      [],
    )
  }
  assert.equal(stand.drops('FRAGMENT_TIMEOUT'), 2)
})

test('of a ping that does not become whole its sender is told, of an error nobody (RFC 1122 3.2.2)', () => {
  const stand = new Stand()
  for (const [type, told] of [
    [8, 1],
    [0, 1],
    [3, 0],
    [5, 0],
    [11, 0],
  ] as const) {
    const [first] = pieces(echo({ id: 80 + type }), 1500)
    first[20] = type
    put(stand, first)
    assert.equal(stand.pass(2200, 100).filter(({ arm }) => arm === WAN).length, told, `${type}`)
  }
})
