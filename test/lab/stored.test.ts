/**
 * What a service manager stores (FDSTORE=1) outlives the keeper too: kill -9 of the whole service, and a restart of it, lose no connection; a
 * stop forgets. The manager is ours, and does what systemd does (kit/manager.c).
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { daemonOf, stopDaemon } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import { TAPVS } from '../../netns/topology.ts'
import { heldOpen } from '../kit/holder.ts'
import { labForTests, mustTapvs, RIP, scratchFolder, VIP } from '../kit/lab.ts'
import { storingManager } from '../kit/manager.ts'

const IDLE = 200
const folder = scratchFolder()
const lab = labForTests('stored', {}, 'tap')

/** One that has ended may wait for a parent that looks after orphans. */
const isThere = (pid: number) => {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** Its daemon, and what is stored; `look` has all connections asked, and says how long it was dark. */
async function service(t: TestContext) {
  await stopDaemon(lab.paths)
  const manager = await storingManager(t, folder, [TAPVS, 'run', '--config', lab.paths.config])
  await manager.says(/^ready/)
  const held = await heldOpen(t, lab, IDLE)
  await held.look()
  const look = async (what: string) => {
    await sleep(300)
    const { answered, failures, longestMs } = await held.look()
    t.diagnostic(`${what}: longest gap ${Math.round(longestMs)} ms`)
    assert.deepEqual(failures, [])
    assert.equal(answered, IDLE)
  }
  const daemon = () => daemonOf(manager.pid()) as number
  return { manager, held, look, daemon, names: manager.stored() }
}

async function weight(): Promise<number> {
  const listed = await mustTapvs(lab, 'ipvsadm', '-ln')
  return Number(/FullNat +(\d+)/.exec(listed)?.[1])
}

test('kill -9 of the keeper and a restart lose no connection, and a stop forgets', async t => {
  const { manager, held, look, daemon, names } = await service(t)
  assert.ok(names.includes('tapvs-index'))
  const before = await weight()
  await mustTapvs(lab, 'ipvsadm', '-e', '-t', `${VIP}:6379`, '-r', `${RIP}:6379`, '-w', '77')

  const first = daemon()
  await manager.tell('kill')
  await manager.says(/^ready/, 2)
  assert.equal(isThere(first), false)
  await look('kill -9 of the keeper')
  await manager.says(/^TAPVS: the keeper has ended, and the daemon ends with it/)
  await manager.says(/took over \d+ connections, 0 cleared/)
  // What ran goes on.
  assert.equal(await weight(), 77)

  // One that does not notice that its keeper has ended keeps the next one waiting.
  const second = daemon()
  process.kill(second, 'SIGSTOP')
  await manager.tell('kill')
  await manager.says(/^started/, 3)
  await sleep(2000)
  assert.equal(manager.said().match(/^ready/gm)?.length, 2)
  process.kill(second, 'SIGKILL')
  await manager.says(/^ready/, 3)
  await look('the same, with a daemon that is stopped for 2 s and killed')
  await manager.says(/took over \d+ connections, 0 cleared/, 2)

  await manager.tell('restart')
  await manager.says(/^ready/, 4)
  await look('restart')
  await manager.says(/took over \d+ connections, 0 cleared/, 3)
  // Who restarts wants the file.
  assert.equal(await weight(), before)
  assert.match(manager.said(), /connections cut off unless it is started again at once/)
  const { sent, received } = await held.end()
  assert.equal(received, sent)
  const last = daemon()
  await manager.tell('stop')
  await until('the end', { limitMs: 10_000 }, () => (isThere(last) ? undefined : true))
})

test('the keeper that an upgrade brings knows what is stored', async t => {
  const { manager, held, look, names } = await service(t)
  const keeper = manager.pid()
  const { code, stderr } = await lab.tapvs(['upgrade', '--watch', '1'], { timeoutMs: 60_000 })
  assert.equal(code, 0, stderr)
  await manager.says(/^TAPVS: the keeper is that of/)
  assert.equal(manager.pid(), keeper)
  await look('an upgrade')
  await manager.tell('kill')
  await manager.says(/^ready/, 3)
  await look('kill -9 of the keeper behind it')
  assert.doesNotMatch(manager.said(), /of no use|^same|^full/m)
  assert.deepEqual(manager.stored().length, names.length)
  await held.end()
  await manager.tell('stop')
})
