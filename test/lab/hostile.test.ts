/**
 * Who means harm, beside redis between real kernels: blind segments to every port, from either side, and SYNs of senders that are not
 * there, as many as this machine makes. What is established goes on, new connections open, memory stays where it was, and the log
 * says what happened. What else there is: hostile-others.test.ts.
 */
// alone: it judges what a flood leaves of redis

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { daemonPid, logSince } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { beside } from '../kit/beside.ts'
import { flooder } from '../kit/flooder.ts'
import { heldOpen } from '../kit/holder.ts'
import {
  CIP,
  countersOf,
  LIP,
  labConfig,
  labForTests,
  mustTapvs,
  RIP,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'
import type { Load } from '../kit/redis-load.ts'

const SECONDS = isLong ? 60 : 3
/** SYNs a second. */
const RATES = isLong ? [10_000, 25_000, 50_000] : [10_000]
const HELD = 50
/** New connections a second beside it. */
const NEW = 50
const folder = scratchFolder()
/** In the short form a table that 3584 half-open connections make short: they came to stay for 30 s each. In the long one lports are. */
const config = labConfig(folder, 'hostile', yaml => {
  if (!isLong) yaml.set('connections', { table_size: 4096 })
  // Three hundred FINs meet a connection, and by the default window one of 4096 guesses right (docs/reliability.md).
  yaml.setIn(['tcp', 'window_most'], '64K')
})
const lab = labForTests('hostile', { config })
/** Another one, whose table has nothing of what was sent in the name of the client. */
const floodLab = labForTests('hostile-flood', { config })
const attack = flooder(lab, folder)
const flood = flooder(floodLab, folder)

/** Connections that stay open. => how many of them answer, each time it is asked */
async function held(t: TestContext): Promise<() => Promise<number>> {
  const program = join(CHECKOUT, 'dist/test/kit/held-conns.js')
  const child = lab.spawn('client', [process.execPath, program, VIP, '6379', `${HELD}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill())
  assert.ok(child.stdout && child.stdin)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  assert.equal((await lines.next()).value, `${HELD}`)
  return async () => {
    child.stdin?.write('\n')
    return Number((await lines.next()).value)
  }
}

/** Connections of redis that the daemon has for established. */
async function established(): Promise<number> {
  return (await mustTapvs(lab, 'ipvsadm', '-ln', '-c')).match(/TCP_EST/g)?.length ?? 0
}

test('a RST, FIN, SYN or no flag to every port, from either side, ends none of fifty connections', async t => {
  const answering = await held(t)
  assert.equal(await answering(), HELD)
  for (const flags of ['R', 'F.', '-', 'S']) {
    const sent = await attack('client', CIP, VIP, 6379, flags, 30_000, 1)
    assert.ok(sent > 5000, `${sent} of ${flags} from the client's side`)
    // lports are given out in ascending order.
    await attack('rs', RIP, LIP, '6379:1025-1324', flags, 5000, 0.3)
    // Of RSTs one in 32,768 guesses right, so that one in a hundred runs has one. The ends ask who has sent it, and go on.
    assert.ok((await established()) >= HELD - 1, flags)
  }
  assert.equal(await answering(), HELD)
})

/** MiB, and ms of CPU time so far, of the daemon. */
function costs(): { memory: number; cpuMs: number } {
  const proc = `/proc/${daemonPid(floodLab.paths)}`
  const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`${proc}/status`, 'utf8'))?.[1]) / 1024
  const [user = 0, system = 0] = readFileSync(`${proc}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return { memory, cpuMs: (user + system) * 10 }
}

/** What so many SYNs a second leave of it. */
async function flooded(t: TestContext, rate: number): Promise<void> {
  const open = await heldOpen(t, floodLab, HELD)
  const load = beside<Load>(t, floodLab, 'redis-load', NEW)
  const first = costs()
  const before = await countersOf(floodLab)
  const sent = await flood('client', 'any', VIP, 6379, 'S', rate, SECONDS)
  const last = costs()
  const { drops, events } = await countersOf(floodLab)
  const came = await load.end()
  const held = await open.end()
  const more = (name: string) => (events[name] ?? 0) - (before.events[name] ?? 0)
  const opened = more('conns_opened')
  const perSecond = (count: number) => Math.round(count / SECONDS)
  const words = [
    `${perSecond(sent)} SYN/s sent for ${SECONDS} s, ${perSecond(opened)} connections/s opened, ${more('half_open_evicted')} made room`,
    `${held.received} of ${held.sent} requests on an open connection answered, at most ${held.longestMs.toFixed(0)} ms apart`,
    `${held.answered} of ${HELD} silent ones answered afterwards${held.failures.map(why => `, ${why}`).join('')}`,
    `${came.answered} new connections answered, ${came.late} of them after more than 100 ms, the last after ${came.longestMs.toFixed(0)} ms, and ${came.failures.length} not`,
    `the daemon had ${first.memory.toFixed(0)} MiB before and ${last.memory.toFixed(0)} after, and took ${perSecond((last.cpuMs - first.cpuMs) / 10)} % of a processor`,
  ]
  t.diagnostic(words.join('; '))
  assert.ok(opened > sent / 10, `${opened} of ${sent} came`)
  assert.equal(held.answered, HELD)
  // A machine that does not even send so many loses what it likes in the queue in front of the balancer.
  if (sent > 0.9 * rate * SECONDS) {
    assert.equal(held.received, held.sent)
    // Were there no room, all of them would fail from the second second on.
    assert.ok(came.failures.length <= came.answered / 3, JSON.stringify(came.failures.slice(0, 5)))
  }
  assert.ok(more('half_open_evicted') > 0)
  assert.equal(drops.conn_table_full ?? 0, 0)
  assert.ok(last.memory - first.memory < 100)
  await until('the log', { limitMs: 3000, everyMs: 100 }, () => {
    return (
      /lports or records are short: \d+ half-open/.test(logSince(floodLab.paths, 0)) || undefined
    )
  })
}

test('redis goes on beside a flood of SYNs: those that are open, and new ones', async t => {
  for (const rate of RATES) await t.test(`${rate} a second`, async t => flooded(t, rate))
})
