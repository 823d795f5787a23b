/**
 * An lport's next connection starts ahead of its last one towards the same RS, however far an upload has outrun the
 * clock: an RS that still holds the old one in TIME_WAIT would refuse the SYN otherwise (RFC 6191).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FIRST_COME } from '../kit/connection.ts'
import { fixedIsn, SEED_CONFIG, Stand } from '../kit/stand.ts'

const ISN = 1000
/** Sequence numbers that a fast upload has used, and how many of them at most are acknowledged at once: a window. */
const UPLOADED = 2 * 0x3000_0000
const STEP = 1 << 24

test('a reused lport starts ahead of what its last connection came to', () => {
  // 64 lports: every 1024th port.
  const lports = { mask: 63, residue: 0 }
  const stand = new Stand(SEED_CONFIG + FIRST_COME, fixedIsn(ISN), { lports }).resolveRss()
  const syn = (cport: number) =>
    stand.forward(
      'dpdk0',
      `202.108.10.2.${cport} > 202.108.10.1.6379: Flags [S], seq 77, win 1, length 0`,
    )
  const first = syn(2000)
  assert.equal(first.seq, ISN)
  const rs = `192.168.168.2.6379 > 192.168.168.7.${first.sport}: Flags`
  stand.forward('dpdk1', `${rs} [S.], seq 5, ack ${ISN + 1}, win 1, length 0`)
  const ack = 'Flags [.], seq 78, ack 6, win 1, length 0'
  stand.forward('dpdk0', `202.108.10.2.2000 > 202.108.10.1.6379: ${ack}`)
  for (let sent = STEP; sent <= UPLOADED; sent += STEP) {
    stand.forward('dpdk1', `${rs} [.], seq 6, ack ${(ISN + sent) >>> 0}, win 1, length 0`)
  }
  stand.forward('dpdk1', `${rs} [R], seq 6, win 0, length 0`)
  stand.pass(5000)
  assert.equal(stand.engine.conns.table.used, 0)

  // First in, first out: the port comes back after all the others have been used once.
  const total = stand.engine.lips[0].free / 16
  for (let i = 1; i < total; i++) assert.notEqual(syn(2000 + i).sport, first.sport)
  const again = syn(2000 + total)
  assert.equal(again.sport, first.sport)
  const ahead = (again.seq - (ISN + UPLOADED)) | 0
  assert.ok(ahead > 0 && ahead < 1 << 25, `starts ${ahead} ahead`)
})
