import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConnInfo, CountersInfo, NumbersInfo } from '../../../src/api/commands.ts'
import { BusyConns } from '../../../src/cli/top/busy.ts'
import { FIRST_VIEW, frame, wholeText } from '../../../src/cli/top/frame.ts'
import { type Key, press } from '../../../src/cli/top/keys.ts'
import { PANES } from '../../../src/cli/top/panes.ts'
import { countClients } from '../../../src/see/numbers/clients.ts'
import { quantiles } from '../../../src/see/numbers/quantiles.ts'
import { History, momentOf } from '../../../src/see/numbers/summary.ts'
import { duration, plain, short } from '../../../src/see/numbers/text.ts'
import { CONN, COUNTERS, NUMBERS } from '../canned.ts'

/** As health checks leave an RS. */
const OUT = { inhibited: true, reason: 'connect: ECONNREFUSED' }

/** NUMBERS two seconds later, after what a busy box counts in that time. */
const LATER: NumbersInfo = {
  ...NUMBERS,
  at_ms: NUMBERS.at_ms + 2000,
  services: NUMBERS.services.map(service => ({
    ...service,
    real_servers: service.real_servers.flatMap(rs => {
      const { conns, in_packets, out_packets, in_bytes, out_bytes } = rs.stats
      const stats = {
        conns: conns + 2500,
        in_packets: in_packets + 24_000,
        out_packets: out_packets + 20_000,
        in_bytes: in_bytes + 5_000_000,
        out_bytes: out_bytes + 250_000_000,
      }
      const busy = { ...rs, active_conns: 120, inactive_conns: 17_500, stats }
      return [busy, { ...rs, address: '192.168.168.12', weight: 0, ...OUT }]
    }),
  })),
  addresses: NUMBERS.addresses.map(address =>
    address.lports ? { ...address, lports: { used: 17_620, free: 885_532, misses: 3 } } : address,
  ),
  workers: [
    {
      worker: 1,
      counters: {
        ...COUNTERS,
        arms: COUNTERS.arms.map(arm => ({ ...arm, rx_packets: arm.rx_packets + 24_000 })),
        drops: { eth_type: 2, ip_ttl: 0, no_buffer: 23 },
        events: { conns_opened: 2500, toa_added: 3 },
        conns: { used: 17_620, capacity: 20_000 },
        states: { none: 0, established: 120, time_wait: 17_500 },
        handshakes: {
          rs: { buckets: [1001, 1500, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], sum_ms: 3000 },
          client: { buckets: [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10], sum_ms: 70_002 },
        },
      },
    },
  ],
}

const CLIENTS = [
  { client: '202.108.10.2', conns: 12_000, established: 100 },
  { client: '198.51.100.20', conns: 5620, established: 20 },
]

const BUSY = [
  {
    client: '202.108.10.2:33896',
    vip: '202.108.10.1:6379',
    rs: '192.168.168.2:6379',
    state: 'ESTABLISHED' as const,
    inBytes: 125,
    outBytes: 125_000_000,
  },
  {
    client: '223.255.255.254:65535',
    vip: '223.255.255.253:65535',
    rs: '223.255.255.252:65535',
    state: 'ESTABLISHED' as const,
    inBytes: 0,
    outBytes: 0,
  },
]

test('the whole text of a busy moment', () => {
  const moment = momentOf(LATER, NUMBERS, NUMBERS)
  assert.equal(
    wholeText({ moment, clients: CLIENTS, busy: BUSY }),
    `tapvs 0.1.0  pid 4242  up 2 min  1 worker                   6 problems
conns 17620 (88 %)  established 120  new 1.25k/s  frames 75 % free

SERVICE, RS                WEIGHT   ACT INACT CONN/S PKT/S> <PKT/S BIT/S> <BIT/S
TCP 202.108.10.1:6379 wrr     100   120 17.5k  1.25k  12.0k  10.0k  20.0M  1.00G
  -> 192.168.168.2:6379       100   120 17.5k  1.25k  12.0k  10.0k  20.0M  1.00G
  -> 192.168.168.12:6379        0     0     1      0      0      0      0      0

LIP                      ARM     USED       ROOM    USE    MISSES     /S   LASTS
192.168.168.7           int0    17620      95274   16 %         3    1.5    11 s

DROPPED               FRAMES      /S  BECAUSE
no_buffer                 23      10  no free buffer
eth_type                   2       0  neither IPv4 nor ARP

ARM                 RX BIT/S  RX PKT/S  TX BIT/S  TX PKT/S   DROPS/S
ext0                       0     12.0k         0         0         0
int0 DOWN                  0     12.0k         0         0         0

CLIENT                CONNS  ESTABLISHED    SHARE
202.108.10.2          12000          100     68 %
198.51.100.20          5620           20     32 %

CLIENT                                  VIP                    RS BIT/S>  <BIT/S
202.108.10.2:33896        202.108.10.1:6379    192.168.168.2:6379  1.00k   1.00G
(1 more carried nothing; 2 of 17620 looked at)

HEALTH
arm int0 is down: admin down link down
TCP 202.108.10.1:6379: RS 192.168.168.12:6379 is out: connect: ECONNREFUSED
connection table: 17620 of 20000 places are in use
LIP 192.168.168.7 is out of lports: add LIPs to its services
10 drops/s: no_buffer
neighbours not resolved: 1; see dpip neigh show

connections  established 120  time_wait 17500
table        17620 of 20000 (88 %)
frames       384 of 512 slots free
handshake    RS      p50 1.2 ms  p95 1.9 ms  p99 2.0 ms  of 2.50k
             client  p50 over 5000 ms  p95 over 5000 ms  p99 over 5000 ms  of 10
`,
  )
})

