/** The SQLite file itself. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import Libsql from 'libsql'
import { CHECKOUT } from '../../../netns/topology.ts'
import { HistoryDatabase } from '../../../src/control/whois/database.ts'
import type { Search } from '../../../src/control/whois/ended.ts'
import { sqliteProblem } from '../../../src/control/whois/problem.ts'
import { CIP, SEARCH } from '../../kit/ended.ts'
import { EVER, found, historyFolder, write, writing } from '../../kit/history.ts'

const DAY_MS = 86_400_000
const ROW = { key: SEARCH.key, rs: null }

/** Bytes of the file, with what is still in its log. */
function pagesOf(path: string): number {
  const db = new Libsql(path)
  try {
    const [pages] = db.prepare('PRAGMA page_count').raw().get() as number[]
    return (pages as number) * 4096
  } finally {
    db.close()
  }
}

test('what is written is found by key, time and RS', async t => {
  const path = join(historyFolder(), 'h')
  const history = await writing(t, path)
  write(history, [
    {},
    { lport: 1026, rip: -1 },
    { cport: 7, openedMs: 2_000_000, lastMs: 2_000_001, endedMs: 2_000_009 },
  ])
  const { conns, gaps, since_ms: sinceMs } = history.find(SEARCH, true, 2e6)
  assert.deepEqual([gaps, sinceMs], [[], 900_000])
  assert.deepEqual(conns, [
    {
      worker: 1,
      protocol: 'tcp',
      client: '202.108.10.2:33896',
      vip: '202.108.10.1:6379',
      lip: '192.168.168.7:1025',
      rs: '192.168.168.2:6379',
      forwarding: 'fullnat',
      check: false,
      opened_ms: 1_000_000,
      state: 'TIME_WAIT',
      ended: { at_ms: 1_005_000, last_ms: 1_001_000, how: 'fin_client' },
    },
  ])
  const clients = async (search: Partial<Search>) =>
    (await found(path, search)).conns.map(({ client }) => client.split(':')[1]).join(' ')
  assert.equal(await clients({}), '7 33896', 'the newest first')
  assert.equal(await clients({ limit: 1 }), '7')
  assert.equal(await clients({ key: { by: 'client', address: CIP, port: 33_896 } }), '33896 33896')
  const there = { ...ROW, key: { ...ROW.key, port: 1026 } }
  assert.equal(await clients({ ...there, rs: { rip: -1, rport: 0 } }), '33896')
  assert.equal(await clients({ ...there, rs: { rip: -1, rport: 6379 } }), '33896')
  assert.equal(await clients({ ...there, rs: { rip: -1, rport: 80 } }), '')
  assert.equal(await clients({ ...there, rs: { rip: 5, rport: 0 } }), '')
  assert.equal(await clients({ fromMs: 1_005_001 }), '7')
  assert.equal(await clients({ toMs: 1_999_999 }), '33896')
})

test('mode 0600, and one whole file when it was closed', async t => {
  const path = join(historyFolder(), 'new', 'h')
  const history = await writing(t, path)
  write(history, [{}])
  for (const name of [path, `${path}-wal`]) assert.equal(statSync(name).mode & 0o777, 0o600, name)
  history.close()
  // It goes when the process does.
  assert.equal(statSync(`${path}-wal`).size, 0)
  assert.equal((await found(path)).conns.length, 1)
})

test('people read it with sqlite3', async t => {
  const path = join(historyFolder(), 'h')
  write(await writing(t, path), [{ rip: -1 }])
  const db = new Libsql(path)
  t.after(() => db.close())
  const row = db.prepare('SELECT * FROM connections').get() as Record<string, unknown>
  const { _metadata, ...columns } = row
  assert.deepEqual(columns, {
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
    protocol: 'tcp',
    forwarding: 'fullnat',
  })
})

test('after kill -9 all that was committed is there, in whole transactions', async t => {
  const path = join(historyFolder(), 'h')
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

  const { conns, gaps } = await found(path, { toMs: Date.now() + 1000 })
  assert.ok(conns.length === committed || conns.length === committed + 1, `${conns.length}`)
  assert.deepEqual(
    gaps.map(({ why }) => why),
    ['unknown', 'unfinished', 'unknown'],
  )
  const db = new Libsql(path)
  t.after(() => db.close())
  const [verdict] = db.prepare('PRAGMA integrity_check').raw().get() as string[]
  assert.equal(verdict, 'ok')
  const [rows] = db.prepare('SELECT count(*) FROM ended').raw().get() as number[]
  assert.equal(rows, conns.length * 100)
  // And the next daemon goes on.
  write(await writing(t, path, Date.now()), [{ cport: 60_000 }])
  assert.equal((await found(path)).conns.length, conns.length + 1)
})

