/**
 * Properties of the whole engine: any segment leaves with right checksums and exactly the fields changed that have to
 * be, and any conversation keeps the books of tables, pools, timers and slots balanced.
 * Holds invariant I4, invariant I8, invariant I11.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CELL, RECORD } from '../../src/engine/conn-layout.ts'
import { lportsOf, SUB_POOLS } from '../../src/engine/sa-pool.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { ipv4Text } from '../../src/wire/address.ts'
import type { DecodedTcp } from '../kit/decode.ts'
import { concat, offload, type TcpFields, tcpFrame, vnetHeader } from '../kit/frame.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'

const CLIENT = { src: '202.108.10.2', sport: 33_896, dst: '202.108.10.1', dport: 6379 }
const RS = { src: '192.168.168.2', sport: 6379, dst: '192.168.168.7', dport: 1025 }
const FLAGS = ['.', 'P.', 'S', 'S.', 'F.', 'R', 'R.', 'PU.', 'SF', 'SEW', '', 'SFPRUEW.']

const u32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 1, 9001, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
)

/** Options as stacks send them, as attackers do, and plain garbage; padded to words, 40 bytes at most. */
const option = fc.oneof(
  fc.constantFrom(
    [1],
    [0],
    [4, 2],
    [3, 3, 7],
    [2, 4, 5, 180],
    [2, 4, 0, 3],
    [254, 2],
    [254, 4, 1, 2],
  ),
  fc.tuple(u32, u32).map(([a, b]) => [8, 10, ...be32(a), ...be32(b)]),
  fc.array(u32, { minLength: 2, maxLength: 8 }).map(words => {
    const edges = words.slice(0, words.length & ~1).flatMap(be32)
    return [5, 2 + edges.length, ...edges]
  }),
  fc.uint8Array({ minLength: 6, maxLength: 6 }).map(value => [254, 8, ...value]),
  fc.uint8Array({ minLength: 1, maxLength: 12 }).map(bytes => [...bytes]),
)
const options = fc.array(option, { maxLength: 6 }).map(list => {
  const bytes = list.flat().slice(0, 40)
  while (bytes.length % 4) bytes.push(bytes.length % 2)
  return Uint8Array.from(bytes)
})

function be32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}

const segment = fc.record({
  dir: fc.constantFrom('in' as const, 'out' as const),
  flags: fc.constantFrom(...FLAGS),
  seq: u32,
  ack: u32,
  win: fc.nat(65_535),
  urgent: fc.nat(65_535),
  tos: fc.nat(255),
  ttl: fc.integer({ min: 2, max: 255 }),
  id: fc.nat(65_535),
  df: fc.boolean(),
  options,
  payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 1400 })),
  ipOptions: fc.constantFrom(new Uint8Array(), Uint8Array.of(1, 1, 1, 0), new Uint8Array(40)),
  partial: fc.boolean(),
  padding: fc.nat(8),
})

for (const [toa, xmitTtl] of [
  ['seed', false],
  ['master', true],
  ['off', false],
] as const) {
  test(`any segment: checksums by recomputation, fields by a model; toa ${toa}`, () => {
    const config = `${SEED_CONFIG}\ntcp: { toa: ${toa}, xmit_ttl: ${xmitTtl} }`
    fc.assert(
      fc.property(u32, fc.array(segment, { minLength: 1, maxLength: 30 }), (isn, segments) => {
        const stand = new Stand(config).resolveRss()
        const syn = stand.forward('dpdk0', { ...CLIENT, flags: 'S', seq: isn })
        let delta = (syn.seq - isn) | 0
        let begun = isn
        // Its client has tried another number since.
        let isAnother = false
        let lport = syn.sport
        let conns = 1
        stand.forward('dpdk1', { ...RS, flags: 'S.', seq: 9000, ack: syn.seq + 1 })
        for (const { dir, partial, padding, ...fields } of segments) {
          const out = forward(stand, dir, lport, fields, partial, padding)
          if (out === undefined) continue
          const isSyn = dir === 'in' && /^S[^.FR]*$/.test(fields.flags)
          // A SYN with another number, on a connection that is over, begins another one.
          if (stand.events('CONNS_OPENED') !== conns) {
            assert.ok(isSyn && (fields.seq !== begun || isAnother))
            isAnother = false
            conns++
            delta = (out.seq - fields.seq) | 0
            begun = fields.seq
            lport = out.sport
          } else if (isSyn && fields.seq !== begun) isAnother = true
          const shift = (n: number, by: number) => (n + by) >>> 0
          assert.equal(out.seq, dir === 'in' ? shift(fields.seq, delta) : fields.seq)
          assert.equal(out.ack, dir === 'in' ? fields.ack : shift(fields.ack, -delta))
          assert.deepEqual(out.payload, fields.payload)
          assert.deepEqual(
            [out.win, out.urgent, out.tos, out.id, out.df, out.ttl],
            [fields.win, fields.urgent, fields.tos, fields.id, fields.df, fields.ttl - +xmitTtl],
          )
          assert.ok(out.tcpHeaderBytes <= 60)
          assert.ok(out.ipTotal <= 1500 || out.ipTotal === totalOf(fields))
          if (dir === 'in') checkKind254(out, toa)
        }
      }),
      { numRuns: 60, includeErrorInReport: true },
    )
  })
}

