/** The question as the daemon answers it: real tables and rings, no packet threads. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WhoisArgs, WhoisConn } from '../../../src/api/commands.ts'
import type { Log } from '../../../src/control/log/log.ts'
import { SessionDrain } from '../../../src/control/sessions/drain.ts'
import { probe } from '../../../src/control/threads/probe.ts'
import {
  newSessionRing,
  sessionRing,
  setSessionClock,
} from '../../../src/control/threads/session-ring.ts'
import { History } from '../../../src/control/whois/history.ts'
import { whois } from '../../../src/control/whois/whois.ts'
import { ipv4Int } from '../../../src/wire/address.ts'
import { CLIENT, LAN, SYN, WAN } from '../../kit/connection.ts'
import { RS_MAC, Stand } from '../../kit/stand.ts'

const RSS = Array.from({ length: 300 }, (_, i) => `10.9.${i >> 7}.${(i & 127) + 1}`)
const rss = RSS.map(address => `{ address: ${address}, port: 80 }`).join(', ')

/** One service with 300 RSs, and one with the first of them. */
const CONFIG = `
arms:
  - { name: dpdk0, addresses: [202.108.10.1/32], routes: [{ to: 202.108.10.0/24 }] }
  - name: dpdk1
    addresses: [192.168.168.3/32]
    local_addresses: [192.168.168.7, 192.168.168.8]
    routes: [{ to: 192.168.168.0/24 }, { to: 10.9.0.0/16, via: 192.168.168.2 }]
services:
  - { address: 202.108.10.1, port: 80, scheduler: rr, local_addresses: [192.168.168.7], real_servers: [${rss}] }
  - address: 202.108.10.1
    port: 81
    scheduler: rr
    local_addresses: [192.168.168.7]
    real_servers: [{ address: ${RSS[0]}, port: 80 }]
tcp: { timeouts: { syn_recv: 3, close: 3 } }
`

const LOG = { put: () => {} } as unknown as Log
const LPORT = { address: '192.168.168.7', port: 1025 }

/** A clock that stands still between questions: what the stand's clock says is now is now. */
function appliance(connections = 64) {
  const memory = newSessionRing()
  const ring = sessionRing(memory)
  const stand = new Stand(CONFIG, undefined, connections > 0 ? { sessions: ring } : {})
  stand.arpReply('192.168.168.2', RS_MAC)
  const options = { connections, file: null, keep: 1, size: 2 ** 30 }
  const history = connections > 0 ? new History(options, Date.now() - 100_000, () => {}) : null
  const drain = new SessionDrain([memory], history ? [history] : [], LOG)
  const { engine, model } = stand
  const workers: Parameters<typeof whois>[1]['workers'] = {
    probe: async (key, read) => {
      for (let from = 0; from >= 0; ) {
        const probed = probe(engine, key, from, 2, stand.now)
        read(probed, 1)
        from = probed.next
      }
    },
  }
  return {
    stand,
    history,
    ask: (args: WhoisArgs) => {
      setSessionClock(ring, stand.now)
      const records = { history, catchUp: () => drain.catchUp() }
      return whois(args, { model, workers, records })
    },
    open(sport: number, dport = 80, seq = SYN.seq) {
      stand.segment(WAN, { ...SYN, sport, dport, seq })
      assert.equal(stand.verdictName(), 'arm 1')
    },
    /** A whole handshake, to the service of one RS, which `end` breaks off: the lport is held for 3 s more. */
    stands(sport: number) {
      const client = { ...CLIENT, sport, dport: 81 }
      const syn = stand.forward(WAN, { ...client, flags: 'S', seq: 1000, ack: 0 })
      const rs = { src: syn.dst, sport: syn.dport, dst: syn.src, dport: syn.sport }
      const ours = { ...rs, flags: 'S.', seq: 9000, ack: syn.seq + 1 }
      stand.forward(LAN, ours)
      stand.forward(WAN, client)
      return {
        /** By the RS. */
        end: () => void stand.forward(LAN, { ...ours, flags: 'R.', seq: 9001 }),
      }
    },
  }
}

const clientToRs = (conns: readonly WhoisConn[]) =>
  conns.map(({ client, rs }) => `${client.split(':')[1]} ${rs}`)

const ago = (seconds: number, length = 0) => {
  const from = Date.now() - seconds * 1000
  return { from, to: from + length * 1000 }
}

