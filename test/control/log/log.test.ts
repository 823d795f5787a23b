/** The log as a process of its own, because it is stderr that is looked at. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { jsonLine, textLine } from '../../../src/control/log/format.ts'

const OPTIONS = {
  level: 'info',
  timestamps: false,
  format: 'text',
  modules: {},
  rate: { debug: 1000, kind: 50 },
  file: null,
}

function programOf(options: object, code: string): string {
  const module = new URL('../../../src/control/log/log.js', import.meta.url).href
  return `
    import { openLog } from '${module}'
    const log = openLog(${JSON.stringify({ ...OPTIONS, ...options })})
    ${code}
    await log.flush()`
}

/** What a program that does `code` with a `log` of these options writes to stderr, which is a file. */
function stderrOf(t: TestContext, options: object, code: string, isJournal = false): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'stderr')
  const fd = openSync(path, 'w')
  const { dev, ino } = fstatSync(fd)
  const program = programOf(options, code)
  const stream = isJournal ? `${dev}:${ino}` : `${dev}:${ino + 1}`
  const env = { ...process.env, JOURNAL_STREAM: stream }
  const argv = ['--input-type=module', '-e', program]
  const { status } = spawnSync(process.execPath, argv, { stdio: ['ignore', 'ignore', fd], env })
  closeSync(fd)
  assert.equal(status, 0)
  return readFileSync(path, 'utf8')
}

test('text, and the levels', t => {
  const code = `log.error('E'); log.of('arm').warn('W'); log.info('I')
    log.record('debug', 'conn', 'lookup', () => { throw new Error('not wanted') })
    log.setLevel('warn', 'arm'); log.of('arm').info('no'); log.setLevel('error'); log.warn('no')`
  assert.equal(stderrOf(t, {}, code), 'E\nW\nI\n')
})

test('what is kept has times, unless they are not wanted', t => {
  const code = `log.info('I')`
  assert.match(stderrOf(t, { timestamps: 'auto' }, code), /^\d{4}-\d\d-\d\dT[\d:.]+Z I\n$/)
  assert.equal(stderrOf(t, { timestamps: 'auto' }, code, true), '<6>I\n')
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'log.mjs')
  writeFileSync(file, programOf({ timestamps: 'auto' }, code))
  // script(1) gives it a terminal.
  const argv = ['-qec', `${process.execPath} ${file}`, '/dev/null']
  const { stdout } = spawnSync('script', argv, { encoding: 'utf8' })
  assert.equal(stdout, 'I\r\n')
})

test('a stream of the journal gets priorities and no time, on every line', t => {
  const code = `log.error('E\\nstack'); log.warn('W'); log.info('I')
    log.record('debug', 'conn', 'lookup', () => ({ text: 'D' }))`
  assert.equal(
    stderrOf(t, { timestamps: true, level: 'debug' }, code, true),
    '<3>E\n<3>stack\n<4>W\n<6>I\n<7>D\n',
  )
  const json = stderrOf(t, { format: 'json' }, `log.warn('W\\nmore', 'event', { a: 1 })`, true)
  assert.match(json, /^<4>\{.*\}\n$/)
  const { time, ...rest } = JSON.parse(json.slice(3))
  assert.ok(Date.parse(time) > 0)
  assert.deepEqual(rest, {
    level: 'warn',
    module: 'daemon',
    event: 'event',
    fields: { a: 1 },
    msg: 'W\nmore',
  })
})

test('a noisy kind of warning is held back, accounted for, and does not cover up another', t => {
  const code = `for (let i = 0; i < 100; i++) log.of('neigh').warn('N', 'neigh_failed')
    log.of('arm').warn('A', 'arm_lost')`
  const lines = stderrOf(t, { rate: { debug: 10, kind: 10 } }, code).split('\n')
  assert.equal(lines.filter(line => line === 'N').length, 10)
  assert.deepEqual(lines.slice(10), ['A', 'LOG: 90 lines held back: 90 neigh_failed', ''])
})

test('text has local time with its offset, JSON has UTC', t => {
  const before = process.env.TZ
  t.after(() => {
    if (before === undefined) delete process.env.TZ
    else process.env.TZ = before
  })
  const at = new Date(Date.UTC(2026, 10, 23, 11, 3, 11, 214))
  const entry = { level: 'info', module: 'daemon', text: 'said' } as const
  for (const [zone, text] of [
    ['UTC', '2026-11-23T11:03:11.214Z said'],
    ['Asia/Kolkata', '2026-11-23T16:33:11.214+05:30 said'],
    ['America/St_Johns', '2026-11-23T07:33:11.214-03:30 said'],
  ]) {
    process.env.TZ = zone
    assert.equal(textLine(entry, at), text)
    assert.equal(JSON.parse(jsonLine(entry, at)).time, '2026-11-23T11:03:11.214Z')
  }
})

test('a file beside stderr, with times', t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = { path: join(folder, 'a.log'), maxBytes: 10_000, keep: 1 }
  assert.equal(
    stderrOf(t, { file }, `log.info('one'); log.reopen(); log.info('two')`),
    'one\ntwo\n',
  )
  const zone = String.raw`\S+(Z|[+-]\d\d:\d\d)`
  assert.match(readFileSync(file.path, 'utf8'), new RegExp(`^${zone} one\\n${zone} two\\n$`))
  const missing = { ...file, path: join(folder, 'no', 'a.log') }
  assert.match(
    stderrOf(t, { file: missing }, `log.info('one'); log.info('two')`),
    /^LOG: cannot write \S+: there is no folder [^\n]*\none\ntwo\n$/,
  )
})
