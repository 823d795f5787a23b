/** The listings of ipvsadm beside `-ln`, byte by byte as the reference has them (semantics 9.1-9.4). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceInfo } from '../../../src/api/commands.ts'
import {
  formatLips,
  formatRates,
  formatServices,
  formatStats,
  formatThresholds,
  formatTimeouts,
  sortServices,
} from '../../../src/cli/ipvsadm/listings.ts'
import { SERVICES } from '../canned.ts'

const [SEED] = SERVICES as [ServiceInfo]
const [RS] = SEED.real_servers as [ServiceInfo['real_servers'][number]]
const BANNER = 'IP Virtual Server version 0.0.0 (size=0)'

test('--rate, the twin of --stats', () => {
  const rates = { conns: 2, in_packets: 12, out_packets: 8, in_bytes: 672, out_bytes: 444 }
  assert.deepEqual(formatRates([{ ...SEED, real_servers: [{ ...RS, rates }] }]).split('\n'), [
    BANNER,
    'Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS',
    '  -> RemoteAddress:Port',
    'TCP  202.108.10.1:6379                   2       12        8      672      444',
    '  -> 192.168.168.2:6379                  2       12        8      672      444',
    '',
  ])
})

test('--thresholds', () => {
  const limited = { ...RS, upper_threshold: 1000, lower_threshold: 800, active_conns: 12 }
  assert.deepEqual(formatThresholds([{ ...SEED, real_servers: [limited] }]).split('\n'), [
    BANNER,
    'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ',
    '  -> RemoteAddress:Port',
    'TCP  202.108.10.1:6379',
    '  -> 192.168.168.2:6379           1000       800        12         1         ',
    '',
  ])
})

test('flags of a service, in their order', () => {
  const flags = (service: Partial<ServiceInfo>) =>
    formatServices([{ ...SEED, ...service }])
      .split('\n')[3]
      ?.replace('TCP  202.108.10.1:6379 wrr', '')
  assert.equal(flags({}), '')
  assert.equal(flags({ persistence: 360, persistence_prefix: 32 }), ' persistent 360')
  assert.equal(flags({ persistence: 0, persistence_prefix: 24 }), '')
  const all = {
    persistence: 60,
    persistence_prefix: 20,
    conn_timeout: 300,
    when_down: 'reject',
  } as const
  assert.equal(flags({ one_packet: true, conn_timeout: 5 }), ' ops conn-timeout 5')
  assert.equal(
    flags({ quic: true, conn_timeout: 5, proxy_protocol: 'v2' }),
    ' conn-timeout 5 ppv2 quic',
  )
  assert.equal(flags(all), ' persistent 60 mask 255.255.240.0 conn-timeout 300 when-down reject')
})

test('large numbers, and the same in full', () => {
  const stats = {
    conns: 99_999_999,
    in_packets: 100_000_000,
    out_packets: 1_999_999_999,
    in_bytes: 123_456_789_012,
    out_bytes: 9_007_199_254_740_991,
  }
  const services = [{ ...SEED, real_servers: [{ ...RS, stats, rates: stats }] }]
  for (const format of [formatStats, formatRates]) {
    assert.deepEqual(format(services).split('\n').slice(3, 5), [
      'TCP  202.108.10.1:6379            99999999  100000K    1999M     123G    9007T',
      '  -> 192.168.168.2:6379           99999999  100000K    1999M     123G    9007T',
    ])
    assert.equal(
      format(services, true).split('\n')[4],
      '  -> 192.168.168.2:6379           99999999 100000000 1999999999 123456789012 9007199254740991',
    )
  }
})

test('the widest names stay in their columns', () => {
  const widest = {
    ...SEED,
    address: '202.108.100.100',
    port: 65_535,
    real_servers: [{ ...RS, address: '192.168.168.200', port: 65_535 }],
  }
  const ends = [formatStats, formatRates].flatMap(format =>
    format([widest])
      .split('\n')
      .slice(3, 5)
      .map(line => line.length),
  )
  assert.deepEqual(ends, [78, 78, 78, 78])
})

test('what keeps a real server from new connections', () => {
  const flagged = (rs: Partial<typeof RS>) =>
    formatServices([{ ...SEED, real_servers: [{ ...RS, ...rs }] }]).split('\n')[4]
  const row = '  -> 192.168.168.2:6379           FullNat 100    0          1         '
  assert.equal(flagged({}), row)
  assert.equal(flagged({ inhibited: true }), `${row} inhibited`)
  assert.equal(flagged({ upper_threshold: 1 }), `${row},overload`)
  assert.equal(flagged({ upper_threshold: 2 }), row)
  assert.equal(flagged({ upper_threshold: 1, inhibited: true }), `${row} inhibited,overload`)
})

test('-G, several LIPs and none', () => {
  const lip = (address: string, conflicts: number, conns: number) => ({
    address,
    arm: 'int0',
    conflicts,
    conns,
  })
  const services = [
    {
      ...SEED,
      local_addresses: [lip('192.168.168.7', 0, 1), lip('192.168.168.200', 1_234_567_890, 60_000)],
    },
    { ...SEED, address: '202.108.100.100', port: 65_535, local_addresses: [] },
  ]
  assert.deepEqual(formatLips(services).split('\n'), [
    'VIP:VPORT            TOTAL    SNAT_IP              CONFLICTS  CONNS     ',
    '202.108.10.1:6379    2        ',
    '                              192.168.168.7        0          1         ',
    '                              192.168.168.200      1234567890 60000     ',
    '202.108.100.100:65535 0        ',
    '',
  ])
})

test('--timeout', () => {
  assert.equal(
    formatTimeouts({ none: 2, established: 90, fin_wait: 7, udp_oneway: 60, udp_normal: 301 }),
    'Timeout (tcp tcpfin udp): 90 7 301\n',
  )
})

test('sorted by address and port as numbers', () => {
  const endpoints = ['9.0.0.1:80', '10.0.0.1:9', '10.0.0.1:80', '200.0.0.1:1', '255.1.1.1:1']
  const split = (text: string) => {
    const [address = '', port] = text.split(':')
    return { address, port: Number(port) }
  }
  const services = endpoints.toReversed().map(text => ({
    ...SEED,
    ...split(text),
    real_servers: endpoints.toReversed().map(rs => ({ ...RS, ...split(rs) })),
    local_addresses: ['10.0.0.10', '10.0.0.9'].map(address => ({
      address,
      arm: 'i',
      conflicts: 0,
      conns: 0,
    })),
  }))
  const sorted = sortServices(services)
  const names = (all: readonly { address: string; port: number }[]) =>
    all.map(({ address, port }) => `${address}:${port}`)
  assert.deepEqual(names(sorted), endpoints)
  for (const { real_servers: realServers, local_addresses: localAddresses } of sorted) {
    assert.deepEqual(names(realServers), endpoints)
    assert.deepEqual(
      localAddresses.map(({ address }) => address),
      ['10.0.0.9', '10.0.0.10'],
    )
  }
  assert.deepEqual(names(services), endpoints.toReversed(), 'what was given stays as it was')
})
