/** What the log says while lports or records run short. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Shortage } from '../../../src/control/log/shortage.ts'

test('a line when it begins, one in ten seconds while it goes on, none when nothing is short', () => {
  const counts: Record<string, number> = { half_open_evicted: 5, lport_exhausted: 2 }
  const lines: string[] = []
  const warn = (text: string) => void lines.push(text)
  const shortage = new Shortage(() => ({ ...counts }), { warn, error: warn, info: warn })
  const look = (seconds: number) => {
    for (let i = 0; i < seconds; i++) shortage.look()
    return lines.splice(0)
  }
  assert.deepEqual(look(30), [])
  counts.half_open_evicted = 1005
  assert.deepEqual(look(1), [
    'TAPVS: lports or records are short: 1000 half-open connections made room for new ones',
  ])
  counts.half_open_evicted = 1006
  counts.lport_exhausted = 9
  counts.client_share = 3
  assert.deepEqual(look(9), [])
  assert.deepEqual(look(1), [
    'TAPVS: lports or records are short: 1 half-open connection made room for new ones, 3 refused whose clients have their share, 7 refused for want of an lport',
  ])
  assert.deepEqual(look(40), [])
  counts.conn_table_full = 1
  assert.deepEqual(look(1), ['TAPVS: lports or records are short: 1 refused for want of a record'])
})
