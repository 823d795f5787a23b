/**
 * Signals that Node or the kernel give a meaning, and have none here, or another.
 * Holds invariant I21.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CHECKOUT, TAPVS } from '../../../netns/topology.ts'
import { ask } from '../../../src/cli/daemon/client.ts'
import { NO_DEBUGGER } from '../../../src/control/system/signals.ts'
import { runs } from '../../kit/long.ts'
import { startTapless } from '../../kit/tapless-daemon.ts'

/** What a program does by itself, what says that it is broken, and what stops it for its terminal. */
const LEFT_ALONE = new Set([
  ...['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH'],
  ...['SIGABRT', 'SIGIOT', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGTRAP', 'SIGSYS'],
  ...['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGXCPU'],
])

/** Ports of TCP on which a process listens. */
function listening(pid: number): number[] {
  const inodes = new Set<string>()
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? []
      if (inode) inodes.add(inode)
    } catch {
      // It was closed meanwhile.
    }
  }
  const lines = ['tcp', 'tcp6'].flatMap(name =>
    readFileSync(`/proc/${pid}/net/${name}`, 'latin1').split('\n').slice(1, -1),
  )
  const rows = lines.map(line => line.trim().split(/\s+/))
  return rows
    .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.has(inode as string))
    .map(([, local]) => Number.parseInt(local?.split(':')[1] ?? '', 16))
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-signals-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('SIGUSR1 opens the files of the log anew, and no debugger', async t => {
  const path = join(scratch(t), 'tapvs.log')
  const daemon = await startTapless(t, 'works', /ready.*\n/, `log: { file: { path: ${path} } }\n`)
  const pid = daemon.process.pid as number
  assert.deepEqual(listening(pid), [])
  renameSync(path, `${path}.1`)
  daemon.process.kill('SIGUSR1')
  const end = performance.now() + 10_000
  while (!readdirSync(join(path, '..')).includes('tapvs.log')) {
    assert.ok(performance.now() < end, 'no new file')
    await ask(daemon.socket, { verb: 'ping' })
  }
  assert.deepEqual(listening(pid), [])
  assert.doesNotMatch(daemon.stderr(), /[Dd]ebugger|inspector/)
  daemon.process.kill('SIGQUIT')
  assert.equal(await daemon.exitCode, 0)
})

test('no other signal ends the daemon but those that are to', async t => {
  const daemon = await startTapless(t, 'works', /ready.*\n/)
  const names = Object.keys(constants.signals).filter(name => !LEFT_ALONE.has(name))
  assert.ok(names.includes('SIGUSR2') && names.includes('SIGXFSZ') && names.includes('SIGPIPE'))
  for (const name of names) {
    daemon.process.kill(name as NodeJS.Signals)
    await ask(daemon.socket, { verb: 'ping' })
    assert.deepEqual([daemon.process.exitCode, daemon.process.signalCode], [null, null], name)
  }
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
})

test('from exec on SIGUSR1 finds no moment in which a debugger would listen', async () => {
  const said: string[] = []
  for (let attempt = 0; attempt < runs(8); attempt++) {
    const child = spawn(TAPVS, ['--help'], { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr.setEncoding('utf8').on('data', text => said.push(text))
    const gone = new Promise(done => child.on('close', done))
    // Each attempt a little later, and several: one of them meets the time between Node's handler and ours.
    for (let at = performance.now() + attempt; child.exitCode === null; at += 5) {
      while (performance.now() < at) await new Promise(setImmediate)
      if (performance.now() > at + 1000) break
      if (isNode(child.pid as number)) child.kill('SIGUSR1')
      if (child.signalCode !== null) break
    }
    await gone
  }
  assert.doesNotMatch(said.join(''), /Debugger listening/)
})

/** The shell is over, and Node has taken the signal from the kernel: before that it ends any process. */
function isNode(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const mask = (name: string) =>
      BigInt(`0x${new RegExp(`^${name}:\\t(\\w+)`, 'm').exec(status)?.[1]}`)
    const usr1 = 1n << 9n
    return ((mask('SigBlk') | mask('SigCgt')) & usr1) !== 0n
  } catch {
    return false
  }
}

test('all that starts node as root has the option', () => {
  const text = (path: string) => readFileSync(join(CHECKOUT, path), 'utf8')
  assert.match(
    text('bin/tapvs'),
    new RegExp(`^#!/bin/sh\n':' //; exec node ${NO_DEBUGGER} "\\$0" "\\$@"\n`),
  )
  assert.ok(text('scripts/setup.sh').includes(`\nno_debugger=${NO_DEBUGGER}\n`))
  for (const script of ['scripts/lab', 'scripts/bench'])
    assert.match(text(script), /^exec node "\$no_debugger" /m, script)
  assert.ok(text('package.json').includes(`"install": "node ${NO_DEBUGGER} scripts/`))
})
