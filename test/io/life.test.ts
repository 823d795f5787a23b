/** That a process has died is known by its locks, and only then. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createMemory } from '../../src/io/hold.ts'
import { createLives, live, watchLives } from '../../src/io/life.ts'
import { closeFd, POLLIN, wait } from '../../src/io/native.ts'

const PROGRAM = fileURLToPath(new URL('../kit/lives-main.js', import.meta.url))

/** => whether it can be read from within `ms` */
function isTold(fd: number, ms: number): boolean {
  const revents = new Int32Array(1)
  wait(Int32Array.of(fd), revents, 1, ms)
  return revents[0] === POLLIN
}

/** A process with three lives; `detached`, in a session of its own, as a keeper starts it. */
async function living(t: TestContext, mib = 1, detached = false) {
  const fd = createLives(3)
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, '3', `${mib}`], {
    stdio: ['pipe', 'pipe', 'inherit', fd],
    detached,
  })
  t.after(() => {
    child.kill('SIGKILL')
    closeFd(fd)
  })
  assert.ok(child.stdin && child.stdout)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const said = async () => (await lines.next()).value as string
  assert.equal(await said(), 'live')
  const { stdin } = child
  return { fd, child, said, tell: (text: string) => stdin.write(`${text}\n`) }
}

test('a process that was killed is known to be dead before it is taken apart', async t => {
  const { fd, child } = await living(t, 200)
  const died = watchLives(fd)
  assert.equal(isTold(died, 50), false)
  assert.throws(() => live(fd, 0), { code: 'EBUSY' })
  const exit = once(child, 'exit')
  const before = performance.now()
  child.kill('SIGKILL')
  assert.ok(isTold(died, 5000))
  const told = performance.now()
  await exit
  const ms = (to: number) => (to - before).toFixed(1)
  t.diagnostic(`told after ${ms(told)} ms, it had exited after ${ms(performance.now())} ms`)
  closeFd(died)
})

test('what has died is taken apart behind all others', async t => {
  const { fd, child } = await living(t, 200, true)
  const ofOurs = getPriority()
  // proc(5): behind the name in parentheses, which is the second field, the nineteenth. Nobody reaps it before this thread sleeps.
  const nice = () => {
    const [, fields = ''] = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')
    return Number(fields.split(' ')[16])
  }
  const died = watchLives(fd)
  assert.equal(nice(), ofOurs)
  child.kill('SIGKILL')
  assert.ok(isTold(died, 5000))
  const end = performance.now() + 5000
  while (nice() !== 19 && performance.now() < end) wait(new Int32Array(0), new Int32Array(0), 0, 1)
  assert.equal(nice(), 19)
  assert.equal(getPriority(), ofOurs)
  closeFd(died)
})

test('a thread that ends is no death, nor is an end that was meant', async t => {
  const { fd, child, said, tell } = await living(t)
  const died = watchLives(fd)
  tell('end')
  assert.equal(await said(), 'ended')
  assert.equal(isTold(died, 100), false)
  tell('resign')
  assert.match(await said(), /^resigned/)
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  assert.equal(isTold(died, 100), false)
  closeFd(died)
})

test('a thread in place of one that has ended has its slot, and the death of all is known', async t => {
  const { fd, child, said, tell } = await living(t)
  tell('end')
  assert.equal(await said(), 'ended')
  live(fd, 1)
  assert.throws(() => live(fd, 1), { code: 'EBUSY' })
  child.kill('SIGKILL')
  // This thread has one of the slots now, and lives.
  assert.equal(isTold(watchLives(fd), 200), false)
})

test('other memory is refused, and slots that there are not', () => {
  const fd = createMemory('other', 4096)
  assert.throws(() => live(fd, 0), { code: 'EINVAL' })
  assert.throws(() => watchLives(fd), { code: 'EINVAL' })
  closeFd(fd)
  assert.throws(() => watchLives(0), { code: 'EINVAL' })
  for (const slots of [0, 257]) assert.throws(() => createLives(slots), RangeError)
  const lives = createLives(1)
  assert.throws(() => live(lives, 1), RangeError)
  closeFd(lives)
})
