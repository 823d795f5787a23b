/** Descriptors that travel, and memory that outlives a process. */
// own process: how often garbage is collected in it

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { collectGarbage } from '../../src/io/garbage.ts'
import {
  copyMemory,
  createMemory,
  endOfData,
  FDS_MOST,
  mapMemory,
  receiveMessage,
  sendMessage,
  shareCopy,
  sizeOfMemory,
  socketPair,
} from '../../src/io/hold.ts'

const MiB = 1024 * 1024
const HOLD = new URL('../../src/io/hold.js', import.meta.url).href

function pair(t: TestContext): [number, number] {
  const ends = socketPair()
  const open = new Set(ends)
  t.after(() => {
    for (const fd of open) closeSync(fd)
  })
  return ends
}

function memory(t: TestContext, bytes: number): number {
  const fd = createMemory('tapvs-test', bytes)
  t.after(() => closeSync(fd))
  return fd
}

test('a message brings copies of descriptors: of the same file, and only for us', t => {
  const [one, other] = pair(t)
  const fd = memory(t, MiB)
  assert.equal(receiveMessage(other), null)
  sendMessage(one, { text: 'first', fds: [fd, fd] })
  sendMessage(one, { text: 'second', fds: [] })
  const first = receiveMessage(other)
  assert.ok(first !== null && first !== 'end')
  const { text, fds } = first
  assert.equal(text, 'first')
  assert.equal(fds.length, 2)
  for (const copy of fds) {
    assert.notEqual(copy, fd)
    assert.equal(fstatSync(copy).ino, fstatSync(fd).ino)
    closeSync(copy)
  }
  assert.deepEqual(receiveMessage(other), { text: 'second', fds: [] })
  assert.equal(receiveMessage(other), null)
})

test('as many descriptors as the kernel takes, and no more', t => {
  const [one, other] = pair(t)
  sendMessage(one, { text: 'many', fds: new Array(FDS_MOST).fill(one) })
  const many = receiveMessage(other)
  assert.ok(many !== null && many !== 'end')
  assert.equal(many.fds.length, FDS_MOST)
  for (const fd of many.fds) closeSync(fd)
  const tooMany = new Array(FDS_MOST + 1).fill(one)
  assert.throws(() => sendMessage(one, { text: 'more', fds: tooMany }), RangeError)
  assert.throws(() => sendMessage(one, { text: 'x', fds: [-1] }), { code: 'EBADF' })
  assert.throws(() => sendMessage(one, { text: '', fds: [] }), RangeError)
  assert.throws(() => sendMessage(one, { text: 'x'.repeat(65_537), fds: [] }), RangeError)
})

test('an end that is gone is told from one that is silent', t => {
  const [one, other] = socketPair()
  t.after(() => closeSync(other))
  sendMessage(one, { text: 'last words', fds: [one] })
  closeSync(one)
  const last = receiveMessage(other)
  assert.ok(last !== null && last !== 'end')
  for (const fd of last.fds) closeSync(fd)
  assert.equal(receiveMessage(other), 'end')
  assert.throws(() => sendMessage(other, { text: 'x', fds: [] }), { code: 'EPIPE' })
})

test('the last words of an end that has gone without reading ours are heard', t => {
  const [one, other] = socketPair()
  t.after(() => closeSync(one))
  sendMessage(one, { text: 'an answer', fds: [] })
  for (const text of ['hold', 'drop']) sendMessage(other, { text, fds: [] })
  closeSync(other)
  assert.deepEqual(receiveMessage(one), { text: 'hold', fds: [] })
  assert.deepEqual(receiveMessage(one), { text: 'drop', fds: [] })
  assert.equal(receiveMessage(one), 'end')
  assert.equal(receiveMessage(one), 'end')
})

test('a reader that has stopped reading keeps nobody waiting', t => {
  const [one] = pair(t)
  const flood = () => {
    for (;;) sendMessage(one, { text: 'x'.repeat(60_000), fds: [] })
  }
  assert.throws(flood, { code: 'EAGAIN' })
})

