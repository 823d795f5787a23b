/** Filters of IPv6, and of NAT64. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FilterError, parseFilter } from '../../../src/see/moments/filter.ts'
import type { Moment } from '../../../src/see/moments/moment.ts'
import { concat, ethernet, icmpv6, ipv6, tcp, tcpFrame } from '../../kit/frame.ts'

const MACS = { srcMac: '52:54:00:00:00:02', dstMac: '52:54:00:00:00:01' }
const common = { atUs: 1, worker: 1, gsoSize: 0, partial: false, length: 60 }
const conn6 = {
  protocol: 'TCP',
  client: '[2001:db8::2]:33896',
  vip: '[2001:db8::1]:6379',
  lip: '192.168.168.7:1028',
  rs: '192.168.168.2:6379',
}
const ends6 = { src: '2001:db8::2', dst: '2001:db8::1', sport: 33_896, dport: 6379 }
const REFUSED = {
  kind: 'in',
  ...common,
  pair: 18,
  conn: null,
  arm: 'ext0',
  direction: null,
  states: null,
  verdict: { drop: 'tcp_no_service' },
} as const
const EVENT = { kind: 'event', atUs: 2, worker: 1, pair: 0, conn: null } as const
const solicit = { src: '::', dst: 'ff02::1:ff00:1' }
const about6 = ipv6({ ...ends6, next: 6 }, tcp({ ...ends6, flags: '.', seq: 1 }))
const frame6 = (src: string, dst: string, message: [number, number, Uint8Array]) =>
  ethernet(
    MACS.dstMac,
    MACS.srcMac,
    0x86dd,
    ipv6({ src, dst, next: 58 }, icmpv6({ src, dst }, ...message)),
  )
const IPV6: Record<string, Moment> = {
  came: {
    kind: 'in',
    ...common,
    pair: 17,
    conn: conn6,
    arm: 'ext0',
    direction: 'in',
    verdict: { sent: 'int0' },
    states: { before: 'SYN_RECV', after: 'ESTABLISHED' },
    said: [],
    bytes: tcpFrame({ ...MACS, ...ends6, flags: '.', seq: 1 }),
  },
  left: {
    kind: 'out',
    ...common,
    pair: 17,
    conn: conn6,
    arm: 'int0',
    bytes: tcpFrame({
      ...MACS,
      src: '192.168.168.7',
      dst: '192.168.168.2',
      sport: 1028,
      dport: 6379,
      flags: '.',
      seq: 1,
    }),
    direction: 'in',
    changes: [],
    drop: null,
    own: null,
  },
  ended: { ...EVENT, conn: conn6, said: [] },
  solicit: {
    ...REFUSED,
    said: [],
    bytes: frame6(solicit.src, solicit.dst, [135, 0, new Uint8Array(20)]),
  },
  error: {
    ...REFUSED,
    said: [],
    bytes: frame6('2001:db8:1::9', ends6.src, [1, 4, concat(new Uint8Array(4), about6)]),
  },
  neighbour: {
    ...EVENT,
    said: [{ event: 'neigh_failed', text: '', fields: { address: 'fe80::2' } }],
  },
}

function taken(words: string): string[] {
  const wanted = parseFilter(words)
  return Object.keys(IPV6).filter(name => wanted(IPV6[name] as Moment))
}

test('IPv6, and NAT64, whose frames on the other side are of IPv4', () => {
  const rows: [string, string[]][] = [
    ['ip6', ['came', 'ended', 'solicit', 'error']],
    ['ip', ['left']],
    ['tcp', ['came', 'left', 'ended']],
    ['icmp6', ['solicit', 'error']],
    ['proto icmp6', ['solicit', 'error']],
    ['icmp', []],
    ['host 2001:DB8:0::2', ['came', 'left', 'ended', 'error']],
    ['host fe80::2', ['neighbour']],
    ['net fe80::/10', ['neighbour']],
    ['net 2001:db8::/64', ['came', 'left', 'ended', 'error']],
    ['net 2001:db8::/32 and not tcp', ['error']],
    ['net 192.168.0.0/16', ['came', 'left', 'ended']],
    ['net ff02::1', []],
    ['client 2001:db8::2', ['came', 'left', 'ended']],
    ['client [2001:db8::2]', ['came', 'left', 'ended']],
    ['client [2001:db8::2]:33896', ['came', 'left', 'ended']],
    ['vip [2001:db8::1]:80', []],
    ['conn [2001:db8::1]:6379', ['came', 'left', 'ended', 'error']],
    ['port 6379', ['came', 'left', 'ended', 'error']],
  ]
  for (const [words, names] of rows) assert.deepEqual(taken(words), names, words)
})

test('what is no address, end or network of either family', () => {
  for (const [words, message] of [
    ['host 2001:db8::x', "'2001:db8::x' is no IPv6 address"],
    ['host fe80::1%eth0', "'fe80::1%eth0' is no IPv6 address"],
    ['host [2001:db8::1]', "'[2001:db8::1]' is no IPv6 address"],
    ['net 2001:db8::/129', "'2001:db8::/129' is no network"],
    ['net 192.0.2.0/33', "'192.0.2.0/33' is no network"],
    ['host 192.0.2.0/24', "'192.0.2.0/24' is no IPv4 address"],
    ['conn 2001:db8::1:x', "'2001:db8::1:x' is no ADDRESS:PORT"],
    ['conn [2001:db8::1]:x', "'x' is no port"],
    ['client 192.0.2.1:80:90', "'192.0.2.1:80:90' is no ADDRESS:PORT"],
  ])
    assert.throws(() => parseFilter(words), new FilterError(`filter: ${message}`), words)
})