test('what is no history is refused, and left as it is', async () => {
  const path = join(historyFolder(), 'h')
  const sql = (text: string) => () => {
    const db = new Libsql(path)
    db.exec(text)
    db.close()
  }
  const spoilt: [what: RegExp, make: () => void][] = [
    [/^it is no SQLite database, or a damaged one/, () => writeFileSync(path, 'x'.repeat(9999))],
    [/^it is no SQLite database/, () => writeFileSync(path, 'my notes')],
    [/^it is an SQLite database of something else$/, sql('CREATE TABLE mine (a)')],
    [
      /^it is of version 4, and not 3$/,
      sql('PRAGMA application_id = 0x74767068; PRAGMA user_version = 4'),
    ],
  ]
  for (const [what, make] of spoilt) {
    writeFileSync(path, '')
    make()
    const before = readFileSync(path)
    for (const writes of [true, false]) {
      await assert.rejects(HistoryDatabase.open(path, writes), error => {
        const { code = '', message } = error as NodeJS.ErrnoException
        assert.match(sqliteProblem({ code, message }), what)
        return true
      })
    }
    assert.deepEqual(readFileSync(path), before)
  }
  writeFileSync(path, '')
  await assert.rejects(HistoryDatabase.open(path, false), /it is empty/)
  await assert.rejects(HistoryDatabase.open(join(path, 'below'), true), /ENOTDIR|EEXIST/)
  await assert.rejects(HistoryDatabase.open(join(tmpdir(), 'no such', 'h'), false), /ENOENT/)
  await assert.rejects(HistoryDatabase.open(tmpdir(), false), Error)
})

test('what is older than the days to keep is forgotten, and no longer claimed to be known', async t => {
  const path = join(historyFolder(), 'h')
  const now = 100 * DAY_MS
  const history = await writing(t, path, now - 50 * DAY_MS)
  const list = Array.from({ length: 6000 }, (_, i) => {
    const endedMs = now - (i < 5500 ? 31 : 2) * DAY_MS + i
    return { openedMs: endedMs - 9, lastMs: endedMs - 5, endedMs }
  })
  write(history, list, now)
  assert.equal(history.forget(now - 30 * DAY_MS), false)
  assert.equal(history.forget(now - 30 * DAY_MS), true)
  const { conns, since_ms: sinceMs, gaps } = history.find({ ...EVER, toMs: now }, true, now)
  assert.equal(conns.length, 500)
  assert.equal(sinceMs, now - 30 * DAY_MS)
  assert.deepEqual(gaps, [{ why: 'unknown', from_ms: null, to_ms: sinceMs, records: 0 }])
})

test('the file has a limit: the oldest make room, and what is known is what is left', async t => {
  const path = join(historyFolder(), 'h')
  const limit = 6 * 2 ** 20
  const history = await writing(t, path)
  const batch = (from: number, rows: number) =>
    write(
      history,
      Array.from({ length: rows }, (_, i) => {
        const endedMs = 1_000_000 + from + i
        // Keys in no order, as ports are.
        const lport = 1025 + (((from + i) * 7919) % 60_000)
        return { lport, openedMs: endedMs - 9, lastMs: endedMs - 5, endedMs }
      }),
    )
  const rows = 120_000
  let most = 0
  for (let from = 0; from < rows; from += 2000) {
    batch(from, 2000)
    history.bound(limit)
    most = Math.max(most, pagesOf(path))
  }
  assert.ok(most <= limit, `${most} bytes`)
  const {
    conns,
    since_ms: sinceMs,
    gaps,
  } = history.find(
    { ...EVER, key: { ...SEARCH.key, port: 1025 + (((rows - 1) * 7919) % 60_000) } },
    true,
    2e6,
  )
  assert.equal(conns[0]?.ended?.at_ms, 1_000_000 + rows - 1, 'the newest is there')
  const kept = rows - ((sinceMs ?? 0) - 1_000_000)
  assert.ok(kept > 15_000 && kept < 60_000, `${kept} rows kept`)
  assert.deepEqual(gaps[0], { why: 'unknown', from_ms: null, to_ms: sinceMs, records: 0 })

  // A limit that is lower now: the file becomes smaller.
  for (let turn = 0; turn < 10; turn++) history.bound(limit / 2)
  assert.ok(pagesOf(path) <= limit / 2, `${pagesOf(path)} bytes`)
  history.close()
  assert.ok(statSync(path).size <= limit / 2)
})

test('a daemon that opens it again goes on; one that begins later does not know what was before', async t => {
  const path = join(historyFolder(), 'h')
  const gapsOf = async (daemonMs: number, sinceMs: number, nowMs: number, toMs: number) => {
    const history = await HistoryDatabase.open(path, true)
    t.after(() => history.close())
    history.begin(daemonMs, sinceMs, nowMs)
    history.write(new Float64Array(0), nowMs, 0)
    const { gaps } = history.find({ ...EVER, fromMs: 150, toMs }, true, nowMs)
    return gaps.map(({ why, from_ms: fromMs, to_ms: end }) => `${why} ${fromMs} ${end}`)
  }
  assert.deepEqual(await gapsOf(100, 100, 200, 180), [])
  assert.deepEqual(await gapsOf(100, 999, 250, 240), [])
  assert.deepEqual(await gapsOf(300, 320, 500, 350), ['unfinished 100 250', 'unknown 250 320'])
})

test('both keys have an index', async t => {
  const path = join(historyFolder(), 'h')
  await writing(t, path)
  const db = new Libsql(path)
  t.after(() => db.close())
  for (const [ip, port] of ['lip lport', 'cip cport'].map(pair => pair.split(' '))) {
    const sql = `SELECT * FROM ended WHERE ${ip} = ? AND ${port} = ? AND ended >= ?`
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(1, 1, 2) as { detail: string }[]
    assert.match(plan[0]?.detail ?? '', /USING INDEX by_(lip|client)/)
  }
})
