/** What `lab down` takes away is its own: not what a container of the same names has, nor a mount point. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { commandLine, run, until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { Lab } from '../../netns/two-arm.ts'
import { labName } from '../kit/lab.ts'

const lab = new Lab(labName('strangers'))
const DAEMON = ['run', '--config', lab.paths.config]
const WAITS = ['-e', 'setInterval(() => {}, 1000)', ...DAEMON]

/** Something whose command line is that of a daemon of the lab. => whether it has ended */
async function seemingDaemon(t: TestContext, before: string[]): Promise<() => boolean> {
  const [command, ...args] = [...before, process.execPath, ...WAITS]
  const child = spawn(command as string, args, { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  const words = () =>
    commandLine(child.pid as number)
      .slice(-3)
      .join(' ') === DAEMON.join(' ')
  await until('it to run', { limitMs: 3000 }, () => words() || undefined)
  return () => child.exitCode !== null || child.signalCode !== null
}

test('a daemon of the same name in namespaces of its own is somebody else', async t => {
  const stranger = (option: string) => seemingDaemon(t, ['unshare', option])
  const strangers = [await stranger('--mount'), await stranger('--net')]
  const ours = await seemingDaemon(t, [])
  await lab.down()
  await until('the end of ours, which has no record', { limitMs: 3000 }, () => ours() || undefined)
  assert.deepEqual(
    strangers.map(ended => ended()),
    [false, false],
  )
  assert.equal(lab.exists(), false)
})

test('a run folder that is a mount point is emptied, and stays', async t => {
  const { folder, wanted } = lab.paths
  mkdirSync(folder)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const script = `mount -t tmpfs none "$0"; echo {} > "$1"; mkdir "$0/redis"; touch "$0/redis/log"
    "$2" "$3" down --name "$4" > /dev/null; ls -A "$0"`
  const program = join(CHECKOUT, 'dist/netns/lab.js')
  const argv = [folder, wanted, process.execPath, program, lab.name]
  const { code, stdout, stderr } = await run(['unshare', '--mount', 'sh', '-ec', script, ...argv])
  assert.deepEqual([code, stdout, stderr], [0, '', ''])
})

test('the log of the daemon is for its owner only: it has the token of the page', async t => {
  t.after(() => lab.down())
  await lab.up({ ui: 0 })
  assert.equal(statSync(lab.paths.log).mode & 0o777, 0o600)
})