function totalOf({ ipOptions, options: o, payload }: Partial<TcpFields>): number {
  return 40 + (ipOptions?.length ?? 0) + (o?.length ?? 0) + (payload?.length ?? 0)
}

/** => What left, or undefined if the segment was too big. */
function forward(
  stand: Stand,
  dir: 'in' | 'out',
  lport: number,
  fields: Partial<TcpFields>,
  partial: boolean,
  padding: number,
): DecodedTcp | undefined {
  const arm = dir === 'in' ? 'dpdk0' : 'dpdk1'
  const macs = { srcMac: dir === 'in' ? CLIENT_MAC : RS_MAC, dstMac: stand.macOf(arm) }
  const ends = dir === 'in' ? CLIENT : { ...RS, dport: lport }
  const resets = stand.events('RST_ON_REUSE')
  const frame = tcpFrame({ ...ends, flags: '', seq: 0, ...fields, ...macs })
  const whole = partial ? offload(frame) : concat(vnetHeader(), frame)
  const out = stand.inputRaw(arm, concat(whole, new Uint8Array(padding)))
  if (stand.verdictName() === 'IP_TOO_BIG') return undefined
  const sent = out.filter(({ decoded }) => decoded.kind === 'tcp')
  assert.equal(sent.length, 1 + stand.events('RST_ON_REUSE') - resets, stand.verdictName())
  return sent.at(-1)?.decoded as DecodedTcp
}

/** Wherever a strict parser finds kind 254, it is the true one, and first. */
function checkKind254(out: DecodedTcp, toa: string): void {
  const { options: bytes } = out
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    if (bytes[at] === 1) {
      at++
      continue
    }
    const length = bytes[at + 1]
    if (length === undefined || length < 2 || at + length > bytes.length) break
    if (bytes[at] === 254) {
      assert.ok(at === 0 && toa !== 'off', 'a forged TOA got through')
      assert.deepEqual([...bytes.subarray(0, 8)], [254, 8, 0x84, 0x68, 202, 108, 10, 2])
    }
    at += length
  }
}

/** What a random conversation may do; `who` picks a client port or an lport. */
const act = fc.record({
  what: fc.oneof(
    { weight: 30, arbitrary: fc.constant('in') },
    { weight: 18, arbitrary: fc.constant('out') },
    { weight: 4, arbitrary: fc.constantFrom('reply', 'moved', 'wait', 'flood') },
    { weight: 1, arbitrary: fc.constant('long') },
  ),
  who: fc.nat(63),
  flags: fc.constantFrom('S', 'S', 'S', '.', 'P.', 'S.', 'F.', 'R', 'R.', ''),
  bytes: fc.nat(30),
})

const BOOKS_CONFIG = `${SEED_CONFIG.replace(
  '[192.168.168.7]',
  '[192.168.168.7, 192.168.168.8]',
).replace(
  'real_servers: [{ address: 192.168.168.2, weight: 100 }]',
  `real_servers: [{ address: 192.168.168.2, weight: 2 }, { address: 192.168.168.4, weight: 1 },
      { address: 192.168.168.5, weight: 0 }]`,
)}
connections: { table_size: 16, make_room: false, client_share: 100% }
`

const LPORTS = { mask: 63, residue: 20 }
const CAPACITY = lportsOf(LPORTS) * SUB_POOLS

