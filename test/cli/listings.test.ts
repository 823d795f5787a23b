import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL_STATES } from '../../src/api/names.ts'
import {
  formatAddresses,
  formatLinkStats,
  formatLinks,
  formatNeighbours,
} from '../../src/cli/dpip/listings.ts'
import {
  formatConn,
  formatLips,
  formatServices,
  formatStats,
  largeNumber,
  sortServices,
} from '../../src/cli/ipvsadm/listings.ts'
import { formatCounters } from '../../src/cli/texts/counters.ts'
import { Drop, Event } from '../../src/engine/counters.ts'
import { DROP_WORDS } from '../../src/see/drops/drops.ts'
import { EVENT_WORDS } from '../../src/see/words/event-words.ts'
import { ADDRESSES, ARMS, CONN, COUNTERS, NEIGHBOURS, SERVICES } from './canned.ts'

test('ipvsadm -ln, the seed after the close', () => {
  assert.equal(
    formatServices(SERVICES),
    [
      'IP Virtual Server version 0.0.0 (size=0)',
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
      'TCP  202.108.10.1:6379 wrr',
      '  -> 192.168.168.2:6379           FullNat 100    0          1         ',
      '',
    ].join('\n'),
  )
})

test('ipvsadm -ln with a timeout of its own and the widest addresses', () => {
  const [service] = SERVICES
  const rs = service?.real_servers[0]
  assert.ok(service && rs)
  const text = formatServices([
    {
      ...service,
      address: '202.108.100.100',
      port: 65_535,
      conn_timeout: 300,
      real_servers: [{ ...rs, address: '192.168.168.200', port: 65_535, weight: 65_535 }],
    },
    { ...service, real_servers: [] },
  ])
  assert.deepEqual(text.split('\n').slice(3), [
    'TCP  202.108.100.100:65535 wrr conn-timeout 300',
    '  -> 192.168.168.200:65535        FullNat 65535  0          1         ',
    'TCP  202.108.10.1:6379 wrr',
    '',
  ])
})

test('IPv6 in brackets, of which nothing is cut off; what has no room moves the rest', () => {
  const [service] = SERVICES
  const rs = service?.real_servers[0]
  assert.ok(service && rs)
  const wide = '2001:db8:1111:2222:3333:4444:5555:6666'
  const services = [
    {
      ...service,
      address: '2001:db8::1',
      persistence: 60,
      persistence_prefix: 64,
      real_servers: [
        { ...rs, address: 'fd00::2' },
        { ...rs, address: wide },
      ],
    },
  ]
  assert.deepEqual(formatServices(services).split('\n').slice(3), [
    'TCP  [2001:db8::1]:6379 wrr persistent 60 mask 64',
    '  -> [fd00::2]:6379               FullNat 100    0          1         ',
    `  -> [${wide}]:6379 FullNat 100    0          1         `,
    '',
  ])
  const rows = formatStats([{ ...service, address: wide, real_servers: [rs] }]).split('\n')
  assert.ok(rows[3]?.startsWith(`TCP  [${wide}]:6379  `), rows[3])
  const lips = [{ address: 'fd00::7', arm: 'int0', conflicts: 0, conns: 1 }]
  assert.deepEqual(
    formatLips([{ ...service, address: '2001:db8::1', local_addresses: lips }])
      .split('\n')
      .slice(1),
    [
      '[2001:db8::1]:6379   1        ',
      '                              fd00::7              0          1         ',
      '',
    ],
  )
  const conn = { ...CONN, client: '[2001:db8::2]:33896', vip: '[2001:db8::1]:6379' }
  assert.match(formatConn(conn), / \[2001:db8::2\]:33896 \[2001:db8::1\]:6379 /)
  const shuffled = ['2001:db8::a', '10.0.0.10', '2001:db8::9', '10.0.0.9'].map(address => ({
    ...service,
    address,
  }))
  assert.deepEqual(
    sortServices(shuffled).map(({ address }) => address),
    ['10.0.0.9', '10.0.0.10', '2001:db8::9', '2001:db8::a'],
  )
})

test('ipvsadm --stats, the seed after the close', () => {
  assert.equal(
    formatStats(SERVICES),
    [
      'IP Virtual Server version 0.0.0 (size=0)',
      'Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes',
      '  -> RemoteAddress:Port',
      'TCP  202.108.10.1:6379                   1        6        4      336      222',
      '  -> 192.168.168.2:6379                  1        6        4      336      222',
      '',
    ].join('\n'),
  )
})

test('a service is the sum of its real servers', () => {
  const [service] = SERVICES
  assert.ok(service)
  const rs = service.real_servers[0]
  assert.ok(rs)
  const text = formatStats([{ ...service, real_servers: [rs, { ...rs, port: 6380 }] }])
  assert.equal(
    text.split('\n')[3],
    'TCP  202.108.10.1:6379                   2       12        8      672      444',
  )
})