test('one lport towards many RSs: each of its clients, and --rs tells them apart', async () => {
  const { stand, ask, open } = appliance()
  // rr goes through all 300; the 16 sub-pools of the first 16 begin with 1025 each.
  for (let i = 0; i < 17; i++) {
    open(10_000 + i)
    stand.pass(10)
  }
  const all = await ask(LPORT)
  assert.deepEqual([all.as, all.more, all.last, all.gaps], ['lip', false, null, []])
  assert.equal(all.conns.length, 16)
  const [first] = all.conns
  const { client, rs, opened_ms: openedMs, ...rest } = first as WhoisConn
  assert.deepEqual(rest, {
    worker: 1,
    protocol: 'tcp',
    vip: '202.108.10.1:80',
    lip: '192.168.168.7:1025',
    forwarding: 'fullnat',
    check: false,
    state: 'SYN_RECV',
    ended: null,
  })
  assert.ok(
    Math.abs(Date.now() - 10 * (17 - (Number(client.split(':')[1]) - 10_000)) - (openedMs ?? 0)) <
      50,
  )
  const of = async (filter: string) => clientToRs((await ask({ ...LPORT, rs: filter })).conns)
  assert.deepEqual(await of(rs), clientToRs([first as WhoisConn]))
  assert.deepEqual(await of(rs.split(':')[0] as string), clientToRs([first as WhoisConn]))
  assert.deepEqual(await of(rs.replace(':80', ':81')), [])
  // The 17th has the second lport of its sub-pool.
  const seventeenth = await ask({ ...LPORT, port: 1026 })
  assert.deepEqual(
    seventeenth.conns.map(({ client }) => client),
    ['202.108.10.2:10016'],
  )
})

test('the same RS in two services, and the other way round by the client', async () => {
  const { ask, open } = appliance()
  for (let i = 0; i < 300; i++) open(10_000 + i)
  open(10_007, 81)
  const { conns } = await ask({ address: '202.108.10.2', port: 10_007 })
  assert.deepEqual(conns.map(({ vip }) => vip).sort(), ['202.108.10.1:80', '202.108.10.1:81'])
  for (const { client, lip, rs } of conns) {
    const [address = '', port] = lip.split(':')
    const back = await ask({ address, port: Number(port), rs })
    assert.deepEqual(
      back.conns.map(conn => conn.client),
      [client],
    )
  }
})

test('an RS that has left, and a service: their connections are found as long as they live', async () => {
  const { stand, ask, open } = appliance()
  open(10_000)
  open(10_001, 81)
  const [before] = (await ask({ address: '202.108.10.2', port: 10_000 })).conns
  assert.ok(before)
  const [address = '', port] = before.rs.split(':')
  const rs = {
    protocol: 'tcp' as const,
    vip: '202.108.10.1',
    vport: 80,
    address,
    port: Number(port),
  }
  stand.change([
    { put: 'no-rs', ...rs },
    { put: 'no-service', protocol: 'tcp', address: '202.108.10.1', port: 81 },
  ])
  const client = async (sport: number) =>
    (await ask({ address: '202.108.10.2', port: sport })).conns.length
  assert.deepEqual([await client(10_000), await client(10_001)], [1, 1])
  assert.equal((await ask({ ...LPORT, rs: before.rs })).conns.length, 1)
})

test('what was: by lport and by client, told apart by the time', async () => {
  const { stand, ask, stands } = appliance()
  const target = RSS[0] as string
  stands(20_000).end()
  // Silent for its 3 s and up to one more: gone.
  stand.pass(10_000)
  stands(20_001).end()
  stand.pass(10_000)
  stands(20_002)
  stand.pass(1000)
  const lports = (
    await Promise.all(
      [20_000, 20_001, 20_002].map(port =>
        ask({ address: '202.108.10.2', port, ...ago(100, 100) }),
      ),
    )
  ).map(({ conns }) => conns.map(({ lip }) => lip).join())
  assert.deepEqual(
    lports,
    [1025, 1026, 1027].map(port => `192.168.168.7:${port}`),
  )

  const gone = await ask({ ...LPORT, ...ago(20) })
  assert.deepEqual(clientToRs(gone.conns), [`20000 ${target}:80`])
  assert.equal(gone.conns[0]?.ended?.how, 'rst_rs')
  assert.deepEqual(gone.gaps, [])
  assert.deepEqual((await ask({ ...LPORT, ...ago(15) })).conns, [])
  assert.deepEqual((await ask({ ...LPORT, ...ago(22) })).conns, [])
  // Now there is nobody, and the last one is told.
  const now = await ask(LPORT)
  assert.deepEqual([now.conns, clientToRs([now.last as WhoisConn])], [[], [`20000 ${target}:80`]])
  // What lives counts for the past since it was opened.
  const living = { address: '192.168.168.7', port: 1027 }
  assert.deepEqual(clientToRs((await ask({ ...living, ...ago(0.5) })).conns), [
    `20002 ${target}:80`,
  ])
  assert.deepEqual((await ask({ ...living, ...ago(2) })).conns, [])
  assert.equal((await ask({ ...living, ...ago(0.5) })).conns[0]?.ended, null)
})

