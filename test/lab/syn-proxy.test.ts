/**
 * A service whose SYNs are answered by cookies, between real kernels: 4 MiB each way with scaled windows and offloads; connections
 * that are open go on when the daemon is killed; and redis beside SYNs of senders that are not there, of which nothing is kept. The long
 * form has 100,000 of them a second.
 */
// alone: it judges what a flood leaves of redis

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { daemonPid, logSince } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import { beside } from '../kit/beside.ts'
import { BULK_SERVICES, randomFile, transfer } from '../kit/bulk.ts'
import { flooder } from '../kit/flooder.ts'
import { heldOpen } from '../kit/holder.ts'
import { countersOf, labConfig, labForTests, mustTapvs, scratchFolder, VIP } from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'
import type { Load } from '../kit/redis-load.ts'

const [RATE, SECONDS] = isLong ? [100_000, 20] : [10_000, 1]
const MIB = isLong ? 200 : 4
const HELD = 20
/** New connections a second beside it. */
const NEW = 50
const folder = scratchFolder()
const file = join(folder, 'bulk')
const config = labConfig(folder, 'syn-proxy', yaml => {
  yaml.setIn(['services', 0, 'syn_proxy'], 'on')
  for (const service of BULK_SERVICES)
    yaml.addIn(['services'], yaml.createNode({ ...service, syn_proxy: 'on' }))
  yaml.setIn(['tcp', 'syn_proxy'], yaml.createNode({ wscale: 7 }))
})
const lab = labForTests('syn-proxy', { config })
const flood = flooder(lab, folder)

test('files go both ways at once, whole', async () => {
  await randomFile(lab, file, MIB)
  const average = await transfer(lab, file)
  // Of segments for a wire of 1500 bytes the average would be smaller.
  assert.ok(average.client > 3000 && average.rs > 3000, JSON.stringify(average))
  const { events } = await countersOf(lab)
  assert.ok((events.syn_cookies_good ?? 0) >= 2, JSON.stringify(events))
})

test('windows are scaled, and a daemon that is killed loses nothing', async t => {
  const open = await heldOpen(t, lab, HELD)
  const { stdout } = await lab.client(['ss', '-Htni', 'dst', VIP])
  assert.match(stdout, /\bwscale:7,\d+/)
  assert.match(
    await mustTapvs(lab, 'ipvsadm', '-ln'),
    /^TCP {2}202\.108\.10\.1:6379 wrr synproxy$/m,
  )
  const said = Buffer.byteLength(logSince(lab.paths, 0))
  process.kill(daemonPid(lab.paths) as number, 'SIGKILL')
  await until('the next daemon', { limitMs: 20_000 }, () =>
    /TAPVS: ready/.test(logSince(lab.paths, said)) ? true : undefined,
  )
  const held = await open.end()
  assert.deepEqual([held.answered, held.failures], [HELD, []])
  assert.equal(held.received, held.sent)
})

test(`redis goes on beside ${RATE} SYNs a second, of which nothing is kept`, async t => {
  const open = await heldOpen(t, lab, HELD)
  const load = beside<Load>(t, lab, 'redis-load', NEW)
  const before = await countersOf(lab)
  const sent = await flood('client', 'any', VIP, 6379, 'S', RATE, SECONDS)
  const { events, conns } = await countersOf(lab)
  const came = await load.end()
  const held = await open.end()
  const more = (name: string) => (events[name] ?? 0) - (before.events[name] ?? 0)
  const words = [
    `${Math.round(sent / SECONDS)} SYN/s sent for ${SECONDS} s, ${more('syn_cookies_sent')} answered, ${more('conns_opened')} connections opened, ${conns.used} there at the end`,
    `${held.received} of ${held.sent} requests on an open connection answered, at most ${held.longestMs.toFixed(0)} ms apart`,
    `${came.answered} new connections answered, ${came.late} of them after more than 100 ms, the last after ${came.longestMs.toFixed(0)} ms, and ${came.failures.length} not`,
  ]
  t.diagnostic(words.join('; '))
  assert.ok(more('syn_cookies_sent') > sent / 10, words[0])
  // Those of the load, and what hit a cookie by chance: the flood brings none back.
  assert.ok(more('conns_opened') <= (SECONDS + 5) * NEW, words[0])
  assert.equal(more('half_open_evicted'), 0)
  assert.equal(held.answered, HELD)
  // On a machine that is too busy to send them it says nothing of the proxy.
  if (sent > 0.9 * RATE * SECONDS) {
    assert.equal(held.received, held.sent)
    assert.ok(came.failures.length <= came.answered / 3, JSON.stringify(came.failures.slice(0, 5)))
  }
})