test('memory is one for all who map it, threads too, and outlives whoever wrote it', async t => {
  const fd = memory(t, 4 * MiB)
  const cells = new Int32Array(mapMemory(fd, MiB, 2 * MiB))
  assert.ok(cells.every(cell => cell === 0))
  cells[7] = 42
  assert.equal(new Int32Array(mapMemory(fd, 0, 4 * MiB))[MiB / 4 + 7], 42)

  const script = `import { mapMemory } from ${JSON.stringify(HOLD)}
    import { workerData } from 'node:worker_threads'
    Atomics.add(new Int32Array(mapMemory(workerData, 1048576, 1048576)), 7, 1)`
  const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), {
    workerData: fd,
  })
  assert.deepEqual(await once(thread, 'exit'), [0])
  assert.equal(cells[7], 43)

  const writer = `import { mapMemory } from ${JSON.stringify(HOLD)}
    new Int32Array(mapMemory(3, 1048576, 1048576))[8] = 44
    process.kill(process.pid, 'SIGKILL')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer], {
    stdio: ['ignore', 'inherit', 'inherit', fd],
  })
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
  assert.equal(cells[8], 44)
})

test('where nothing was ever touched need not be looked at', t => {
  const fd = memory(t, 4 * MiB)
  const from = 65_536
  assert.equal(endOfData(fd, from, 2 * MiB), 0)
  const cells = new Int32Array(mapMemory(fd, 0, 4 * MiB))
  cells[(from + MiB) / 4] = 1
  cells[(from + 3 * MiB) / 4] = 1
  const page = 65_536
  const end = endOfData(fd, from, 2 * MiB)
  assert.ok(end > MiB && end <= MiB + page, `${end}`)
  assert.equal(endOfData(fd, from, MiB), 0)
  assert.equal(endOfData(fd, from, MiB + 4), MiB + 4)
})

test('memory keeps its size, and no file is taken for memory', t => {
  const fd = memory(t, MiB)
  assert.equal(sizeOfMemory(fd), MiB)
  assert.throws(() => ftruncateSync(fd, MiB / 2), { code: 'EPERM' })
  assert.throws(() => ftruncateSync(fd, MiB * 2), { code: 'EPERM' })
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-hold-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = openSync(join(folder, 'file'), 'w+')
  t.after(() => closeSync(file))
  ftruncateSync(file, MiB)
  for (const call of [() => sizeOfMemory(file), () => mapMemory(file, 0, MiB)])
    assert.throws(call, { code: 'EINVAL' })
})

test('nothing is mapped that is not there', t => {
  const fd = memory(t, MiB)
  const RangeOr = (code: string) => (error: unknown) =>
    error instanceof RangeError || (error as { code: string }).code === code
  for (const [offset, bytes] of [
    [0, 0],
    [0, MiB + 1],
    [MiB, 4096],
    [100, 4096],
    [65_536, MiB],
    [2 ** 52, 4096],
  ] as const)
    assert.throws(() => mapMemory(fd, offset, bytes), RangeOr(''))
  for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => mapMemory(fd, wrong, 4096), TypeError)
    assert.throws(() => mapMemory(fd, 0, wrong), TypeError)
    assert.throws(() => createMemory('x', wrong), TypeError)
  }
  assert.throws(() => createMemory('x', 0), RangeError)
  assert.throws(() => createMemory('x'.repeat(64), 1), TypeError)
  assert.throws(() => mapMemory(-1, 0, 4096), { code: 'EBADF' })
})

test('a copy is ours alone until it is shared, and then what it was is forgotten', t => {
  const fd = memory(t, MiB)
  const all = new Int32Array(mapMemory(fd, 4096, MiB - 4096))
  all[0] = 1
  all[2000] = 2
  const [buffer, copy] = copyMemory(fd, 4096, MiB - 4096)
  const cells = new Int32Array(buffer)
  assert.deepEqual([cells.length, cells[0], cells[2000]], [all.length, 1, 2])
  cells[0] = 7
  cells[100_000] = 8
  assert.deepEqual([all[0], all[100_000]], [1, 0])
  all[0] = 3
  // A page that was not written here is as it is there.
  all[2000] = 4
  assert.deepEqual([cells[0], cells[2000]], [7, 4])
  shareCopy(copy)
  assert.deepEqual([cells[0], cells[2000], cells[100_000]], [3, 4, 0])
  cells[1] = 5
  all[200_000] = 6
  assert.deepEqual([all[1], cells[200_000]], [5, 6])
  assert.throws(() => shareCopy(copy), RangeError)
  assert.throws(() => shareCopy({} as typeof copy), TypeError)
  assert.throws(() => copyMemory(fd, 0, 2 * MiB), RangeError)
})

test('V8 does not take it for memory that garbage holds, and is not driven to collect any', async t => {
  const fd = memory(t, 16 * MiB)
  let collections = 0
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntriesByType('gc')) {
      const { kind } = (entry as unknown as { detail: { kind: number } }).detail
      if (kind !== constants.NODE_PERFORMANCE_GC_MINOR) collections++
    }
  })
  // All of them to the end: what is dropped is counted twice for a moment.
  const kept: unknown[] = []
  const take = async (times: number, map: () => unknown) => {
    collectGarbage()
    await sleep(50)
    collections = 0
    observer.observe({ entryTypes: ['gc'] })
    for (let i = 0; i < times; i++, await sleep(1)) kept.push(map())
    await sleep(50)
    observer.disconnect()
    return collections
  }
  const all = [
    await take(40, () => mapMemory(fd, 0, 16 * MiB)),
    await take(40, () => copyMemory(fd, 0, 16 * MiB)),
    // Of its own it does, for each 64 MiB.
    await take(40, () => new ArrayBuffer(16 * MiB)),
  ]
  const [mapped = 9, copied = 9, own = 0] = all
  assert.ok(mapped < 4 && copied < 4 && own > 6, `${all}, ${kept.length} kept`)
})

test('a copy takes no memory of what was never touched', t => {
  const fd = memory(t, 64 * MiB)
  const all = new Int32Array(mapMemory(fd, 0, 64 * MiB))
  all[0] = 1
  all[(32 * MiB) / 4] = 1
  const before = fstatSync(fd).blocks
  const [, copy] = copyMemory(fd, 0, 64 * MiB)
  shareCopy(copy)
  assert.equal(fstatSync(fd).blocks, before)
})