test('a client that opens anew from its port: two connections with the same LIP:lport', async () => {
  const { stand, ask, open, stands } = appliance()
  stands(20_000).end()
  stand.pass(1000)
  open(20_000, 81, 500_000)
  stand.pass(500)
  const { conns } = await ask({ ...LPORT, ...ago(10, 10) })
  assert.deepEqual(
    conns.map(({ ended }) => ended?.how ?? 'lives'),
    ['rst_rs', 'lives'],
  )
})

test('how far back it reaches, and what was lost', async () => {
  const { stand, history, ask, stands } = appliance(4)
  const old = await ask({ ...LPORT, ...ago(200) })
  assert.equal(old.gaps.length, 1)
  assert.equal(old.gaps[0]?.from_ms, null)
  assert.ok(Math.abs((old.gaps[0]?.to_ms as number) - (Date.now() - 100_000)) < 5000)
  assert.equal(old.since_ms, old.gaps[0]?.to_ms)
  for (let i = 0; i < 5; i++) {
    stands(20_000 + i).end()
    stand.pass(5000)
  }
  // Of five there is room for four: what was before the end of the first is not known any more.
  const first = await ask({ ...LPORT, ...ago(24) })
  assert.deepEqual([first.conns.length, first.gaps.map(({ why }) => why)], [0, ['unknown']])
  const second = await ask({ ...LPORT, port: 1026, ...ago(19) })
  assert.deepEqual([second.conns.length, second.gaps], [1, []])
  history?.lost(9)
  assert.deepEqual(
    (await ask({ ...LPORT, ...ago(19) })).gaps.map(({ why, records }) => `${why} ${records}`),
    ['lost 9'],
  )
})

test('a flood of SYNs pushes nobody out of the history', async () => {
  const { stand, ask, open, stands } = appliance(4)
  stands(20_000).end()
  stand.pass(5000)
  for (let i = 0; i < 50; i++) open(30_000 + i, 81)
  stand.pass(5000)
  const { conns, gaps } = await ask({ ...LPORT, ...ago(9) })
  assert.deepEqual([conns.map(({ client }) => client), gaps], [['202.108.10.2:20000'], []])
  // Who never stood is not remembered, and is told while he lives.
  open(40_000, 81)
  assert.equal((await ask({ address: '202.108.10.2', port: 40_000 })).conns.length, 1)
  assert.deepEqual((await ask({ address: '202.108.10.2', port: 30_000, ...ago(9) })).conns, [])
})

test('what cannot be answered', async () => {
  const { ask } = appliance()
  const off = appliance(0)
  const refused = (args: Partial<WhoisArgs>, line: RegExp, of = ask) =>
    assert.rejects(of({ ...LPORT, ...args }), line)
  await refused({ port: 80 }, /^Refused: lports are 1025-65535, found 80$/)
  await refused(
    { rs: '10.9.0' },
    /^Refused: expected an RS as ADDRESS or ADDRESS:PORT, found "10.9.0"$/,
  )
  await refused({ rs: '10.9.0.1:70000' }, /^Refused: expected an RS/)
  await refused({ from: 5 }, /both `from` and `to`/)
  await refused({ from: 5, to: 4 }, /not the later one/)
  await refused({ from: Date.now() + 1e6, to: 9e12 }, /still to come/)
  await refused(
    ago(5),
    /^Refused: the history is off, .* set history.connections .* restart/,
    off.ask,
  )
  // Living ones are told without it, but not since when.
  off.open(1234, 81)
  const { conns, since_ms: sinceMs } = await off.ask(LPORT)
  assert.deepEqual([conns.map(({ opened_ms: openedMs }) => openedMs), sinceMs], [[null], null])
  // No LIP, and no client.
  const stranger = await ask({ address: '10.1.2.3', port: 80 })
  assert.deepEqual(
    [stranger.as, stranger.lips, stranger.conns],
    ['client', ['192.168.168.7', '192.168.168.8'], []],
  )
})

test('a health check of our own is no client', () => {
  const { stand, open } = appliance()
  open(20_000, 81)
  const key = { by: 'client', address: ipv4Int('202.108.10.2'), port: 20_000 } as const
  assert.deepEqual(probe(stand.engine, key, 256, 2, stand.now).checks, [false])
  // As if the only arm of the config was none.
  assert.deepEqual(probe(stand.engine, key, 256, 0, stand.now).checks, [true])
})
