/**
 * kill -9 of the daemon under load: its keeper starts another, which goes on with every connection. Nothing is lost, nothing is
 * reset, and the longest gap of a stream of requests is printed.
 */

import assert from 'node:assert/strict'
import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { childrenOf, daemonOf, daemonPid, keeperPid, logSince } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import { ARMS } from '../../netns/topology.ts'
import type { Lab } from '../../netns/two-arm.ts'
import { BULK_SERVICES, pacedTransfer, randomFile } from '../kit/bulk.ts'
import { heldOpen } from '../kit/holder.ts'
import {
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  RIP,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'
import { startOwnDaemon } from '../kit/own-daemon.ts'

const MIB = isLong ? 1024 : 16
const IDLE = isLong ? 10_000 : 1000
const REQUESTS = isLong ? 400_000 : 20_000
/** Loose: other work on the machine is in it. docs/reliability.md has what it is without. */
const GAP_LIMIT_MS = 20_000

const folder = scratchFolder()
const config = labConfig(folder, 'crash', yaml => {
  yaml.set('workers', { count: 2 })
  yaml.setIn(['log', 'modules'], yaml.createNode({ daemon: 'debug' }))
  for (const service of BULK_SERVICES) yaml.addIn(['services'], yaml.createNode(service))
})

async function killed(lab: Lab): Promise<void> {
  const before = daemonPid(lab.paths)
  assert.ok(before)
  const said = Buffer.byteLength(logSince(lab.paths, 0))
  process.kill(before, 'SIGKILL')
  await until('the next daemon', { limitMs: 20_000 }, () =>
    /TAPVS: ready/.test(logSince(lab.paths, said)) ? true : undefined,
  )
  assert.notEqual(daemonPid(lab.paths), before)
}

/** Bytes of the memory that outlives the daemon which somebody has written, or looked at. */
function outlivingBytes(keeper: number): number {
  const folder = `/proc/${keeper}/fd`
  return readdirSync(folder)
    .map(fd => join(folder, fd))
    .filter(path => readlinkSync(path).includes('memfd:tapvs-state'))
    .reduce((sum, path) => sum + statSync(path).blocks * 512, 0)
}

const standbyLab = labForTests('crash-standby', {}, 'tap')

for (const arms of ARMS) {
  const lab = labForTests(`crash-${arms}`, { config, realServers: 2 }, arms)

  test(`${arms}: kill -9 under a benchmark, transfers and idle connections: all go on`, async t => {
    const keeper = keeperPid(lab.paths)
    const file = join(folder, `bulk-${arms}`)
    await randomFile(lab, file, MIB)
    // redis itself lets 10,000 in.
    await mustClient(lab, ['redis-cli', '-h', VIP, 'config', 'set', 'maxclients', `${IDLE + 100}`])
    const held = await heldOpen(t, lab, IDLE)
    await held.look()
    const benchmark = lab.client(
      ['redis-benchmark', '-q', '-h', VIP, '-c', '20', '-n', `${REQUESTS}`, '-t', 'get'],
      { timeoutMs: 240_000 },
    )
    let ended = false
    const end = benchmark.finally(() => (ended = true))
    const files = pacedTransfer(lab, file, MIB)
    await sleep(500)
    assert.equal(ended, false)
    await killed(lab)
    const { longestMs } = await held.look()
    t.diagnostic(
      `${arms}: longest gap ${Math.round(longestMs)} ms with ${IDLE} connections, under load`,
    )
    await files
    const { code, stdout, stderr } = await end
    assert.equal(code, 0, stderr + stdout)
    assert.doesNotMatch(stdout + stderr, /error|reset|closed/i)

    // What the command line has changed is kept, and connections of it go on.
    const second = lab.arm('rs').addresses[1] as string
    await mustTapvs(lab, 'ipvsadm', '-a', '-t', `${VIP}:6379`, '-r', `${second}:6379`, '-w', '1000')
    await mustTapvs(lab, 'ipvsadm', '-e', '-t', `${VIP}:9001`, '-r', `${RIP}:9001`, '-w', '77')
    const ofBoth = await heldOpen(t, lab, 10)
    assert.match(await mustTapvs(lab, 'ipvsadm', '-lnc'), new RegExp(`${second}:6379`))
    // Once more, with nothing but the streams.
    await held.look()
    await killed(lab)
    await sleep(300)
    const quiet = await held.look()
    t.diagnostic(`${arms}: longest gap ${Math.round(quiet.longestMs)} ms with ${IDLE} connections`)
    assert.ok(quiet.longestMs < GAP_LIMIT_MS, `${quiet.longestMs}`)
    const listed = await mustTapvs(lab, 'ipvsadm', '-ln')
    assert.match(listed, new RegExp(`${second}:6379`))
    assert.match(listed, /:9001 +FullNat +77 /)
    assert.deepEqual((await ofBoth.end()).failures, [])
    const { answered, failures, sent, received } = await held.end()
    assert.deepEqual(failures, [])
    assert.equal(answered, IDLE)
    assert.equal(received, sent)

    const log = logSince(lab.paths, 0)
    const took = [...log.matchAll(/took over (\d+) connections, (\d+) cleared/g)]
    assert.equal(took.length, 2, log)
    for (const [, conns, cleared] of took) {
      assert.ok(Number(conns) > IDLE, conns)
      assert.equal(cleared, '0')
    }
    // Both times packets came first, and control found its threads as it wanted them.
    assert.equal([...log.matchAll(/worker \d began .*; first of all/g)].length, 4, log)
    assert.doesNotMatch(log, /take their place|could not be started/)
    assert.equal(keeperPid(lab.paths), keeper)
    const counted = await mustTapvs(lab, 'counters', '--json')
    assert.equal(JSON.parse(counted).drops.miss_bare ?? 0, 0)
  })
}

test('with a standby, that is the next daemon, and another one stands by', async t => {
  const lab = standbyLab
  await lab.up(lab.wanted)
  const daemon = await startOwnDaemon(t, lab, { options: ['--standby'] })
  const keeper = daemon.process.pid as number
  const stands = (times: number) =>
    until('one that stands by', { limitMs: 20_000, everyMs: 50 }, () => {
      const said = daemon.said().split('another one stands by').length - 1
      return said >= times ? childrenOf(keeper)[1] : undefined
    })
  await stands(1)
  // A change is a change for who stands by, too: it goes on with what runs.
  await mustTapvs(lab, 'ipvsadm', '-e', '-t', `${VIP}:6379`, '-r', `${RIP}:6379`, '-w', '77')
  const held = await heldOpen(t, lab, 100)
  await sleep(2000)
  await held.look()
  const standby = childrenOf(keeper)[1]
  process.kill(daemon.pid, 'SIGKILL')
  await daemon.says(/took over \d+ connections, 0 cleared/)
  await until('it to go on', { limitMs: 10_000 }, () => daemonOf(keeper) === standby || undefined)
  await sleep(500)
  const { longestMs } = await held.look()
  t.diagnostic(`longest gap ${Math.round(longestMs)} ms with 100 connections and a standby`)
  assert.ok(longestMs < GAP_LIMIT_MS, `${longestMs}`)
  // Nothing goes through it as a whole: that took longer than all the rest.
  const outliving = outlivingBytes(keeper)
  assert.ok(outliving > 0 && outliving < 6 * 1024 * 1024, `${outliving} bytes`)
  assert.doesNotMatch(daemon.said(), /take their place|could not be started/)
  await until('it to answer', { limitMs: 20_000 }, () =>
    daemon.said().split('TAPVS: ready').length > 2 ? true : undefined,
  )
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln'), /:6379 +FullNat +77 /)
  const { answered, sent, received } = await held.end()
  assert.deepEqual([answered, received], [100, sent])
  assert.notEqual(await stands(2), standby)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
  await until('both to end', { limitMs: 5000 }, () => childrenOf(keeper).length === 0 || undefined)
})