test('a service whose SYNs are answered by cookies says so, and by how many workers', () => {
  const services = NUMBERS.services.map(service => ({ ...service, syn_proxy_workers: 2 }))
  const moment = momentOf({ ...LATER, services }, NUMBERS, NUMBERS)
  const text = wholeText({ moment, clients: [], busy: [] })
  assert.match(text, / wrr .*\n {2}SYNs are answered by cookies, by 2 workers\n {2}-> /)
})

test('every line of every pane fits into 80 columns, and a frame into its rows', () => {
  const moment = momentOf(LATER, NUMBERS, NUMBERS)
  const many = { ...moment, services: Array.from({ length: 40 }, () => moment.services).flat() }
  for (const pane of PANES) {
    for (const help of [false, true]) {
      const lines = frame(
        { moment: many, clients: CLIENTS, busy: BUSY },
        { ...FIRST_VIEW, pane, help },
        23,
      )
      assert.equal(lines.length, 23, pane)
      for (const spans of lines) assert.ok(plain(spans).length <= 80, plain(spans))
    }
  }
  const view = { ...FIRST_VIEW, top: 1000, paused: true }
  const foot = plain(frame({ moment: many, clients: null, busy: null }, view, 23).at(-1) ?? [])
  assert.match(foot, /by address {3}103-120 of 120 {3}PAUSED$/)
})

test('what is wrong is told in one line each', () => {
  assert.deepEqual(momentOf(LATER, NUMBERS, NUMBERS).problems, [
    'arm int0 is down: admin down link down',
    'TCP 202.108.10.1:6379: RS 192.168.168.12:6379 is out: connect: ECONNREFUSED',
    'connection table: 17620 of 20000 places are in use',
    'LIP 192.168.168.7 is out of lports: add LIPs to its services',
    '10 drops/s: no_buffer',
    'neighbours not resolved: 1; see dpip neigh show',
  ])
})

test('one drop in two seconds is told all the time, a drain on purpose and what is long ago never', () => {
  const history = new History()
  const quiet = {
    ...NUMBERS,
    services: NUMBERS.services.map(service => ({
      ...service,
      real_servers: service.real_servers.flatMap(rs => [
        rs,
        { ...rs, address: '192.168.168.12', weight: 0 },
      ]),
    })),
  }
  const problemsAt = (second: number, dropped: number) => {
    const drops = { no_conn: 1000 + dropped }
    const counters = { ...COUNTERS, arms: [], neighbours: {}, drops }
    const sample = { ...quiet, at_ms: second * 1000, workers: [{ worker: 1, counters }] }
    return history.add(sample).problems
  }
  assert.deepEqual(problemsAt(0, 0), [])
  for (let second = 2; second < 40; second++) {
    const problems = problemsAt(second, second >> 1)
    assert.deepEqual(problems, ['under 1 drop/s: no_conn'], `${second} s`)
  }
  const after = [40, 45, 51, 52].map(second => problemsAt(second, 19).length)
  assert.deepEqual(after, [1, 1, 0, 0])
})

test('rates need two samples of the same daemon', () => {
  const history = new History()
  const rateOf = (numbers: NumbersInfo) => history.add(numbers).services[0]?.rates.conns
  assert.equal(rateOf(NUMBERS), 0)
  assert.equal(rateOf(LATER), 1250)
  const started = { ...NUMBERS.process, started_ms: LATER.at_ms }
  const again = { ...NUMBERS, process: started, at_ms: LATER.at_ms + 1000 }
  assert.equal(rateOf(again), 0)
  assert.equal(rateOf({ ...LATER, process: started, at_ms: LATER.at_ms + 2000 }), 2500)
})

