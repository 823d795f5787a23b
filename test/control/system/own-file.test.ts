/**
 * What is somebody else's is not written to, and nothing that was there gets a mode. The owner of all tests is root.
 * Holds invariant I22.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { claimSocket } from '../../../src/control/http/server.ts'
import { LogFile } from '../../../src/control/log/file.ts'
import {
  appendOwn,
  createOwn,
  isOurs,
  isSpecial,
  NotOurs,
} from '../../../src/control/system/own-file.ts'
import { HistoryDatabase } from '../../../src/control/whois/database.ts'

const STRANGER = 12_345

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-own-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function mknod(...argv: string[]): void {
  assert.equal(spawnSync('mknod', argv).status, 0, argv.join(' '))
}

/** Everything of a folder that a name can be and is not ours, by what is said of it. */
function traps(folder: string): [path: string, said: RegExp][] {
  const at = (name: string) => join(folder, name)
  const secret = at('secret')
  writeFileSync(secret, 'secret', { mode: 0o644 })
  symlinkSync(secret, at('link'))
  symlinkSync(at('nowhere'), at('dangling'))
  writeFileSync(at('stranger'), 'secret', { mode: 0o644 })
  chownSync(at('stranger'), STRANGER, STRANGER)
  writeFileSync(at('twice'), 'secret', { mode: 0o644 })
  linkSync(at('twice'), at('again'))
  mkdirSync(at('folder'))
  return [
    [at('link'), /^it is a symbolic link; name the file that it leads to$/],
    [at('dangling'), /^it is a symbolic link/],
    [at('stranger'), /^it belongs to user 12345, not to us; name another, or remove it$/],
    [at('again'), /^it has another name too \(a hard link\)/],
    [at('folder'), /^it is a folder|^EISDIR/],
  ]
}

const look = (path: string) => {
  const { mode, uid, size } = statSync(path)
  return [mode, uid, size]
}

test('what is not ours is refused, and is as it was', t => {
  const folder = scratch(t)
  const files = ['secret', 'stranger', 'twice', 'folder'].map(name => join(folder, name))
  const list = traps(folder)
  const before = files.map(look)
  for (const [path, said] of list) {
    assert.throws(() => createOwn(path, 0o600), { message: said }, path)
    assert.throws(() => appendOwn(path, 0o600), { message: said }, path)
    assert.equal(isOurs(path), false, path)
  }
  assert.deepEqual(files.map(look), before)
  assert.equal(existsSync(join(folder, 'nowhere')), false)
})

test('a file of ours is replaced by one that nobody has open; a log goes on at its end', t => {
  const path = join(scratch(t), 'a')
  writeFileSync(path, 'old', { mode: 0o644 })
  const reader = openSync(path, 'r')
  t.after(() => closeSync(reader))
  const fd = createOwn(path, 0o600)
  writeSync(fd, 'new')
  closeSync(fd)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const bytes = Buffer.alloc(9)
  assert.equal(bytes.toString('utf8', 0, readSync(reader, bytes)), 'old')
  const log = appendOwn(path, 0o640)
  writeSync(log, 'er')
  closeSync(log)
  assert.equal(readFileSync(path, 'utf8'), 'newer')
  assert.equal(statSync(path).mode & 0o777, 0o600, 'what was there keeps its mode')
})

test('a device and a pipe are written to as they are, and only where that is meant', t => {
  const folder = scratch(t)
  const [nothing, pipe] = [join(folder, 'null'), join(folder, 'pipe')]
  // A node of our own: that of the machine is everybody's.
  mknod('-m', '666', nothing, 'c', '1', '3')
  mknod('-m', '666', pipe, 'p')
  for (const path of [nothing, pipe]) {
    assert.throws(() => createOwn(path, 0o600), NotOurs)
    assert.equal(isSpecial(path), true)
    assert.equal(statSync(path).mode & 0o777, 0o666, path)
  }
  closeSync(appendOwn(nothing, 0o640))
  assert.throws(() => appendOwn(pipe, 0o640), /ENXIO/)
  assert.equal(statSync(nothing).mode & 0o777, 0o666)
  assert.equal(isSpecial(join(folder, 'none')), false)
  assert.equal(isSpecial('/dev/stdout'), true)
})

test("a log is not rotated over what is somebody else's", t => {
  const path = join(scratch(t), 'a.log')
  writeFileSync(`${path}.1`, 'theirs')
  chownSync(`${path}.1`, STRANGER, STRANGER)
  const said: string[] = []
  const file = new LogFile({ path, maxBytes: 10, keep: 1 }, text => said.push(text), 0)
  for (const line of ['one line', 'two', 'three']) {
    file.write(line)
    file.flush()
  }
  file.close()
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'theirs')
  assert.equal(readFileSync(path, 'utf8'), 'one line\ntwo\nthree\n')
  assert.match(
    said.join('\n'),
    /^LOG: cannot rotate \S+a\.log: \S+a\.log\.1: it belongs to user 12345/,
  )
})

test('a log by way of a link is not written', t => {
  const folder = scratch(t)
  const [target, path] = [join(folder, 'passwd'), join(folder, 'a.log')]
  writeFileSync(target, 'root\n')
  symlinkSync(target, path)
  const said: string[] = []
  const file = new LogFile({ path, maxBytes: 1e6, keep: 1 }, text => said.push(text), 0)
  file.write('x')
  file.close()
  assert.equal(readFileSync(target, 'utf8'), 'root\n')
  assert.match(said[0] ?? '', /cannot write \S+: it is a symbolic link; name the file/)
})

test('a history is neither made through a link nor written into the file of another', async t => {
  const folder = scratch(t)
  const [target, link, theirs] = ['target', 'link', 'theirs'].map(name => join(folder, name))
  symlinkSync(target as string, link as string)
  writeFileSync(theirs as string, '')
  chownSync(theirs as string, STRANGER, STRANGER)
  await assert.rejects(HistoryDatabase.open(link as string, true), /symbolic link/)
  await assert.rejects(HistoryDatabase.open(theirs as string, true), /belongs to user 12345/)
  assert.equal(existsSync(target as string), false)
  assert.equal(statSync(theirs as string).size, 0)
})

test('the socket of somebody else who is not there just now stays', async t => {
  const path = join(scratch(t), 's.sock')
  // One that is left behind: its listener has gone without taking it along.
  const make = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', make])
  chownSync(path, STRANGER, STRANGER)
  await assert.rejects(claimSocket(path), /belongs to user 12345; remove it or set control\.socket/)
  assert.ok(existsSync(path))
  chownSync(path, 0, 0)
  await claimSocket(path)
  const server = createServer().listen(path)
  t.after(() => server.close())
})
