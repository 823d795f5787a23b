/** The SQLite file and the protocols of its connections: what came with UDP, and files of before. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import Libsql from 'libsql'
import { EVER, found, historyFolder, write, writing } from '../../kit/history.ts'

test('connections of UDP keep their protocol, beside those of TCP with the same ends', async t => {
  const path = join(historyFolder(), 'h')
  const history = await writing(t, path)
  write(history, [{}, { protocol: 'udp', state: 2, end: 0 }])
  const { conns } = history.find(EVER, true, 2e6)
  const told = conns.map(({ protocol, state, ended }) => [protocol, state, ended?.how])
  assert.deepEqual(told.sort(), [
    ['tcp', 'TIME_WAIT', 'fin_client'],
    ['udp', 'UDP_NORM', 'timeout'],
  ])
})

test('connections keep their method, and a file of before there were others is one of FullNAT', async t => {
  const path = join(historyFolder(), 'h')
  const methods = async () => (await found(path)).conns.map(({ forwarding }) => forwarding)
  const before = await writing(t, path)
  write(before, [{}])
  before.close()
  const db = new Libsql(path)
  db.exec(
    'DROP VIEW connections; ALTER TABLE ended DROP COLUMN forwarding; PRAGMA user_version = 2',
  )
  db.exec('CREATE VIEW connections AS SELECT cport FROM ended')
  db.close()
  assert.deepEqual(await methods(), ['fullnat'])
  const after = await writing(t, path)
  write(after, [{ forwarding: 'tunnel', endedMs: 2_500_000 }])
  assert.deepEqual(await methods(), ['tunnel', 'fullnat'])
  after.close()
})

test('a file of before there was UDP is read as it is, and written on', async t => {
  const path = join(historyFolder(), 'h')
  const before = await writing(t, path)
  write(before, [{}])
  before.close()
  const db = new Libsql(path)
  db.exec('DROP VIEW connections; ALTER TABLE ended DROP COLUMN forwarding')
  db.exec('ALTER TABLE ended DROP COLUMN protocol; PRAGMA user_version = 1')
  db.exec('CREATE VIEW connections AS SELECT cport FROM ended')
  db.close()
  const protocols = async () => (await found(path)).conns.map(({ protocol }) => protocol)
  assert.deepEqual(await protocols(), ['tcp'])
  const after = await writing(t, path)
  write(after, [{ protocol: 'udp', state: 1, endedMs: 2_500_000 }])
  assert.deepEqual(await protocols(), ['udp', 'tcp'])
  after.close()
  const rows = new Libsql(path).prepare('SELECT client, state, protocol FROM connections').all()
  assert.deepEqual(
    (rows as { state: string; protocol: string }[]).map(row => [row.state, row.protocol]),
    [
      ['TIME_WAIT', 'tcp'],
      ['UDP_ONEWAY', 'udp'],
    ],
  )
})