test('arms of several workers, each with its share', () => {
  const two = (numbers: NumbersInfo, counters: CountersInfo): NumbersInfo => ({
    ...numbers,
    workers: [
      { worker: 1, counters: COUNTERS },
      { worker: 2, counters },
    ],
  })
  const [{ counters }] = LATER.workers as [(typeof LATER.workers)[0]]
  const before = two(NUMBERS, COUNTERS)
  const { arms } = momentOf(two(LATER, counters), before, before)
  assert.deepEqual(
    arms.map(({ arm, worker, rxPackets }) => [arm, worker, rxPackets]),
    [
      ['ext0', null, 12_000],
      ['ext0', 1, 0],
      ['ext0', 2, 12_000],
      ['int0', null, 12_000],
      ['int0', 1, 0],
      ['int0', 2, 12_000],
    ],
  )
})

test('quantiles lie on a line inside of their bucket', () => {
  assert.equal(quantiles({ buckets: Array(13).fill(0), sum_ms: 0 }), null)
  const buckets = [50, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  assert.deepEqual(quantiles({ buckets, sum_ms: 0 }), { count: 100, p50: 1, p95: 9.5, p99: 9.9 })
  const long = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4]
  assert.deepEqual(quantiles({ buckets: long, sum_ms: 0 }), {
    count: 4,
    p50: 5000,
    p95: 5000,
    p99: 5000,
  })
})

test('clients are counted by address', () => {
  const conns = [
    CONN,
    { ...CONN, client: '202.108.10.2:1', state: 'ESTABLISHED' as const },
    { ...CONN, client: '9.9.9.9:1' },
  ]
  assert.deepEqual(countClients(conns), [
    { client: '202.108.10.2', conns: 2, established: 1 },
    { client: '9.9.9.9', conns: 1, established: 0 },
  ])
})

test('connections are as busy as their sequence numbers went far since the last look', () => {
  const watch = new BusyConns()
  const at = (client: number, rs: number): ConnInfo => ({ ...CONN, seqs: [client, rs] })
  const other = { ...CONN, client: '9.9.9.9:1', seqs: null }
  assert.deepEqual(watch.add([at(100, 4_294_967_290), other], 1000), [])
  const [row, ...rest] = watch.add([at(300, 94), { ...other, seqs: [1, 1] }], 3000)
  assert.deepEqual(rest, [], 'it had not spoken at the last look')
  assert.deepEqual([row?.client, row?.inBytes, row?.outBytes], [CONN.client, 100, 50])
  assert.equal(watch.add([at(100, 94)], 4000)[0]?.inBytes, 0, 'it began anew')
  assert.deepEqual(watch.add([{ ...at(500, 94), lip: '1.1.1.1:1' }], 5000), [], 'another one')
})

test('numbers in five columns', () => {
  const numbers = [0, 0.4, 7, 9.96, 99.4, 999.4, 999.6, 1250, 12_345, 999_499, 999_600, 3e9, 7e20]
  assert.deepEqual(numbers.map(short), [
    '0',
    '0.4',
    '7',
    '10',
    '99',
    '999',
    '1.00k',
    '1.25k',
    '12.3k',
    '999k',
    '1.00M',
    '3.00G',
    '700000P',
  ])
  assert.deepEqual([99, 600, 7200, 400_000].map(duration), ['99 s', '10 min', '2.0 h', '5 d'])
})

test('keys', () => {
  const none: Key = {
    tab: false,
    shift: false,
    leftArrow: false,
    rightArrow: false,
    upArrow: false,
    downArrow: false,
    pageUp: false,
    pageDown: false,
  }
  assert.equal(press(FIRST_VIEW, 'q', none), null)
  assert.equal(press(FIRST_VIEW, '', { ...none, leftArrow: true })?.pane, 'health')
  assert.equal(press(FIRST_VIEW, '', { ...none, tab: true, shift: true })?.pane, 'health')
  assert.equal(press(FIRST_VIEW, '', { ...none, pageDown: true })?.top, 15)
  assert.equal(press(FIRST_VIEW, '', { ...none, upArrow: true })?.top, 0)
  assert.equal(press(FIRST_VIEW, '9', none)?.pane, 'services')
  assert.equal(press({ ...FIRST_VIEW, pane: 'arms' }, 's', none)?.sorts.arms, 0)
  let view = FIRST_VIEW
  for (let i = 0; i < 4; i++) view = press(view, 's', none) ?? view
  assert.equal(view.sorts.services, 0, 'round')
})
