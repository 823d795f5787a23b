/** What `--json` prints is spelt as the API is, whichever verb prints it. Those that read files: their own tests. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modelControl } from '../../kit/control.ts'
import { inside } from '../../kit/inside.ts'
import { printedJson } from '../../kit/printed-json.ts'
import { SEED_CONFIG } from '../../kit/stand.ts'
import { watched } from '../../kit/watched.ts'

test('keys are in snake case', async t => {
  const { stand, path } = await watched(t, SEED_CONFIG, modelControl().respond)
  const SYN = '202.108.10.2.4000 > 202.108.10.1.6379: Flags [S], seq 1, win 100, length 0'
  stand.segment('dpdk0', SYN)
  stand.segment('dpdk0', SYN.replace('6379', '81'))
  stand.moments()
  const verbs = [
    ['counters'],
    ['doctor'],
    ['explain', 'conn', '202.108.10.2:4000'],
    ['explain', 'drop'],
    ['explain', 'state'],
    ['top', '--every', '0.1'],
    ['whois', '192.168.168.7:1025'],
  ]
  for (const verb of verbs) {
    const { stdout } = await inside(['--socket', path, ...verb, '--json'])
    assert.notDeepEqual(printedJson<object>(stdout), [], verb.join(' '))
  }
  const { stdout } = await inside(['--socket', path, 'ladder', '--json'])
  const rows = stdout.trimEnd().split('\n')
  const kinds = rows.map(row => printedJson<{ kind: string }>(row).kind)
  assert.deepEqual(new Set(kinds), new Set(['conn', 'packet', 'note']))
})
