/** The history of connections of IPv6, and of NAT64, beside those of IPv4: in memory and in the file. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import Libsql from 'libsql'
import { questionOf } from '../../../src/cli/whois/question.ts'
import { HistoryDatabase } from '../../../src/control/whois/database.ts'
import { type Ended, whoisOf } from '../../../src/control/whois/ended.ts'
import { EndedRing } from '../../../src/control/whois/ring.ts'
import { rowOf } from '../../../src/control/whois/rows.ts'
import { rsFilter } from '../../../src/control/whois/whois.ts'
import { ipAddress } from '../../../src/wire/ip-address.ts'
import { ended } from '../../kit/ended.ts'
import { historyFolder } from '../../kit/history.ts'

const V6 = { cip: ipAddress('2001:db8::2'), vip: ipAddress('2001:db8::1') }
const INSIDE = { lip: ipAddress('fd00::7'), rip: ipAddress('fd00::2') }
const ALL: Ended[] = [
  ended({ lport: 1025 }),
  ended({ ...V6, ...INSIDE, lport: 1025 }),
  // The same last word as the client before.
  ended({ ...V6, cip: ipAddress('2001:db9::2'), lport: 1026 }),
  ended({ lport: 1027 }),
]
const SPAN = { fromMs: 0, toMs: 1e15, limit: 10 }

function wanted(by: 'lip' | 'client', address: string, port: number, rs?: string) {
  return {
    key: { by, address: ipAddress(address), port },
    rs: rs === undefined ? null : rsFilter(rs),
    ...SPAN,
  }
}

const clientPort = ALL[0].cport
const rows = ALL.map(whoisOf)
const CASES: [ReturnType<typeof wanted>, number[]][] = [
  [wanted('lip', 'fd00::7', 1025), [1]],
  [wanted('lip', 'fd00::7', 1026), []],
  [wanted('client', '2001:db8::2', clientPort), [1]],
  [wanted('client', '2001:db9::2', clientPort), [2]],
  [wanted('client', '2001:dba::2', clientPort), []],
  [wanted('lip', 'fd00::7', 1025, 'fd00::2'), [1]],
  [wanted('lip', 'fd00::7', 1025, `[fd00::2]:${ALL[0].rport}`), [1]],
  [wanted('lip', 'fd00::7', 1025, 'fd00::3'), []],
]

test('in memory', () => {
  const ring = new EndedRing(8)
  for (const one of ALL) ring.add(one)
  for (const [search, places] of CASES)
    assert.deepEqual(
      ring.find(search).map(whoisOf),
      places.map(i => rows[i]),
      JSON.stringify(search),
    )
  const old = { by: 'lip', address: ALL[0].lip, port: 1025 } as const
  assert.deepEqual(ring.find({ ...SPAN, key: old, rs: null }).map(whoisOf), [rows[0]])
  // Places are used again by the other family.
  for (let i = 0; i < 8; i++) ring.add(ended({ lport: 2000 + i }))
  const [last] = ring.find({ ...SPAN, key: { ...old, port: 2001 }, rs: null })
  assert.deepEqual(last.lip, ALL[0].lip)
})

test('in the file, and what its view says', async () => {
  const path = join(historyFolder(), 'history.sqlite')
  const db = await HistoryDatabase.open(path, true)
  db.begin(1, 1, 1)
  db.write(Float64Array.from(ALL.flatMap(rowOf)), 2, 0)
  for (const [search, places] of CASES) {
    const { conns } = db.find(search, true, 3)
    assert.deepEqual(
      conns,
      places.map(i => rows[i]),
      JSON.stringify(search),
    )
  }
  db.close()
  const sql = new Libsql(path)
  const seen = sql.prepare('SELECT client, vip, lip, rs FROM connections').all()
  assert.deepEqual(
    seen,
    rows.map(({ client, vip, lip, rs }) => ({ client, vip, lip, rs })),
  )
  // A view of a version that knew IPv4 only is replaced.
  sql.exec('DROP VIEW connections; CREATE VIEW connections AS SELECT 1 AS client')
  sql.close()
  ;(await HistoryDatabase.open(path, true)).close()
  const again = new Libsql(path)
  const seenAgain = again.prepare('SELECT rs FROM connections WHERE client = ?')
  assert.deepEqual(seenAgain.all(rows[1].client), [{ rs: rows[1].rs }])
  again.close()
})

test('a question about an address of IPv6', () => {
  assert.deepEqual(questionOf('[2001:DB8:0::2]:33896', 0), {
    address: '2001:db8::2',
    port: 33_896,
    time: null,
  })
  for (const text of ['2001:db8::2', '[2001:db8::2]', '[fe80::1%eth0]:5', '[2001:db8::2]:x'])
    assert.throws(() => questionOf(text, 0), /^CliError: expected LIP:LPORT/, text)
})
