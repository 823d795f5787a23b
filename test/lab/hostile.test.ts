/**
 * Who means harm, beside redis between real kernels: blind segments to every port, from either side, and SYNs of senders that are not
 * there, as many as this machine makes. What is established goes on, new connections open, memory stays where it was, and the log
 * says what happened.
 */
// alone: it judges what a flood leaves of redis

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { before, type TestContext, test } from 'node:test'
import { daemonPid, logSince } from '../../netns/appliance.ts'
import { mustRun, until } from '../../netns/processes.ts'
import { CHECKOUT, type Side } from '../../netns/topology.ts'
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
import type { Load } from '../kit/redis-load.ts'

const isLong = process.env.TAPVS_LONG === '1'
const SECONDS = isLong ? 30 : 3
/** What two cores can be asked beside all else; the long form takes what they make. */
const FLOOD_RATE = isLong ? 50_000 : 2500
const HELD = 50
const folder = scratchFolder()
const flood = join(folder, 'flood')
/** A table that 3584 half-open connections make short: they came to stay for 30 s each. */
const config = labConfig(folder, 'hostile', yaml => {
  yaml.set('connections', { table_size: 4096 })
})
const lab = labForTests('hostile', { config })

before(async () => {
  const source = join(CHECKOUT, 'test/kit/flood.c')
  await mustRun(['cc', '-O2', '-Wall', '-Werror', '-o', flood, source])
})

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

/** Frames of a made-up sender, from one side. => how many */
async function attack(side: Side, ...words: (string | number)[]): Promise<number> {
  const device = side === 'client' ? 'ext0' : 'int0'
  const neigh = await mustRun(
    lab.inside(side, ['ip', 'neigh', 'show', side === 'client' ? VIP : LIP]),
  )
  const [mac = ''] = /(?<=lladdr )\S+/.exec(neigh) ?? []
  const argv = [flood, device, mac, ...words.map(String)]
  return Number(await mustRun(lab.inside(side, argv)))
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
    assert.ok((await established()) >= HELD, flags)
  }
  assert.equal(await answering(), HELD)
})

test('redis goes on beside a flood of SYNs: those that are open, and new ones', async t => {
  const answering = await held(t)
  const since = Buffer.byteLength(logSince(lab.paths, 0))
  const program = join(CHECKOUT, 'dist/test/kit/redis-load.js')
  const child = lab.spawn('client', [process.execPath, program, VIP, '6379', '50'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill())
  let printed = ''
  child.stdout?.on('data', text => {
    printed += text
  })
  const memory = () => Number(/VmRSS:\s+(\d+)/.exec(status())?.[1]) / 1024
  const status = () => readFileSync(`/proc/${daemonPid(lab.paths)}/status`, 'utf8')
  const first = memory()
  const flooding = attack('client', 'any', VIP, 6379, 'S', FLOOD_RATE, SECONDS)
  let asked = 0
  let answered = 0
  let over = false
  void flooding.finally(() => {
    over = true
  })
  while (!over) {
    asked += HELD
    answered += await answering()
  }
  const sent = await flooding
  child.stdin?.end()
  await once(child, 'close')
  const load = JSON.parse(printed) as Load
  const { drops, events } = await countersOf(lab)
  t.diagnostic(
    `${Math.round(sent / SECONDS)} SYN/s for ${SECONDS} s: ${answered} of ${asked} GETs on open connections, ${load.answered} new connections, ${load.failures.length} failed; ${events.half_open_evicted ?? 0} made room; memory ${first.toFixed(0)} to ${memory().toFixed(0)} MB`,
  )
  // What a queue in front of the balancer drops, because two cores make more than they take, is nobody's here.
  if (!isLong) {
    assert.equal(answered, asked)
    // Were there no room, all of them would fail from the second second on.
    assert.ok(load.failures.length <= load.answered / 3, JSON.stringify(load.failures.slice(0, 5)))
  }
  assert.equal(await answering(), HELD)
  assert.ok((events.half_open_evicted ?? 0) > 0)
  assert.equal(drops.conn_table_full ?? 0, 0)
  assert.ok(memory() - first < 100)
  await until('the log', { limitMs: 3000, everyMs: 100 }, () => {
    return (
      /lports or records are short: \d+ half-open/.test(logSince(lab.paths, since)) || undefined
    )
  })
})
