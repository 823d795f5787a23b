/** Real files; 1:7 is the kernel's full disk, as in /dev/full. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { LogFile } from '../../../src/control/log/file.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tapvs-log-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const turn = () => new Promise(done => setImmediate(done))
const read = (path: string) => readFileSync(path, 'utf8')

function open(path: string, options: { maxBytes?: number; keep?: number } = {}) {
  const complaints: string[] = []
  const { maxBytes = 1 << 20, keep = 2 } = options
  const file = new LogFile({ path, maxBytes, keep }, text => complaints.push(text), 0)
  return { file, complaints }
}

test('lines are appended at the end of the turn', async t => {
  const path = join(folder(t), 'a.log')
  appendFileSync(path, 'before\n')
  const { file, complaints } = open(path)
  file.write('one')
  file.write('zwölf')
  assert.equal(read(path), 'before\n')
  await turn()
  assert.equal(read(path), 'before\none\nzwölf\n')
  file.write('last')
  file.close()
  assert.equal(read(path), 'before\none\nzwölf\nlast\n')
  assert.deepEqual(complaints, [])
})

test('rotation keeps so many, none too large, and every line that is young enough', async t => {
  const place = folder(t)
  const path = join(place, 'a.log')
  const { file, complaints } = open(path, { maxBytes: 1000, keep: 2 })
  for (let i = 0; i < 1000; i++) {
    file.write(`line ${i}`.padEnd(49))
    if (i % 7 === 0) await turn()
  }
  file.close()
  assert.deepEqual(readdirSync(place).sort(), ['a.log', 'a.log.1', 'a.log.2'])
  const all = ['a.log.2', 'a.log.1', 'a.log'].map(name => read(join(place, name)))
  for (const text of all) assert.ok(text.length <= 1000, `${text.length} bytes`)
  const numbers = all
    .join('')
    .trimEnd()
    .split('\n')
    .map(line => Number(line.slice(5)))
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => 1000 - numbers.length + i),
    'in order, none missing',
  )
  assert.ok(numbers.length > 40)
  assert.deepEqual(complaints, [])
})

test('none kept, and a line longer than the file may be', async t => {
  const place = folder(t)
  const path = join(place, 'a.log')
  const { file } = open(path, { maxBytes: 10, keep: 0 })
  file.write('short')
  file.write('longer than ten bytes')
  file.write('end')
  file.close()
  assert.deepEqual(readdirSync(place), ['a.log'])
  assert.equal(read(path), 'end\n')
})

test('no folder: one line, and another one when it is there', async t => {
  const place = join(folder(t), 'missing')
  const path = join(place, 'a.log')
  const { file, complaints } = open(path)
  for (let i = 0; i < 10; i++) {
    file.write('lost')
    await turn()
  }
  assert.deepEqual(complaints, [
    `LOG: cannot write ${path}: there is no folder ${place}; make it, the file is tried again`,
  ])
  mkdirSync(place)
  file.write('kept')
  await turn()
  assert.equal(read(path), 'kept\n')
  assert.equal(complaints[1], `LOG: ${path} is written again, 10 lines were lost`)
  file.close()
  assert.equal(complaints.length, 2)
})

test('a full disk: one line, and no rotation of a device', async t => {
  const path = join(folder(t), 'a.log')
  // That of /dev is the machine's.
  assert.equal(spawnSync('mknod', [path, 'c', '1', '7']).status, 0)
  const { file, complaints } = open(path, { maxBytes: 4 })
  for (let i = 0; i < 10; i++) {
    file.write('lost')
    await turn()
  }
  assert.deepEqual(complaints, [
    `LOG: cannot write ${path}: the disk is full; the file is tried again`,
  ])
  assert.ok(statSync(path).isCharacterDevice())
  rmSync(path)
  file.write('kept')
  file.close()
  assert.equal(read(path), 'kept\n')
  assert.equal(complaints[1], `LOG: ${path} is written again, 10 lines were lost`)
})

test('reopened after somebody renamed it', async t => {
  const path = join(folder(t), 'a.log')
  const { file } = open(path)
  file.write('old')
  renameSync(path, `${path}.old`)
  file.reopen()
  file.write('new')
  file.close()
  assert.equal(read(`${path}.old`), 'old\n')
  assert.equal(read(path), 'new\n')
})
