/**
 * How a short conversation hangs where packets are lost (docs/reliability.md, Short conversations where packets are lost): the server's SYN+ACK
 * was repeated, so what it sends is repeated after 3 s and 6 s more (RFC 6298 5.7); its last words pass the balancer and are lost
 * behind it, and once before it. With states of 7 s the balancer knows nothing of them any more when they come at last.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Sending } from './network.ts'
import { FIN, get16, IP_AT, PSH, SYN } from './packet.ts'
import { lossyPlan, type Plan } from './plan.ts'
import { World } from './world.ts'

const [FROM_RS, TO_CLIENT] = [1, 2]

function flagsOf({ bytes }: Sending): number {
  return get16(bytes, 22) === 0x0800 ? (bytes[IP_AT + 33] as number) : 0
}

/** The end of it, where FIN_WAIT, CLOSE_WAIT and TIME_WAIT last so many seconds. */
function played(seconds: number): World {
  const still = { loss: 0, double: 0, late: 0, spoilt: 0, delay: 1, jitter: 0 }
  const turns = [
    { ofClient: true, bytes: 100, pause: 0 },
    { ofClient: false, bytes: 100, pause: 0 },
  ]
  const talk = { start: 0, turns, ending: 'server' as const, banner: false, keepalive: 0 }
  const actor = { host: 0, port: 40_000, mss: 1460, sack: true, talks: [talk] }
  const one: Plan = { ...lossyPlan(1, seconds), fixed: true, faults: [still, still] }
  const world = new World({ ...one, quiet: 30_000, actors: [actor] })
  let synAcks = 0
  let last = Number.POSITIVE_INFINITY
  world.network.loses = (sending, way) => {
    const flags = flagsOf(sending)
    if (way === FROM_RS && (flags & SYN) !== 0) return ++synAcks === 1
    if ((flags & (PSH | FIN)) === 0) return false
    const { now } = world.events
    // Its answer and FIN are a ms on their way to the balancer.
    if (way === TO_CLIENT) last = Math.min(last, now)
    return way === TO_CLIENT
      ? now < last + 1000
      : way === FROM_RS && now > last && now < last + 8000
  }
  world.run()
  return world
}

test('a short conversation hangs with states of 7 s', () => {
  const [attempt] = played(7).attempts.values()
  assert.equal(attempt?.client?.why, undefined)
  assert.equal(attempt?.client?.received, 0)
  assert.equal(attempt?.server?.why, 'gave up')
  assert.deepEqual([...(attempt?.excuses ?? [])], ['half-closed and silent for too long'])
})

test('with states of 30 s it ends', () => {
  const [attempt] = played(30).attempts.values()
  assert.equal(attempt?.client?.received, 100)
  assert.deepEqual([attempt?.client?.why, attempt?.server?.why], ['closed', 'closed'])
  assert.deepEqual([...(attempt?.excuses ?? [])], [])
})
