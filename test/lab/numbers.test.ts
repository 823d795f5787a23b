/** What the numbers say of real traffic through the lab: rates, metrics, handshakes, and `tapvs top` on a terminal. */
// paired: it judges rates

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import type { BusyRow } from '../../src/cli/top/busy.ts'
import { type Family, readExposition } from '../kit/exposition.ts'
import {
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  untilNoConns,
  VIP,
} from '../kit/lab.ts'
import { printedJson } from '../kit/printed-json.ts'
import { Terminal } from '../kit/terminal.ts'

const folder = scratchFolder()
const config = labConfig(folder, 'two', yaml => {
  yaml.setIn(['workers', 'count'], 2)
  // What is waited for below.
  yaml.setIn(['tcp', 'timeouts'], { time_wait: 3, syn_recv: 3 })
})
const lab = labForTests('numbers', { config })

/** Every connection is a new one. */
const BENCH = ['redis-benchmark', '-h', VIP, '-q', '-t', 'get', '-k', '0', '-c', '10']

async function metrics(): Promise<Map<string, Family>> {
  return readExposition(await mustTapvs(lab, 'metrics'))
}

/** Of all samples whose labels have these values. */
function sum(
  families: Map<string, Family>,
  name: string,
  where: Record<string, string> = {},
): number {
  const samples = families.get(name.replace(/_(count|sum)$/, '')) ?? families.get(name)
  return (samples?.samples ?? [])
    .filter(sample => sample.name === name)
    .filter(({ labels }) => Object.entries(where).every(([key, value]) => labels[key] === value))
    .reduce((total, { value }) => total + value, 0)
}

test('metrics agree with what was sent', async () => {
  const before = await metrics()
  await mustClient(lab, [...BENCH, '-n', '300'])
  const after = await metrics()
  const more = (name: string, where?: Record<string, string>) =>
    sum(after, name, where) - sum(before, name, where)
  // One more connection asks the server for its config.
  const opened = more('tapvs_rs_connections_opened_total')
  assert.ok(opened >= 300 && opened <= 310, `${opened} connections`)
  assert.equal(more('tapvs_events_total', { event: 'conns_opened' }), opened)
  assert.equal(more('tapvs_handshake_seconds_count', { by: 'rs' }), opened)
  // redis-benchmark ends in the middle of a few.
  const completed = more('tapvs_handshake_seconds_count', { by: 'client' })
  assert.ok(completed >= 300 && completed <= opened, `${completed} of ${opened} handshakes`)
  assert.equal(sum(after, 'tapvs_connections'), sum(after, 'tapvs_connections_used'))
  assert.equal(sum(after, 'tapvs_connections'), sum(after, 'tapvs_lip_lports_used'))
  const { states } = await countersOf(lab)
  assert.ok((states.time_wait ?? 0) > 200, JSON.stringify(states))
  assert.ok(sum(after, 'tapvs_neighbours', { state: 'reachable' }) >= 1)
  for (const worker of ['1', '2'])
    assert.ok(more('tapvs_events_total', { event: 'conns_opened', worker }) > 50, worker)
  assert.equal(sum(after, 'tapvs_arm_up'), 2)
})

test('rates of a steady load, in the listing and on a terminal', async t => {
  const enough = new AbortController()
  t.after(() => enough.abort())
  const load = lab.client([...BENCH, '-n', '10000000'], { signal: enough.signal })
  const ended = load.catch(() => {})
  const rated = until('a rate', { limitMs: 20_000, everyMs: 500 }, async () => {
    const [service] = await ask(lab.paths.socket, { verb: 'services' })
    const { conns, in_packets: inPackets } = service?.real_servers[0]?.rates ?? {
      conns: 0,
      in_packets: 0,
    }
    // A connection of redis-benchmark is some six packets.
    return (conns > 50 && inPackets > 4 * conns) || undefined
  })
  const program = join(CHECKOUT, 'bin', 'tapvs')
  const terminal = new Terminal(`${program} --socket ${lab.paths.socket} top --every 0.5`)
  t.after(() => terminal.kill())
  const shown = await terminal.until(screen => /6379 wrr +100 .* [\d.]+k? +[\d.]+k /.test(screen))
  assert.match(shown[0] ?? '', /2 workers/)
  terminal.type('4')
  await terminal.until(screen => /\n {2}worker 2 +[1-9][\d.]*[kM]/.test(screen))
  terminal.type('q')
  assert.equal(await terminal.exitCode, 0)
  await rated
  const rows = (await mustTapvs(lab, 'ipvsadm', '-ln', '--rate')).split('\n')
  assert.match(rows[1] ?? '', / CPS +InPPS +OutPPS +InBPS +OutBPS$/)
  assert.match(rows[4] ?? '', /^ {2}-> 192\.168\.168\.2:6379( +[1-9]\d*){5}$/)
  enough.abort()
  await ended
})

test('the busiest connections, by their sequence numbers, are those that carry', async () => {
  // Thousands in TIME_WAIT would stand before them, and redis-benchmark ends in the middle of handshakes.
  await untilNoConns(lab)
  const idle = lab.spawn('client', ['redis-cli', '-h', VIP, 'subscribe', 'nothing'])
  const value = 'x'.repeat(100_000)
  await mustClient(lab, ['redis-cli', '-h', VIP, 'set', 'big', value])
  const enough = new AbortController()
  const busy = lab.client(
    ['redis-benchmark', '-q', '-h', VIP, '-c', '1', '-n', '100000', 'get', 'big'],
    { signal: enough.signal },
  )
  const ended = busy.catch(() => {})
  try {
    await until('a busy connection', { limitMs: 5000, everyMs: 50 }, async () => {
      const text = await mustTapvs(lab, 'top', '--json', '--every', '0.5')
      const { busy: rows } = printedJson<{ busy: BusyRow[] }>(text)
      const carrying = rows.filter(({ out_bytes: bytes }) => bytes > 1e6)
      const quiet = rows.filter(
        ({ state, out_bytes: bytes }) => state === 'ESTABLISHED' && bytes === 0,
      )
      return (carrying.length === 1 && quiet.length >= 1) || undefined
    })
  } finally {
    idle.kill()
    enough.abort()
    await ended
  }
})
