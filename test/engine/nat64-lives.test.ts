/** Connections of clients that speak IPv6 to an RS that speaks IPv4, beyond one engine: images, memory that outlives it, several workers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { adoptRecords } from '../../src/engine/adopt.ts'
import { connBytes } from '../../src/engine/parts.ts'
import { checkBooks } from '../kit/books.ts'
import type { DecodedTcp } from '../kit/decode.ts'
import { arpFrame } from '../kit/frame.ts'
import { CLIENT, established64, LAN, LIP, RS, VIP, WAN } from '../kit/nat64.ts'
import { SEED64_CONFIG } from '../kit/nd.ts'
import { Several } from '../kit/several.ts'
import { RS_MAC, Stand } from '../kit/stand.ts'

type Sent = { arm: string; hex: string }[]

/** A segment each way, as it leaves. */
function both(stand: Stand, lport: number, delta: number): Sent {
  const up = `${CLIENT.host}.${CLIENT.port} > ${VIP.host}.${VIP.port}: Flags [P.], seq 2:32, ack 170, win 100, length 30`
  const down = `${RS.host}.${RS.port} > ${LIP}.${lport}: Flags [P.], seq 170:200, ack ${(32 + delta) >>> 0}, win 100, length 30`
  return [...stand.segment(WAN, up), ...stand.segment(LAN, down)].map(({ arm, bytes }) => ({
    arm,
    hex: Buffer.from(bytes).toString('hex'),
  }))
}

test('a restored engine goes on with them', () => {
  const { stand, lip, delta } = established64()
  const twin = new Stand(SEED64_CONFIG, undefined, {}, structuredClone(stand.image()))
  twin.now = stand.now
  const sent = both(stand, lip.port, delta)
  assert.equal(sent.length, 2)
  assert.deepEqual(both(twin, lip.port, delta), sent)
})

test('an engine that finds their records in the memory goes on with them, and with their lports', () => {
  const connMemory = new ArrayBuffer(connBytes(16))
  const config = `${SEED64_CONFIG}\nconnections: { table_size: 16 }\n`
  const { stand, lip, delta } = established64(config, { connMemory })
  const heir = new Stand(config, undefined, { connMemory: connMemory.slice(0), now: stand.now })
  heir.resolveRss()
  const adopted = adoptRecords(heir.engine, stand.now | 0)
  assert.deepEqual([adopted.conns, adopted.cleared], [1, 0])
  checkBooks(heir.engine, { mask: 0, residue: 0 })
  assert.deepEqual(both(heir, lip.port, delta), both(stand, lip.port, delta))
})

test('a record whose RS speaks another family than it says is none', () => {
  const connMemory = new ArrayBuffer(connBytes(16))
  const config = `${SEED64_CONFIG}\nconnections: { table_size: 16 }\n`
  const { stand } = established64(config, { connMemory })
  // The family of OUT is bit 3 of the binding, the eleventh cell.
  const copy = connMemory.slice(0)
  const cells = new Int32Array(copy)
  cells[10] = (cells[10] as number) | 8
  const heir = new Stand(config, undefined, { connMemory: copy, now: stand.now })
  assert.deepEqual(
    [adoptRecords(heir.engine, stand.now | 0).cleared, heir.engine.conns.table.used],
    [1, 0],
  )
})

test('whichever worker a packet reaches, of either family, the same one deals with it', () => {
  const several = new Several(3, SEED64_CONFIG)
  const our = { mac: several.stands[0]?.macOf(LAN) ?? '', ip: '192.168.168.3' }
  several.input(0, LAN, arpFrame(2, { mac: RS_MAC, ip: RS.host }, our, our.mac))
  let at = 0
  const step = (arm: string, line: string): DecodedTcp => {
    const out = several.segment(at++ % 3, arm, line)
    assert.equal(out.length, 1)
    return out[0]?.decoded as DecodedTcp
  }
  for (let port = 4000; port < 4030; port++) {
    const up = `${CLIENT.host}.${port} > ${VIP.host}.${VIP.port}:`
    const syn = step(WAN, `${up} Flags [S], seq 1, win 100, length 0`)
    assert.deepEqual([syn.src, syn.dst], [LIP, RS.host])
    const down = `${RS.host}.${RS.port} > ${LIP}.${syn.sport}:`
    const ack = (syn.seq + 1) >>> 0
    const answer = step(LAN, `${down} Flags [S.], seq 69, ack ${ack}, win 100, length 0`)
    assert.deepEqual([answer.src, answer.dst, answer.dport], [VIP.host, CLIENT.host, port])
    assert.equal(step(WAN, `${up} Flags [.], seq 2, ack 70, win 100, length 0`).sport, syn.sport)
    step(LAN, `${down} Flags [P.], seq 70:80, ack ${ack}, win 100, length 10`)
  }
  const used = several.stands.map(({ engine }) => engine.conns.table.used)
  assert.equal(
    used.reduce((sum, n) => sum + n, 0),
    30,
  )
  assert.ok(
    used.every(n => n > 0),
    `${used}`,
  )
  assert.ok(several.stands.some(stand => stand.events('HANDED_OVER') > 0))
})

test('whatever is sent in segments of any size arrives in them, and is summed rightly', () => {
  const { stand, lip, delta } = established64()
  const sizes = fc.integer({ min: 0, max: 1420 })
  fc.assert(
    fc.property(
      sizes,
      fc.boolean(),
      fc.constantFrom('', ', options [nop,nop,TS val 1 ecr 2]'),
      (length, up, options) => {
        const seq = up ? 2 : 70
        const numbers = up ? 'ack 170' : `ack ${(2 + delta) >>> 0}`
        const ends = up
          ? `${CLIENT.host}.${CLIENT.port} > ${VIP.host}.${VIP.port}`
          : `${RS.host}.${RS.port} > ${LIP}.${lip.port}`
        const line = `${ends}: Flags [.], seq ${seq}:${seq + length}, ${numbers}, win 100${options}, length ${length}`
        // decode() recomputes every sum.
        const out = stand.forward(up ? WAN : LAN, line)
        assert.equal(out.payload.length, length)
      },
    ),
    { numRuns: 300 },
  )
})
