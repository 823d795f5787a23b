/** Cookies that come back when the service is another one than it was. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'
import { checkBooks } from '../kit/books.ts'
import { forwardedBy } from '../kit/connection.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'

const COOKIES = SEED_CONFIG.replace('protocol: tcp', 'protocol: tcp\n    syn_proxy: on')
const SYN = '202.108.10.2.33896 > 202.108.10.1.6379: Flags [S], seq 1000, win 29200, length 0'

/** A client has a cookie of the service, and brings it back when that is as in `after`. */
async function brought(after: string): Promise<Stand> {
  const stand = new Stand(COOKIES).resolveRss()
  const [answer] = stand.segment('dpdk0', SYN)
  assert.ok(answer?.decoded.kind === 'tcp')
  const ack = (answer.decoded.seq + 1) >>> 0
  await stand.model.apply(parseConfig(after, 'after.yaml'), false, async changes =>
    stand.change(changes),
  )
  const [to, line] = ['202.108.10.1.6379', `seq 1001, ack ${ack}, win 229, length 0`]
  stand.segment('dpdk0', `202.108.10.2.33896 > ${to}: Flags [.], ${line}`)
  return stand
}

test('without syn_proxy it opens its connection, but by no way that leaves numbers as they are', async () => {
  assert.equal((await brought(SEED_CONFIG)).verdictName(), 'PARKED')
  for (const way of ['nat', 'dr', 'tunnel']) {
    const stand = await brought(forwardedBy(way))
    assert.equal(stand.verdictName(), 'TCP_NO_CONN', way)
    assert.equal(stand.engine.conns.table.used, 0)
    checkBooks(stand.engine, { mask: 0, residue: 0 })
  }
})
