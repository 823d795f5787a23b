/** The history's file from the daemon's side, with the process that writes it: whatever happens, it is told and goes on. */

import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Libsql from 'libsql'
import { until } from '../../../netns/processes.ts'
import { NO_DEBUGGER } from '../../../src/control/system/signals.ts'
import type { Ended } from '../../../src/control/whois/ended.ts'
import { HistoryFile } from '../../../src/control/whois/file.ts'
import { lookUp } from '../../../src/control/whois/offline.ts'
import { ended, SEARCH } from '../../kit/ended.ts'
import { historyFolder } from '../../kit/history.ts'
import { NO_RIGHTS, rightsIn } from '../../kit/rights.ts'

const BEGUN = 900_000
const KEY = SEARCH.key
const EVER = { address: '192.168.168.7', port: 1025, rs: undefined, fromMs: 0, toMs: 1e15 }

interface Opened {
  file: HistoryFile
  said: string[]
  add(...list: Partial<Ended>[]): void
}

function open(
  t: TestContext,
  path: string,
  begunMs = BEGUN,
  keepDays = 30_000,
  retryMs = 20,
): Opened {
  const said: string[] = []
  const file = new HistoryFile({ path, begunMs, keepDays, maxBytes: 2 ** 30, retryMs }, text =>
    said.push(text),
  )
  t.after(() => file.close())
  const add = (...list: Partial<Ended>[]) => {
    for (const one of list) file.add(ended(one))
  }
  return { file, said, add }
}

const clients = (conns: readonly { client: string }[]) => conns.map(({ client }) => client)

test('added, found at once, found by the next daemon and without one', async t => {
  const path = join(historyFolder(), 'h')
  const first = open(t, path)
  first.add({}, { lport: 1026 })
  const { conns, gaps } = await first.file.find(SEARCH)
  assert.deepEqual([clients(conns), gaps], [['202.108.10.2:33896'], []])
  await first.file.close()

  const second = open(t, path, Date.now())
  assert.deepEqual((await second.file.find(SEARCH)).conns, conns)
  second.add({ cport: 8, openedMs: 1_000_001 })
  await second.file.close()
  assert.deepEqual([...first.said, ...second.said], [])

  const { conns: all, gaps: between } = await lookUp(path, EVER)
  assert.deepEqual(clients(all), ['202.108.10.2:33896', '202.108.10.2:8'])
  // Both were stopped, so nothing is missing but what was before, between and after them.
  assert.deepEqual(new Set(between.map(({ why }) => why)), new Set(['unknown']))
  const back = await lookUp(path, { ...EVER, address: '202.108.10.2', port: 8 })
  assert.deepEqual(clients(back.conns), ['202.108.10.2:8'], 'the other way round')
})

test('garbage: one line, and all that waited is written once it is gone', async t => {
  const path = join(historyFolder(), 'h')
  writeFileSync(path, 'x'.repeat(9999))
  const { file, said, add } = open(t, path)
  add({})
  await until('its complaint', { limitMs: 5000, everyMs: 5 }, () => said.length > 0 || undefined)
  const what =
    /^HISTORY: cannot write \S+: it is no SQLite database, or a damaged one; move it away; the file is tried again$/
  assert.match(said[0] as string, what)
  await assert.rejects(file.find(SEARCH), new RegExp(`${path}: it cannot be read; see the log`))
  rmSync(path)
  await until('the file', { limitMs: 5000, everyMs: 20 }, () => said.length > 1 || undefined)
  assert.deepEqual(said.slice(1), [`HISTORY: ${path} is written again, 0 records were lost`])
  assert.equal((await file.find(SEARCH)).conns.length, 1)
})

test('its process has no right, and opens no debugger', async t => {
  const path = join(historyFolder(), 'h')
  const { file, add } = open(t, path)
  add({})
  await file.find(SEARCH)
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1')
  const [child, ...others] = children.trim().split(' ').map(Number)
  assert.deepEqual(others, [])
  // Of every thread: one that had a right would be a way to it.
  for (const thread of readdirSync(`/proc/${child}/task`))
    assert.deepEqual(rightsIn(readFileSync(`/proc/${child}/task/${thread}/status`, 'latin1')), {
      ...NO_RIGHTS,
    })
  assert.ok(readFileSync(`/proc/${child}/cmdline`, 'latin1').includes(`\0${NO_DEBUGGER}\0`))
  for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGHUP'] as const) {
    process.kill(child as number, signal)
    assert.equal((await file.find(SEARCH)).conns.length, 1, signal)
  }
})

test('root looks into the file of another user', async t => {
  const folder = historyFolder()
  const path = join(folder, 'h')
  const { file, add } = open(t, path)
  add({})
  await file.find(SEARCH)
  await file.close()
  chmodSync(folder, 0o700)
  for (const name of [folder, path]) chownSync(name, 12_345, 12_345)
  assert.equal((await lookUp(path, EVER)).conns.length, 1)
})

test('a file at which SQLite crashes takes nobody with it', async t => {
  const path = join(historyFolder(), 'h')
  const { file, said, add } = open(t, path)
  add({})
  await file.find(SEARCH)
  const db = new Libsql(path)
  t.after(() => db.close())
  db.exec("UPDATE ended SET state = CAST(x'41ff' AS TEXT)")
  const line = /: its process has ended \(SIGABRT\), so it is damaged; move it away/
  await assert.rejects(file.find(SEARCH), line)
  await assert.rejects(lookUp(path, EVER), line)
  // Writing goes on, by the next one.
  add({ lport: 1026 })
  assert.equal((await file.find({ ...SEARCH, key: { ...KEY, port: 1026 } })).conns.length, 1)
  assert.deepEqual(said, [])
})

test('locked by somebody: said once, and nothing is lost of what there is room for', async t => {
  const path = join(historyFolder(), 'h')
  const { file, said, add } = open(t, path)
  add({})
  assert.equal((await file.find(SEARCH)).conns.length, 1)
  const other = new Libsql(path)
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  for (let i = 0; i < 32_768; i++) add({ lport: 1026 })
  add({ lport: 1027 }, { lport: 1027 })
  await until('its complaint', { limitMs: 5000 }, () => said.length > 0 || undefined)
  assert.match(said[0] as string, /: it is locked by another program; the file is tried again$/)
  other.exec('ROLLBACK')
  await until('the file', { limitMs: 5000 }, () => said.length > 1 || undefined)
  assert.match(said[1] as string, /is written again, 2 records were lost$/)
  const found = await file.find(SEARCH)
  assert.deepEqual(
    found.gaps.map(({ why, records }) => [why, records]),
    [['lost', 2]],
  )
  await file.close()
  const [rows] = other.prepare('SELECT count(*) FROM ended').raw().get() as number[]
  assert.equal(rows, 32_769)
  assert.equal(said.length, 2)
})

test('moved away while it is written: a new one begins', async t => {
  const path = join(historyFolder(), 'h')
  const { file, said, add } = open(t, path)
  add({})
  await file.find(SEARCH)
  renameSync(path, `${path}.old`)
  add({ cport: 5 })
  const { conns, since_ms: sinceMs } = await file.find(SEARCH)
  assert.deepEqual(clients(conns), ['202.108.10.2:5'])
  assert.ok((sinceMs ?? 0) > Date.now() - 60_000, 'what the daemon saw before is in the other one')
  await file.close()
  assert.deepEqual(said, [])
  assert.deepEqual(clients((await lookUp(`${path}.old`, EVER)).conns), ['202.108.10.2:33896'])
})

test('no such file', async () => {
  await assert.rejects(lookUp(join(historyFolder(), 'h'), EVER), { message: 'no such file' })
})
