/** The SQLite file: what is written is found, by whomever, and whatever happens to the file or to its writer. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import Libsql from 'libsql'
import { until } from '../../../netns/processes.ts'
import { CHECKOUT } from '../../../netns/topology.ts'
import { HistoryDatabase, rowOf } from '../../../src/control/whois/database.ts'
import type { Ended } from '../../../src/control/whois/ended.ts'
import { HistoryFile } from '../../../src/control/whois/file.ts'
import { lookUp } from '../../../src/control/whois/offline.ts'
import { CIP, ended, LIP } from '../../kit/ended.ts'

const DAY_MS = 86_400_000
const BEGUN = 900_000
const KEY = { by: 'lip', address: LIP, port: 1025 } as const
const SEARCH = { key: KEY, rs: null, fromMs: 1_000_000, toMs: 1_000_000, limit: 10 }
const EVER = { address: '192.168.168.7', port: 1025, rs: undefined, fromMs: 0, toMs: 1e15 }

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tapvs-history-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

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
  const file = new HistoryFile({ path, begunMs, keepDays, retryMs }, text => said.push(text))
  t.after(() => file.close())
  const add = (...list: Partial<Ended>[]) => {
    for (const one of list) file.add(ended(one))
  }
  return { file, said, add }
}

const clients = (conns: readonly { client: string }[]) => conns.map(({ client }) => client)

test('written, found at once, found again by the next daemon and without one', async t => {
  const path = join(folder(t), 'new', 'history.sqlite')
  const first = open(t, path)
  first.add(
    {},
    { lport: 1026 },
    { cport: 7, openedMs: 2_000_000, lastMs: 2_000_001, endedMs: 2e6 + 9 },
  )
  const { conns, gaps, sinceMs } = await first.file.find(SEARCH)
  assert.deepEqual([gaps, sinceMs], [[], BEGUN])
  assert.deepEqual(conns, [
    {
      worker: 1,
      protocol: 'tcp',
      client: '202.108.10.2:33896',
      vip: '202.108.10.1:6379',
      lip: '192.168.168.7:1025',
      rs: '192.168.168.2:6379',
      check: false,
      openedMs: 1_000_000,
      state: 'TIME_WAIT',
      ended: { atMs: 1_005_000, lastMs: 1_001_000, how: 'fin_client' },
    },
  ])
  for (const name of [path, `${path}-wal`]) assert.equal(statSync(name).mode & 0o777, 0o600, name)
  await first.file.close()
  assert.ok(!existsSync(`${path}-wal`), 'one whole file is left')

  const second = open(t, path, Date.now())
  assert.deepEqual((await second.file.find(SEARCH)).conns, conns)
  second.add({ cport: 8, openedMs: 1_000_001 })
  await second.file.close()
  assert.deepEqual([...first.said, ...second.said], [])

  const { conns: all } = await lookUp(path, EVER)
  assert.deepEqual(clients(all), ['202.108.10.2:33896', '202.108.10.2:8', '202.108.10.2:7'])
  const of = (address: string, port: number, rs?: string) =>
    lookUp(path, { ...EVER, address, port, rs }).then(({ conns }) => clients(conns))
  assert.deepEqual(await of('202.108.10.2', 7), ['202.108.10.2:7'], 'the other way round')
  assert.deepEqual(await of('192.168.168.7', 1026, '192.168.168.2:6379'), ['202.108.10.2:33896'])
  assert.deepEqual(await of('192.168.168.7', 1026, '192.168.168.2:80'), [])
  assert.deepEqual(await of('192.168.168.7', 1026, '192.168.168.3'), [])
})

test('people read it with sqlite3', async t => {
  const path = join(folder(t), 'h')
  const { file, add } = open(t, path)
  add({ rip: -1 })
  await file.close()
  const db = new Libsql(path)
  t.after(() => db.close())
  const { _metadata, ...row } = db.prepare('SELECT * FROM connections').get() as Record<
    string,
    unknown
  >
  assert.deepEqual(row, {
    client: '202.108.10.2:33896',
    vip: '202.108.10.1:6379',
    lip: '192.168.168.7:1025',
    rs: '255.255.255.255:6379',
    opened: '1970-01-01T00:16:40.000Z',
    last: '1970-01-01T00:16:41.000Z',
    ended: '1970-01-01T00:16:45.000Z',
    how: 'fin_client',
    state: 'TIME_WAIT',
    worker: 1,
  })
})

test('after kill -9 all that was committed is there, in whole transactions', async t => {
  const path = join(folder(t), 'h')
  const writer = spawn(process.execPath, [join(CHECKOUT, 'dist/test/kit/history-writer.js'), path])
  const gone = once(writer, 'exit')
  t.after(() => writer.kill('SIGKILL'))
  let committed = 0
  for await (const line of createInterface(writer.stdout)) {
    committed = Number(line) + 1
    if (committed === 20) writer.kill('SIGKILL')
  }
  assert.deepEqual(await gone, [null, 'SIGKILL'])
  assert.ok(committed >= 20)

  const { conns, gaps } = await lookUp(path, EVER)
  assert.ok(conns.length === committed || conns.length === committed + 1, `${conns.length}`)
  assert.deepEqual(
    gaps.map(({ why }) => why),
    ['unknown', 'unfinished', 'unknown'],
  )
  const db = new Libsql(path)
  t.after(() => db.close())
  assert.equal((db.prepare('PRAGMA integrity_check').raw().get() as string[])[0], 'ok')
  const [rows] = db.prepare('SELECT count(*) FROM ended').raw().get() as number[]
  assert.equal(rows, conns.length * 100)
  db.close()

  const next = open(t, path, Date.now())
  next.add({ cport: 60_000 })
  await next.file.close()
  assert.deepEqual(next.said, [])
  assert.equal((await lookUp(path, EVER)).conns.length, conns.length + 1)
})

test('garbage, or a database of something else: one line, and later rows once it is gone', async t => {
  const path = join(folder(t), 'h')
  const spoil: [what: RegExp, make: () => void][] = [
    [
      /it is no SQLite database, or a damaged one; move it away/,
      () => writeFileSync(path, 'x'.repeat(9999)),
    ],
    [/it is no SQLite database/, () => writeFileSync(path, 'x')],
    [
      /it is an SQLite database of something else/,
      () => {
        const db = new Libsql(path)
        db.exec('CREATE TABLE mine (a)')
        db.close()
      },
    ],
    [
      /it is of version 2, and not 1/,
      () => {
        const db = new Libsql(path)
        db.exec('PRAGMA application_id = 0x74767068; PRAGMA user_version = 2; CREATE TABLE a (b)')
        db.close()
      },
    ],
  ]
  for (const [what, make] of spoil) {
    make()
    const { file, said, add } = open(t, path)
    add({})
    await until('its complaint', { limitMs: 5000, everyMs: 5 }, () => said.length > 0 || undefined)
    assert.match(said[0] as string, what)
    assert.match(said[0] as string, /^HISTORY: cannot write \S+: .*; the file is tried again$/)
    await assert.rejects(file.find(SEARCH), new RegExp(`${path}: `))
    await assert.rejects(lookUp(path, EVER), what)
    rmSync(path)
    await until('the file', { limitMs: 5000, everyMs: 20 }, () => said.length > 1 || undefined)
    assert.deepEqual(said.slice(1), [`HISTORY: ${path} is written again, 0 records were lost`])
    assert.equal((await file.find(SEARCH)).conns.length, 1)
    await file.close()
    rmSync(path)
  }
})

test('locked by somebody: said once, and nothing is lost of what there is room for', async t => {
  const path = join(folder(t), 'h')
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
  const path = join(folder(t), 'h')
  const { file, said, add } = open(t, path)
  add({})
  await file.find(SEARCH)
  renameSync(path, `${path}.old`)
  add({ cport: 5 })
  const { conns, sinceMs } = await file.find(SEARCH)
  assert.deepEqual(clients(conns), ['202.108.10.2:5'])
  assert.ok((sinceMs ?? 0) > Date.now() - 60_000, 'what the daemon saw before is in the other one')
  await file.close()
  assert.deepEqual(said, [])
  assert.deepEqual(clients((await lookUp(`${path}.old`, EVER)).conns), ['202.108.10.2:33896'])
})

test('what is older than the days to keep is forgotten, and no longer claimed to be known', async t => {
  const path = join(folder(t), 'h')
  const now = 100 * DAY_MS
  const history = await HistoryDatabase.open(path, true)
  history.begin(-1, now - 50 * DAY_MS, now)
  const list = Array.from({ length: 6000 }, (_, i) => {
    const endedMs = now - (i < 5500 ? 31 : 2) * DAY_MS + i
    return rowOf(ended({ openedMs: endedMs - 9, lastMs: endedMs - 5, endedMs }))
  })
  history.write(Float64Array.from(list.flat()), now, 0)
  assert.equal(history.forget(now - 30 * DAY_MS), false)
  assert.equal(history.forget(now - 30 * DAY_MS), true)
  const ever = { ...SEARCH, fromMs: 0, toMs: now, limit: 10_000 }
  const { conns, sinceMs, gaps } = history.find(ever, true, now)
  assert.equal(conns.length, 500)
  assert.equal(sinceMs, now - 30 * DAY_MS)
  assert.deepEqual(gaps, [{ why: 'unknown', fromMs: null, toMs: sinceMs, records: 0 }])
  history.close()
})

test('by client and RS the index is used, however much there is', async t => {
  const path = join(folder(t), 'h')
  await open(t, path).file.close()
  const db = new Libsql(path)
  t.after(() => db.close())
  for (const [ip, port] of ['lip lport', 'cip cport'].map(pair => pair.split(' '))) {
    const plan = db
      .prepare(
        `EXPLAIN QUERY PLAN SELECT * FROM ended WHERE ${ip} = ? AND ${port} = ? AND ended >= ?`,
      )
      .all(CIP, 1, 2) as { detail: string }[]
    assert.match(plan[0]?.detail ?? '', /USING INDEX by_(lip|client)/)
  }
})

test('no file, no folder that can be made: one line each', async t => {
  const path = join(folder(t), 'h')
  await assert.rejects(lookUp(path, EVER), { message: 'no such file' })
  await assert.rejects(lookUp(tmpdir(), EVER), /^Error: [^\n]+$/)
  writeFileSync(path, '')
  const { file, said } = open(t, join(path, 'below'))
  await until('its complaint', { limitMs: 5000 }, () => said.length > 0 || undefined)
  assert.match(said[0] as string, /^HISTORY: cannot write \S+\/below: (ENOTDIR|EEXIST)[^\n]+again$/)
  await file.close()
})
