/** One process after another: memory that one has to itself, the ends of children, and exec in place. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { endOfChild, lockMemory, unlockMemory } from '../../src/io/exec.ts'
import { createMemory } from '../../src/io/hold.ts'

const EXEC = new URL('../../src/io/exec.js', import.meta.url).href
const HOLD = new URL('../../src/io/hold.js', import.meta.url).href

/** A Node with a descriptor of ours as its 3; it runs `code`, and ends with its stdin. */
async function other(t: TestContext, code: string, fd: number | 'ignore') {
  const stdio = ['pipe', 'pipe', 'inherit', fd] as const
  const argv = ['--input-type=module', '-e', code]
  const child = spawn(process.execPath, argv, { stdio: [...stdio] })
  t.after(() => child.kill('SIGKILL'))
  const [first] = await once(child.stdout?.setEncoding('utf8') ?? assert.fail(), 'data')
  return { child, first: String(first).trim(), end: once(child, 'exit') }
}

test('memory is one process’s, until that gives it up or is killed', async t => {
  const fd = createMemory('tapvs-test', 4096)
  const take = `
    const { lockMemory, unlockMemory } = await import('${EXEC}')
    console.log(lockMemory(3))
    process.stdin.on('data', () => { unlockMemory(3); console.log('free') })`
  const first = await other(t, take, fd)
  assert.equal(first.first, '0')
  assert.equal(lockMemory(fd), first.child.pid)
  first.child.stdin?.write('\n')
  await once(first.child.stdout ?? assert.fail(), 'data')
  assert.equal(lockMemory(fd), 0)
  // Again is no other.
  assert.equal(lockMemory(fd), 0)
  unlockMemory(fd)
  const second = await other(t, take, fd)
  assert.equal(lockMemory(fd), second.child.pid)
  second.child.kill('SIGKILL')
  await second.end
  assert.equal(lockMemory(fd), 0)
  assert.throws(() => lockMemory(9999), { code: 'EBADF' })
})

test('exec goes on as another program: the same process, its child, what is kept, and nothing else', async t => {
  // The first has a child and memory, which the second knows by their numbers; Node there has no child.
  const second = `
    const { endOfChild } = await import('${EXEC}')
    const { sizeOfMemory } = await import('${HOLD}')
    const { closeSync, fstatSync } = await import('node:fs')
    const [kept, closed, pid] = process.argv.slice(1).map(Number)
    const running = endOfChild(pid)
    process.kill(pid, 'SIGTERM')
    let end
    while ((end = endOfChild(pid)) === undefined) await new Promise(done => setTimeout(done, 5))
    let isClosed = false
    try { fstatSync(closed) } catch { isClosed = true }
    console.log(JSON.stringify({ pid: process.pid, size: sizeOfMemory(kept), isClosed, running: running ?? null, end, word: process.env.WORD }))`
  const first = `
    const { execute } = await import('${EXEC}')
    const { createMemory } = await import('${HOLD}')
    const { spawn } = await import('node:child_process')
    const kept = createMemory('kept', 8192)
    const closed = createMemory('closed', 4096)
    const child = spawn('sleep', ['60'], { stdio: 'ignore' })
    try { execute('/nonexistent', ['x'], {}, [kept]) } catch (error) { if (error.code !== 'ENOENT') throw error }
    execute(process.execPath, ['node', '--input-type=module', '-e', ${JSON.stringify(second)}, '--', kept, closed, child.pid].map(String), { WORD: 'a=b' }, [kept])`
  const { child, first: said } = await other(t, first, 'ignore')
  assert.deepEqual(JSON.parse(said), {
    pid: child.pid,
    size: 8192,
    isClosed: true,
    running: null,
    end: { code: 143, signal: 'SIGTERM' },
    word: 'a=b',
  })
})

test('the end of a child: its exit code, and 1 for who is no child', async () => {
  const child = spawn('sleep', ['0.05'], { stdio: 'ignore' })
  assert.equal(endOfChild(child.pid as number), undefined)
  await sleep(10)
  assert.deepEqual(endOfChild(1), { code: 1, signal: null })
  await once(child, 'exit')
})
