/**
 * A worker that hangs, that ends, or that throws, and a control thread that is busy: connections of the others do not notice, its own
 * ones go on when another thread is in its place, and none is lost.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { until } from '../../netns/processes.ts'
import type { DropInfo } from '../../src/api/commands.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { NO_DEBUGGER } from '../../src/control/system/signals.ts'
import { countersOf, labConfig, labForTests, mustTapvs, scratchFolder, VIP } from '../kit/lab.ts'
import { type OwnDaemon, startOwnDaemon } from '../kit/own-daemon.ts'
import type { Steady } from '../kit/steady.ts'

const CONNECTIONS = 24
/** Nobody is to notice anything: on a busy machine a turn of a client may take its time. */
const UNNOTICED_MS = 1200
const path = (name: string) => fileURLToPath(new URL(`../kit/${name}.js`, import.meta.url))

const folder = scratchFolder()
const config = labConfig(folder, 'two', yaml => {
  yaml.setIn(['workers', 'count'], 2)
  yaml.setIn(['capture'], { ring: true, dump: { path: join(folder, 'dumps'), on: ['tx_error'] } })
})
const lab = labForTests('hang', { config })

/** The lab's daemon with workers that fail when they are told to. */
function failing(t: TestContext): Promise<OwnDaemon> {
  return startOwnDaemon(t, lab, {
    before: [process.execPath, NO_DEBUGGER],
    tapvs: path('failing-main'),
    env: { TAPVS_TEST_FAIL: folder },
  })
}

/** Whole at once: the daemon looks each 20 ms, and a file is there before it has its text. */
function fail(what: string, text = ''): void {
  const file = join(folder, what)
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

/** Connections that talk all the while. => ends them, and tells of each with its worker by index */
async function talking(t: TestContext): Promise<() => Promise<(Steady & { worker: number })[]>> {
  const child = lab.spawn('client', [
    ...[process.execPath, path('steady')],
    ...[VIP, '6379', `${CONNECTIONS}`],
  ])
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  await until('connections', { limitMs: 10_000 }, () => text.startsWith('open\n') || undefined)
  const workers = new Map<number, number>()
  for (let from = 0; from >= 0; ) {
    const page = await ask(lab.paths.socket, { verb: 'conns', from, limit: 100 })
    for (const { client, worker } of page.conns)
      workers.set(Number(client.split(':')[1]), worker - 1)
    from = page.next
  }
  return async () => {
    child.stdin?.end()
    await once(child, 'close')
    const all: Steady[] = JSON.parse(text.slice('open\n'.length))
    return all.map(one => ({ ...one, worker: workers.get(one.port) ?? -1 }))
  }
}

/** None has ended, all have gone on until now, and those of workers that had nothing never noticed. */
function checkTalk(all: readonly (Steady & { worker: number })[], failed: readonly number[]): void {
  assert.equal(all.length, CONNECTIONS)
  for (const worker of [0, 1]) assert.ok(all.filter(one => one.worker === worker).length > 2)
  for (const one of all) {
    assert.equal(one.ended, null)
    const limit = failed.includes(one.worker) ? 9000 : UNNOTICED_MS
    assert.ok(one.longestMs < limit, `worker ${one.worker}: ${one.longestMs} ms without an answer`)
  }
}

/** The packet threads run again, and the traffic with them. */
const settle = () => sleep(1000)

const restarted = async () => (await countersOf(lab)).events.worker_restarts ?? 0

async function hangs(t: TestContext, daemon: OwnDaemon): Promise<void> {
  const end = await talking(t)
  const opened = (await countersOf(lab)).events.conns_opened ?? 0
  fail('hang-1')
  await daemon.says(
    /^TAPVS: worker 2 hangs, no turn for \d\.\d s; it is started again on its memory$/m,
  )
  await daemon.says(/^TAPVS: worker 2 runs again: \d+ connections taken over, in \d+ ms$/m)
  await daemon.says(/^TAPVS: worker 2 hangs, .*: \d+ packets up to then in .*\.pcapng$/m)
  await settle()
  const { events } = await countersOf(lab)
  const all = await end()
  checkTalk(all, [1])
  const ofIt = all.filter(one => one.worker === 1).length
  assert.match(daemon.said(), new RegExp(`worker 2 runs again: ${ofIt} connections taken over`))
  // What was counted goes on.
  assert.deepEqual([events.worker_restarts, events.conns_opened], [1, opened])
  const dumps = readdirSync(join(folder, 'dumps')).filter(name => /worker_hung/.test(name))
  assert.equal(dumps.length, 1)
  t.diagnostic(`gaps, ms: ${all.map(one => `${one.worker}:${one.longestMs}`).join(' ')}`)
}

async function ends(t: TestContext, daemon: OwnDaemon): Promise<void> {
  await mustTapvs(lab, 'ipvsadm', '-A', '-t', `${VIP}:7000`, '-s', 'rr')
  await mustTapvs(lab, 'ipvsadm', '-P', '-t', `${VIP}:7000`, '-z', '192.168.168.7', '-F', 'int0')
  await mustTapvs(lab, 'ipvsadm', '-a', '-t', `${VIP}:7000`, '-r', '192.168.168.2:6379', '-b')
  const listed = await mustTapvs(lab, 'ipvsadm', '-ln')
  const end = await talking(t)
  fail('end-0')
  await daemon.says(/^TAPVS: worker 1 has ended: Error: an end that a test wants; /m)
  await daemon.says(/^TAPVS: worker 1 runs again/m)
  await settle()
  checkTalk(await end(), [0])
  assert.equal(await restarted(), 2)
  assert.equal(
    (await mustTapvs(lab, 'ipvsadm', '-ln')).replace(/ \d+ +\d+ *$/gm, ''),
    listed.replace(/ \d+ +\d+ *$/gm, ''),
  )
  for (let i = 0; i < 6; i++) {
    const ping = ['redis-cli', '-h', VIP, '-p', '7000', 'ping']
    assert.equal((await lab.client(ping, { timeoutMs: 3000 })).stdout, 'PONG\n')
  }
}

async function throws(t: TestContext, daemon: OwnDaemon): Promise<void> {
  const end = await talking(t)
  for (const index of [0, 1]) fail(`frames-${index}`)
  await sleep(100)
  const say = ['timeout', '0.5', 'redis-cli', '-h', VIP, 'echo', 'broken!']
  await lab.client(say, { timeoutMs: 5000 })
  await daemon.says(
    /^TAPVS: worker [12], judging a frame: TypeError: a frame that a test breaks at .*failing-worker\.js:\d+:\d+\), once so far; tapvs explain drop engine_error has the stack$/m,
  )
  for (const index of [0, 1]) rmSync(join(folder, `frames-${index}`))
  fail('timers-1')
  await daemon.says(
    /^TAPVS: worker 2, turning the timers: TypeError: timers that a test breaks at /m,
  )
  rmSync(join(folder, 'timers-1'))
  const explain = ['explain', 'drop', 'engine_error']
  const text = await mustTapvs(lab, ...explain)
  assert.match(text, /IP 202\.108\.10\.2\.\d+ > 202\.108\.10\.1\.6379: Flags \[P\.\]/)
  assert.match(text, /TypeError: a frame that a test breaks\n/)
  const [drop] = JSON.parse(await mustTapvs(lab, ...explain, '--json')) as DropInfo[]
  assert.equal(drop?.faults?.length, 2)
  await settle()
  const { events, frames } = await countersOf(lab)
  checkTalk(await end(), [])
  assert.ok((events.engine_faults ?? 0) > (drop?.count ?? 0))
  assert.ok(frames.free > frames.slots - 320, `${frames.free} of ${frames.slots} free`)
  assert.equal(await restarted(), 2)
}

