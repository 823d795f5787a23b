/** The seed's two captures, made of its transcript: the RS's clock is 12.7 s ahead of the client's. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { analyze } from '../../../src/see/analyze/analyze.ts'
import { pcapOf, type Sent, transcriptSegments } from '../../kit/pcap.ts'

/** 22:11:13 of some day, by the client's clock. */
const START_US = Date.UTC(2018, 9, 12, 22, 11, 13, 214_000) * 1000
const AHEAD_US = 12_700_000

/** Each segment 400 µs after the last; the balancer needs 35 µs, the wires 60 µs. */
export function seedCaptures(text: string): { client: Uint8Array; rs: Uint8Array } {
  const client: Sent[] = []
  const rs: Sent[] = []
  let now = START_US
  let took = 0
  for (const { came, arm, frame } of transcriptSegments(text)) {
    if (came) {
      now += 400
      took = 95 + (took % 7)
    }
    const atUs = now + (came ? 0 : took)
    if (arm === 'dpdk0') client.push({ atUs, frame })
    else rs.push({ atUs: atUs + AHEAD_US, frame })
  }
  return { client: pcapOf(client), rs: pcapOf(rs) }
}

const text = readFileSync(join(CHECKOUT, 'test', 'transcripts', 'seed-client-close.txt'), 'utf8')

test("the seed's captures are one connection of which nothing is lost", () => {
  const { client, rs } = seedCaptures(text)
  const found = analyze({ name: 'client.pcap', bytes: client }, { name: 'rs.pcap', bytes: rs })
  assert.equal(found.isTurned, false)
  assert.equal(found.conns.length, 1)
  const [conn] = found.conns
  const { outer, inner, sureness, why } = conn.pair
  assert.equal(outer.client, '202.108.10.2:33896')
  assert.equal(outer.server, '202.108.10.1:6379')
  assert.equal(inner.client, '192.168.168.7:1028')
  assert.equal(inner.server, '192.168.168.2:6379')
  assert.equal(sureness, 'certain')
  assert.deepEqual(why.slice(0, 2), [
    'TOA names the client',
    "the RS's initial sequence number is the same",
  ])
  assert.equal(conn.ways.clientDelta >>> 0, (2976553321 - 4164191644) >>> 0)
  assert.equal(conn.ways.rsDelta, 0)
  const offsetOff = Math.abs(found.clock.offsetNs - AHEAD_US * 1000)
  assert.ok(found.clock.boundNs !== null && offsetOff <= found.clock.boundNs, `${offsetOff}`)
  assert.ok(found.clock.boundNs < 110_000, `${found.clock.boundNs}`)
  const nothing = {
    lost: [],
    added: [],
    duplicated: [],
    outside: { entry: 0, exit: 0 },
    missed: { entry: 0, exit: 0 },
    split: 0,
    joined: 0,
    reordered: 0,
  }
  assert.deepEqual(conn.in, nothing)
  assert.deepEqual(conn.out, nothing)
  const { compared } = conn
  assert.deepEqual(compared.toa, { segments: 3, names: ['202.108.10.2:33896'] })
  assert.deepEqual(compared.mss, { syn: [1460, 1460], synAck: [1460, 1452] })
  assert.equal(compared.timestamps, 'removed')
  assert.deepEqual(compared.odd, [])
  assert.deepEqual(compared.changes, { seq: 6, ack: 4, toa_added: 3, timestamp_removed: 1, mss: 1 })
})

test('given in the wrong order they are exchanged', () => {
  const { client, rs } = seedCaptures(text)
  const found = analyze({ name: 'rs.pcap', bytes: rs }, { name: 'client.pcap', bytes: client })
  assert.equal(found.isTurned, true)
  assert.equal(found.conns[0].pair.outer.client, '202.108.10.2:33896')
  assert.ok(Math.abs(found.clock.offsetNs - AHEAD_US * 1000) < 110_000)
})
