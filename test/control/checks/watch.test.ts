/** A watch over a real port that opens and closes. */

import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { performance } from 'node:perf_hooks'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../../netns/processes.ts'
import { NO_CHECK } from '../../../src/config/check-keys.ts'
import { Watch, type Watched } from '../../../src/control/checks/watch.ts'
import type { RsHealth } from '../../../src/control/readings/listings.ts'

const open = (port: number) =>
  new Promise<Server>(done => {
    const server = createServer(socket => socket.on('error', () => {}))
    server.listen(port, '127.0.0.1', () => done(server))
  })
const close = (server: Server) => new Promise(done => server.close(done))

test('a port that closes and opens again: down after `fall`, up after `rise`, slowly', async () => {
  const first = await open(0)
  const { port } = first.address() as AddressInfo
  const rs = { address: '127.0.0.1', port }
  const watched: Watched = {
    weight: 100,
    check: { ...NO_CHECK, type: 'tcp', timeout: 1 },
    options: {
      active: { intervalMs: 50, maxIntervalMs: 100, rise: 2, fall: 3 },
      passive: null,
      slowStartMs: 2000,
    },
    target: { netns: '', ...rs, rs, vip: rs },
  }
  const told: { health: RsHealth; reason: string | undefined }[] = []
  const watch = new Watch(
    watched,
    (health, mind) => told.push({ health, reason: mind?.reason }),
    () => performance.now(),
  )
  after(() => watch.stop())
  watch.start()
  await sleep(300)
  assert.equal(told.length, 0, 'what is well says nothing')

  await close(first)
  await until('the fall', { limitMs: 2000, everyMs: 10 }, () => told.length > 0 || undefined)
  assert.deepEqual(told.splice(0), [
    {
      health: { inhibited: true, weight: 0 },
      reason: '3 checks failed, last: connection refused',
    },
  ])
  watch.setWeight(50)
  await sleep(200)
  assert.equal(told.length, 0, 'a weight that nobody gets is nothing new')

  const second = await open(port)
  await until('the rise', { limitMs: 2000, everyMs: 10 }, () => told.length > 0 || undefined)
  assert.deepEqual(told[0], {
    health: { inhibited: false, weight: 1 },
    reason: '2 checks passed',
  })
  await until('all of its weight', { limitMs: 4000, everyMs: 50 }, () => {
    return told.at(-1)?.health.weight === 50 || undefined
  })
  const weights = told.map(({ health }) => health.weight)
  assert.deepEqual(
    weights,
    weights.toSorted((a, b) => a - b),
  )
  assert.ok(weights.length >= 4, `${weights}`)

  watch.stop()
  await close(second)
  const before = told.length
  await sleep(400)
  assert.equal(told.length, before, 'a watch that is stopped says nothing')
})