async function isBusy(t: TestContext, daemon: OwnDaemon): Promise<void> {
  const end = await talking(t)
  const before = daemon.said().length
  fail('control', '3000')
  const begins = () => !existsSync(join(folder, 'control')) || undefined
  await until('it to begin', { limitMs: 2000 }, begins)
  const asked = performance.now()
  const answer = lab.tapvs(['ipvsadm', '-ln'], { timeoutMs: 10_000 })
  // New connections, too, while nobody is there to be asked.
  const load = lab.client(
    ['redis-benchmark', '-h', VIP, '-q', '-t', 'ping_mbulk', '-n', '1000', '-c', '10', '-k', '0'],
    { timeoutMs: 20_000 },
  )
  assert.equal((await answer).code, 0)
  assert.ok(performance.now() - asked > 1500, 'it was not busy')
  assert.equal((await load).code, 0)
  checkTalk(await end(), [])
  assert.doesNotMatch(daemon.said().slice(before), /hangs|ended/)
}

const STEPS: [string, (t: TestContext, daemon: OwnDaemon) => Promise<void>][] = [
  [
    'one hangs: it is seen, dumped, and started again on its memory; the other one is not concerned',
    hangs,
  ],
  ['the other one ends: what was changed meanwhile is in the thread that follows', ends],
  [
    'a frame that throws is lost and kept, timers that throw turn again, and nothing else is lost',
    throws,
  ],
  [
    'a control thread that is busy for seconds disturbs no packet, and takes nobody for hung',
    isBusy,
  ],
]

test('workers that fail', async t => {
  const daemon = await failing(t)
  for (const [name, step] of STEPS) await t.test(name, t => step(t, daemon))
})
