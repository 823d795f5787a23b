/** Who else holds a TAP: told by the kernel, whatever process it is, and forgotten with it. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { untilFree } from '../../../src/control/network/kinds.ts'
import { HeldError, refuseHeld, tunIn } from '../../../src/control/network/tun-info.ts'
import { QUEUE_MULTI, TAP_PERSIST } from '../../../src/io/native.ts'
import { close, holder, NS, namespacePerTest, open, PATH, TAP } from '../../kit/tap.ts'

namespacePerTest()

const refusal = (pid: number | undefined) => (error: Error) => {
  assert.ok(error instanceof HeldError)
  assert.equal(
    error.message,
    `TAP ${TAP} in ${NS} is held by node (pid ${pid}): stop that, or insist with tapvs run --force`,
  )
  return true
}

test('a TAP that nobody holds, or only we', () => {
  refuseHeld(TAP, NS, 0)
  close(open(QUEUE_MULTI | TAP_PERSIST))
  assert.deepEqual(tunIn(PATH, TAP), { isTap: true, persistent: true, multiQueue: true, queues: 0 })
  refuseHeld(TAP, NS, 0)
  open(QUEUE_MULTI)
  open(QUEUE_MULTI)
  refuseHeld(TAP, NS, 2)
  assert.throws(() => refuseHeld(TAP, NS, 1), /is held by a process that this user cannot see/)
})

test('one that another process holds is refused with its pid, and free at once when it is killed', async t => {
  const other = await holder(t)
  assert.throws(() => refuseHeld(TAP, NS, 0), refusal(other.pid))
  const arms = [{ name: TAP, kind: 'tap' as const, netns: NS }]
  await assert.rejects(untilFree(arms), refusal(other.pid))
  other.kill('SIGKILL')
  await untilFree(arms)
})

test('a TAP of the same name in another namespace is somebody else', async t => {
  const name = `${NS}-b`
  spawnSync('ip', ['netns', 'add', name])
  t.after(() => spawnSync('ip', ['netns', 'del', name]))
  const far = await holder(t, `/run/netns/${name}`)
  refuseHeld(TAP, NS, 0)
  const near = await holder(t)
  assert.notEqual(far.pid, near.pid)
  assert.throws(() => refuseHeld(TAP, NS, 0), refusal(near.pid))
})
