/**
 * From one version to another under load, and back: by hand, because the new one fails, or because it cannot be. Nothing is lost,
 * nothing is reset, and the longest gap of a stream of requests is printed. The keeper goes along, in its process.
 */

import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { childrenOf, daemonOf } from '../../netns/appliance.ts'
import { commandLine, until } from '../../netns/processes.ts'
import { TAPVS } from '../../netns/topology.ts'
import type { Lab } from '../../netns/two-arm.ts'
import type { UpgradeInfo } from '../../src/api/upgrade.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { FACTS } from '../../src/control/keeper/facts.ts'
import { BULK_SERVICES, pacedTransfer, randomFile } from '../kit/bulk.ts'
import { heldOpen } from '../kit/holder.ts'
import { labConfig, labForTests, mustTapvs, scratchFolder, VIP } from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'
import { otherVersion, type Wrong } from '../kit/other-version.ts'
import { type OwnDaemon, startOwnDaemon } from '../kit/own-daemon.ts'

const IDLE = 500
const MIB = 16
/** Loose: other work on the machine is in it. docs/reliability.md has what it is without. */
const GAP_LIMIT_MS = 20_000

const folder = scratchFolder()
const config = labConfig(folder, 'upgrade', yaml => {
  yaml.set('workers', { count: 2 })
  for (const service of BULK_SERVICES) yaml.addIn(['services'], yaml.createNode(service))
})
const lab = labForTests('upgrade', { config, realServers: 2 }, 'tap')

async function upgraded(of: Lab, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await of.tapvs(['upgrade', '--watch', '1', ...argv], {
    timeoutMs: 90_000,
  })
  assert.equal(code, 0, stderr + stdout)
  return stdout
}

/** => what it says */
async function refused(of: Lab, ...argv: string[]): Promise<string> {
  const { code, stderr, stdout } = await of.tapvs(['upgrade', '--watch', '1', ...argv], {
    timeoutMs: 90_000,
  })
  assert.equal(code, 1, stdout)
  return stderr
}

const pong = (of: Lab) => ask(of.paths.socket, { verb: 'ping' })

/** The keeper is that of a version, in the same process, and has the daemon for its only child. */
async function keeperOf(daemon: OwnDaemon, program: string): Promise<void> {
  const keeper = daemon.process.pid as number
  await until('the keeper to go on', { limitMs: 20_000, everyMs: 50 }, () =>
    commandLine(keeper).includes(program) ? true : undefined,
  )
  await until('one child', { limitMs: 20_000, everyMs: 50 }, () =>
    childrenOf(keeper).length === 1 ? true : undefined,
  )
}

test('another version takes over under load, and the former one comes back', async t => {
  const daemon = await startOwnDaemon(t, lab)
  const keeper = daemon.process.pid as number
  const other = otherVersion(folder, '9.8.7')
  const file = join(folder, 'bulk')
  await randomFile(lab, file, MIB)
  assert.match(
    await upgraded(lab, '--check', other),
    /would hand over from .* to 9\.8\.7 \(.*\); tapvs upgrade --back returns to/,
  )
  const held = await heldOpen(t, lab, IDLE)
  await held.look()
  const benchmark = lab.client(
    ['redis-benchmark', '-q', '-h', VIP, '-c', '8', '-n', '20000', '-t', 'get'],
    { timeoutMs: 240_000 },
  )
  const files = pacedTransfer(lab, file, MIB)
  const second = lab.arm('rs').addresses[1] as string
  await mustTapvs(lab, 'ipvsadm', '-a', '-t', `${VIP}:6379`, '-r', `${second}:6379`, '-w', '100')
  await sleep(500)
  await held.look()
  await upgraded(lab, other)
  const loaded = await held.look()
  t.diagnostic(`under load: longest gap ${Math.round(loaded.longestMs)} ms`)
  assert.equal((await pong(lab)).version, '9.8.7')
  await files
  const { code, stdout, stderr } = await benchmark
  assert.equal(code, 0, stderr + stdout)
  assert.doesNotMatch(stdout + stderr, /error|reset|closed/i)
  await keeperOf(daemon, other)

  // Nothing but the stream, and back.
  await held.look()
  await upgraded(lab, '--back')
  const quiet = await held.look()
  t.diagnostic(`the stream alone: longest gap ${Math.round(quiet.longestMs)} ms`)
  assert.ok(quiet.longestMs < GAP_LIMIT_MS, `${quiet.longestMs}`)
  assert.equal((await pong(lab)).version, FACTS.version)
  await keeperOf(daemon, TAPVS)
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln'), new RegExp(`${second}:6379`))

  // The keeper that came by exec still does what a keeper does.
  const { pid } = await pong(lab)
  process.kill(pid, 'SIGKILL')
  await until('the next daemon', { limitMs: 20_000 }, async () => {
    const next = await pong(lab).catch(() => undefined)
    return next && next.pid !== pid ? true : undefined
  })
  assert.match(daemon.said(), /the daemon was ended by SIGKILL; starting another/)
  const { answered, failures, sent, received } = await held.end()
  assert.deepEqual(failures, [])
  assert.equal(answered, IDLE)
  assert.equal(received, sent)
  assert.equal(daemonOf(keeper), (await pong(lab)).pid)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
})

