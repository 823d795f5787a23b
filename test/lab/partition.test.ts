/** The seed's worker: the fifth of seven, with every eighth lport, in its log and its listings. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logSince } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import { labConfig, labForTests, mustClient, mustTapvs, scratchFolder, VIP } from '../kit/lab.ts'

const config = labConfig(scratchFolder(), 'worker-5', yaml => {
  yaml.set('worker', { id: 5, lports: { mask: 7, residue: 4 } })
})
const lab = labForTests('worker5', { config })

test('worker 5 hands out lports 1028, 1036, 1044', async () => {
  await mustTapvs(lab, 'log', 'level', 'debug')
  for (let i = 0; i < 3; i++) await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  const rows = (await mustTapvs(lab, 'ipvsadm', '-ln', '-c')).trimEnd().split('\n')
  const seen = rows.map(
    row => /^\[5\]tcp 7s {5}TIME_WAIT .* 192\.168\.168\.7:(\d+) /.exec(row)?.[1],
  )
  assert.deepEqual(seen.toSorted(), ['1028', '1036', '1044'])
  assert.match(await mustTapvs(lab, 'dpip', 'addr', 'show'), /sa_used 3 sa_free 129021 sa_miss 0/)
  await until('the log', { limitMs: 3000 }, () => {
    const fetched = [
      ...logSince(lab.paths, 0).matchAll(/sa_pool_fetch: 192\.168\.168\.7:(\d+) fetched!/g),
    ]
    return fetched.map(([, port]) => port).join() === '1028,1036,1044' || undefined
  })
  assert.match(logSince(lab.paths, 0), /IPVS: conn lookup: \[5\] TCP /)
})