function checkBooks(stand: Stand, free: number): void {
  const { conns, lips, dests, frames, counters, neighs } = stand.engine
  const { table, wheel } = conns
  assert.equal(wheel.filed, table.used, 'every conn is in the wheel')
  assert.equal(table.countLinked(), 2 * table.used, 'every conn has two index entries')
  let inUse = 0
  const states = new Float64Array(counters.states.length)
  const deadlines: number[] = []
  for (let conn = table.nextUsed(0, 16); conn >= 0; conn = table.nextUsed(conn + 1, 16)) {
    inUse++
    states[table.state(conn)]++
    deadlines.push((table.cells[RECORD.at(conn) | CELL.DEADLINE] - stand.now) | 0)
  }
  assert.equal(inUse, table.used)
  assert.ok(
    deadlines.every(ms => ms > -1000 && ms <= 91_000),
    `deadlines ${deadlines}`,
  )
  const sum = (count: (dest: number) => number) =>
    dests.list.reduce((total, _, index) => total + count(index), 0)
  const active = sum(dest => dests.active(dest))
  assert.equal(active, states[State.ESTABLISHED])
  assert.deepEqual(counters.states, states)
  const neighbours = new Float64Array(counters.neighbours.length)
  neighs.state.forEach((state, n) => {
    if (neighs.inUse(n)) neighbours[state]++
  })
  assert.deepEqual(counters.neighbours, neighbours)
  assert.equal(active + sum(dest => dests.inactive(dest)), table.used)
  assert.equal(lips[0].used + lips[1].used, table.used, 'every conn has one lport')
  for (const lip of lips) assert.equal(lip.used + lip.free, CAPACITY)
  assert.ok(frames.free <= free)
}

test('any conversation keeps the books, and in the end nothing is left', () => {
  const stand = new Stand(BOOKS_CONFIG, undefined, { lports: LPORTS })
  stand.pass(10_000)
  const free = stand.engine.frames.free
  fc.assert(
    fc.property(fc.array(act, { minLength: 50, maxLength: 200 }), acts => {
      for (const { what, who, flags, bytes } of acts) {
        const payload = new Uint8Array(bytes)
        const rs = who % 2 ? '192.168.168.2' : '192.168.168.4'
        if (what === 'in') {
          stand.segment('dpdk0', {
            ...CLIENT,
            sport: 1 + who,
            flags,
            // A SYN of either number: the same one again, or another connection.
            seq: who + (bytes & 1),
            ack: bytes,
            payload,
          })
        } else if (what === 'out') {
          // The lport of some conn that lives, or of none.
          const conn = stand.engine.conns.table.nextUsed(who % 16, 16)
          const ports =
            conn < 0 ? 99 : stand.engine.conns.table.cells[RECORD.at(conn) | CELL.RS_PORTS]
          const lip = conn < 0 ? 0 : stand.engine.conns.table.lip(conn)
          const rip =
            conn < 0 ? RS.src : ipv4Text(stand.engine.conns.table.cells[RECORD.at(conn) | CELL.RIP])
          const ends = { ...RS, src: rip, dst: `192.168.168.${7 + lip}`, dport: ports & 0xffff }
          const known =
            conn < 0 ? 0 : stand.engine.conns.table.cells[RECORD.at(conn) | CELL.RST_ACK]
          const ack = who % 3 === 0 ? bytes : (known + bytes - 15) >>> 0
          stand.segment('dpdk1', { ...ends, flags, seq: who, ack, payload })
        } else if (what === 'wait') stand.pass((who % 24) * 50)
        else if (what === 'flood') {
          for (let i = 0; i < 20; i++) {
            stand.segment('dpdk0', { ...CLIENT, sport: 1000 + who + i, flags: 'S', seq: i })
          }
        } else if (what === 'long') stand.pass((who % 24) * 1000)
        else stand.arpReply(rs, what === 'reply' ? RS_MAC : '52:54:00:00:01:99')
        stand.log()
        checkBooks(stand, free)
      }
      stand.pass(200_000)
      stand.log()
      checkBooks(stand, free)
      assert.equal(stand.engine.conns.table.used, 0)
      assert.equal(stand.engine.lips[0].used + stand.engine.lips[1].used, 0)
      assert.equal(stand.engine.neighs.used, 0)
      assert.equal(stand.engine.frames.free, free, 'every slot is back')
    }),
    // Of what is rare below, the rarest happens some six times in 40.
    { numRuns: 160, includeErrorInReport: true },
  )
  assert.equal(stand.events('CONNS_OPENED'), stand.events('CONNS_EXPIRED'))
  // It has been through what is rare, too.
  for (const rare of ['RST_ON_EXPIRY', 'SYN_REUSED', 'NEIGH_FAILED', 'NEIGH_MOVED'] as const) {
    assert.ok(stand.events(rare) > 0, rare)
  }
  assert.ok(stand.drops('CONN_TABLE_FULL') > 0)
})
