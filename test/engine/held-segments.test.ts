/** What clients have said before their RS has answered, in an image: in the engine that is made of it the same becomes of it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CELL } from '../../src/engine/conn-layout.ts'
import { pieces, putAll, segment } from '../kit/fragments.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'

const COOKIES = SEED_CONFIG.replace('protocol: tcp', 'protocol: tcp\n    syn_proxy: on')
const ENDS = { src: '202.108.10.2', dst: '202.108.10.1' }

test('what was held in one engine leaves another one as it came: whole, or in fragments', () => {
  const stand = new Stand(COOKIES).resolveRss()
  const [answer] = stand.segment(
    'dpdk0',
    '202.108.10.2.33896 > 202.108.10.1.6379: Flags [S], seq 1000, win 29200, length 0',
  )
  assert.ok(answer?.decoded.kind === 'tcp')
  const { seq } = answer.decoded
  const ports = { ...ENDS, sport: 33_896, dport: 6379 }
  const data = { ...ports, seq: 1001, ack: (seq + 1) >>> 0, flags: 'P.' }
  putAll(stand, pieces(segment({ ...data, payload: new Uint8Array(1200) }), 620))
  assert.equal(stand.engine.conns.held.count, 1)
  const image = new Stand(COOKIES, undefined, { now: stand.now }, stand.image())
  const [first, second] = [stand, image].map(one =>
    one.segment(
      'dpdk1',
      `192.168.168.2.6379 > 192.168.168.7.1025: Flags [S.], seq 9000, ack ${isnOf(one)}, win 29200, length 0`,
    ),
  )
  assert.ok((first?.length ?? 0) > 1, 'in fragments')
  assert.deepEqual(
    second?.map(({ bytes }) => bytes),
    first?.map(({ bytes }) => bytes),
  )
})

/** What the RS has to acknowledge in its SYN+ACK. */
function isnOf({ engine }: Stand): number {
  return (engine.conns.table.cells[CELL.RST_ACK] as number) >>> 0
}