test('one that fails makes way for the former, with all connections', async t => {
  const daemon = await startOwnDaemon(t, lab)
  const before = (await pong(lab)).pid
  const held = await heldOpen(t, lab, 100)
  const cannotStart = otherVersion(folder, '9.1.0', 'cannot start')
  assert.match(await refused(lab, cannotStart), /9\.1\.0 failed with code 7; .* goes on/)
  assert.equal((await pong(lab)).pid, before)
  const rows: [string, Wrong, RegExp][] = [
    [
      '9.2.0',
      'dies after taking over',
      /9\.2\.0 was ended by SIGKILL after it took over; .* goes on/,
    ],
  ]
  // It takes as long as one is waited for.
  if (isLong)
    rows.push(['9.3.0', 'is never ready', /9\.3\.0 was not ready within 15 s; .* goes on/])
  for (const [version, wrong, why] of rows) {
    assert.match(await refused(lab, otherVersion(folder, version, wrong)), why)
    const { version: runs } = await pong(lab)
    assert.equal(runs, FACTS.version)
    const { answered, longestMs } = await held.look()
    t.diagnostic(`${wrong}: longest gap ${Math.round(longestMs)} ms`)
    assert.equal(answered, 100)
  }
  const info = await ask(lab.paths.socket, { verb: 'upgrade' })
  assert.deepEqual([info.phase, info.running.path], ['failed', TAPVS] satisfies [
    UpgradeInfo['phase'],
    string,
  ])
  const { sent, received } = await held.end()
  assert.equal(received, sent)
  assert.match(daemon.said(), /TAPVS: upgrade failed: 9\.2\.0 was ended by SIGKILL/)
})

test('what is no tapvs that this one can hand over to is refused, and nothing changes', async t => {
  const daemon = await startOwnDaemon(t, lab)
  const held = await heldOpen(t, lab, 20)
  const script = join(folder, 'writable')
  writeFileSync(script, '#!/bin/sh\necho {}\n')
  chmodSync(script, 0o777)
  const silent = join(folder, 'silent')
  writeFileSync(silent, '#!/bin/sh\necho "{}"\n', { mode: 0o755 })
  const layout = otherVersion(folder, '9.4.0', 'has another layout')
  for (const [argv, why] of [
    [['/nonexistent/tapvs'], /cannot be found \(ENOENT\)/],
    [[folder], /is no regular file/],
    [[script], /belongs to, or can be written by, somebody else/],
    [['/bin/false'], /is no tapvs that can be asked/],
    [[silent], /is no tapvs: "version --json" does not say what it is/],
    [['--back'], /there is no former program to go back to/],
    [
      [layout],
      /has state of another layout \(77, this is \d+\): all connections would be lost; insist/,
    ],
  ] as [string[], RegExp][]) {
    const said = await refused(lab, ...argv)
    assert.match(said, why)
    assert.equal(said.split('\n').length, 2, said)
  }
  assert.equal((await pong(lab)).pid, daemon.pid)
  const { answered, sent, received } = await held.end()
  assert.deepEqual([answered, received], [20, sent])
  // Who insists gets it, and an empty table.
  await upgraded(lab, '--lose-connections', layout)
  await daemon.says(/state of another layout \(\d+, this is 77\): starting empty/)
  assert.equal((await pong(lab)).version, '9.4.0')
  const fresh = await heldOpen(t, lab, 5)
  assert.equal((await fresh.end()).answered, 5)
})

test('with a standby, that of the new version', async t => {
  const daemon = await startOwnDaemon(t, lab, { options: ['--standby'] })
  const keeper = daemon.process.pid as number
  const two = () =>
    until('one that stands by', { limitMs: 20_000, everyMs: 50 }, () => childrenOf(keeper)[1])
  await two()
  const other = join(folder, 'tapvs-9.8.7/bin/tapvs')
  await upgraded(lab, other)
  await until('the keeper to go on', { limitMs: 20_000, everyMs: 50 }, () =>
    commandLine(keeper).includes(other) ? true : undefined,
  )
  assert.ok(commandLine(await two()).some(word => word.includes('tapvs-9.8.7')))
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
})