test('large numbers stay in nine columns', () => {
  assert.deepEqual(
    [0, 99_999_999, 1e8, 999_999_999, 1e9, 99_999_999_999, 1e11, 99_999_999_999_999, 1e14].map(
      largeNumber,
    ),
    [
      '        0',
      ' 99999999',
      '  100000K',
      '  999999K',
      '    1000M',
      '   99999M',
      '     100G',
      '   99999G',
      '     100T',
    ],
  )
})

test('ipvsadm -lnc, the seed in TIME_WAIT', () => {
  assert.equal(
    formatConn(CONN),
    '[5]tcp 7s     TIME_WAIT   202.108.10.2:33896 202.108.10.1:6379  192.168.168.7:1028 192.168.168.2:6379\n',
  )
})

test('ipvsadm spells the states its own way', () => {
  const names = ALL_STATES.map(
    state =>
      formatConn({ ...CONN, state })
        .slice(14)
        .split(' ')[0],
  )
  assert.deepEqual(names, [
    'TCP_NONE',
    'TCP_EST',
    'SYN_SENT',
    'SYN_RECV',
    'FIN_WAIT',
    'TIME_WAIT',
    'TCP_CLOSE',
    'CLOSE_WAIT',
    'LAST_ACK',
    'LISTEN',
    'SYNACK',
    'UDP_NONE',
    'UDP_ONEWAY',
    'UDP_NORM',
    'ICMP_NONE',
    'ICMP_ONEWAY',
    'ICMP_NORM',
  ])
  assert.match(formatConn({ ...CONN, state: 'OTHER' as never }), / TCP_UNKOWN {2}/)
})

test('dpip addr show, the seed', () => {
  assert.equal(
    formatAddresses(ADDRESSES),
    [
      'inet 202.108.10.1/32 scope global ext0',
      '     valid_lft forever preferred_lft forever',
      'inet 192.168.168.3/32 scope global int0',
      '     valid_lft forever preferred_lft forever',
      'inet 192.168.168.7/32 scope global int0',
      '     valid_lft forever preferred_lft forever sa_used 1 sa_free 903151 sa_miss 0',
      '',
    ].join('\n'),
  )
})

test('dpip neigh show', () => {
  assert.equal(
    formatNeighbours(NEIGHBOURS),
    [
      'ip: 192.168.168.2                                    mac: 02:00:00:00:00:02   state: REACHABLE     dev: int0  core: 5',
      'ip: 192.168.168.9                                    mac:incomplate           state: SEND          dev: int0  core: 5  flaps',
      '',
    ].join('\n'),
  )
})

test('dpip link show', () => {
  assert.equal(
    formatLinks(ARMS),
    [
      '1: ext0: socket 0 mtu 1500 rx-queue 1 tx-queue 1',
      '    UP admin up link up',
      '    addr 02:74:76:A7:AE:09',
      '2: int0: socket 0 mtu 9000 rx-queue 1 tx-queue 1',
      '    DOWN admin down link down',
      '    addr 02:74:76:AE:8D:EB',
      '',
    ].join('\n'),
  )
})

test('dpip link show -s', () => {
  const lines = formatLinkStats(COUNTERS).split('\n')
  assert.deepEqual(lines.slice(3, 9), [
    '    ipackets            opackets            ibytes              obytes              ',
    '    6                   4                   420                 278                 ',
    '    ierrors             oerrors             imissed             rx_nombuf           ',
    '    2                   0                   0                   3                   ',
    '    mbuf-avail          mbuf-inuse          ',
    '    384                 128                 ',
  ])
  assert.equal(lines.length, 19)
})

test('counters name what happened, without zeros', () => {
  assert.equal(
    formatCounters(COUNTERS, { all: false }),
    [
      'arm   rx packets  rx bytes  rx drops  tx packets  tx bytes  tx drops',
      'ext0           6       420         2           4       278         0',
      'int0           4       250         0           6       448         1  DOWN admin down link down',
      '',
      'connections 1 of 262144, buffers free 384 of 512',
      '',
      'drops',
      '  eth_type   2  neither IPv4 nor ARP',
      '  no_buffer  3  no free buffer',
      '',
      'events',
      '  toa_added  3  segments that carry the client address to the real server',
      '',
    ].join('\n'),
  )
  const all = formatCounters(COUNTERS, { all: true })
  assert.match(all, /^ {2}ip_ttl {5}0 {2}TTL is used up$/m)
})

test('every drop reason and every event is explained, and nothing else', () => {
  const names = (table: object) => Object.keys(table).map(name => name.toLowerCase())
  assert.deepEqual(Object.keys(DROP_WORDS), names(Drop))
  assert.deepEqual(Object.keys(EVENT_WORDS), names(Event))
})
