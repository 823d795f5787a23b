import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FilterError, parseFilter } from '../../../src/see/moments/filter.ts'
import type { FrameIn, FrameOut, Happening, Moment } from '../../../src/see/moments/moment.ts'
import { icmpError, udp } from '../../kit/datagram.ts'
import { arpFrame, ethernet, ipv4, tcpFrame } from '../../kit/frame.ts'

const MACS = { srcMac: '52:54:00:00:00:02', dstMac: '52:54:00:00:00:01' }
const conn = {
  protocol: 'TCP',
  client: '202.108.10.2:33896',
  vip: '202.108.10.1:6379',
  lip: '192.168.168.7:1028',
  rs: '192.168.168.2:6379',
}
const common = { atUs: 1, worker: 1, gsoSize: 0, partial: false, length: 60 }

function segment(src: string, dst: string): Uint8Array {
  const [s, sport] = src.split(':')
  const [d, dport] = dst.split(':')
  const ports = { sport: Number(sport), dport: Number(dport) }
  return tcpFrame({ ...MACS, src: s, dst: d, ...ports, flags: '.', seq: 1 })
}

const came: FrameIn = {
  kind: 'in',
  ...common,
  pair: 17,
  conn,
  arm: 'ext0',
  bytes: segment(conn.client, conn.vip),
  direction: 'in',
  verdict: { sent: 'int0' },
  states: { before: 'SYN_RECV', after: 'ESTABLISHED' },
  said: [],
}
const left: FrameOut = {
  kind: 'out',
  ...common,
  pair: 17,
  conn,
  arm: 'int0',
  bytes: segment(conn.lip, conn.rs),
  direction: 'in',
  changes: [],
  drop: null,
  own: null,
}
const ended: Happening = {
  kind: 'event',
  atUs: 2,
  worker: 1,
  pair: 0,
  conn,
  said: [{ event: 'conn_del', text: '', fields: { ...conn, state: 'TIME_WAIT' } }],
}
const refused: FrameIn = {
  ...came,
  pair: 18,
  conn: null,
  bytes: segment('10.0.0.1:80', '202.108.10.1:99'),
  direction: null,
  states: null,
  verdict: { drop: 'tcp_no_service' },
}
const lost: FrameOut = { ...left, pair: 19, drop: 'tx_queue_full' }
const arp: FrameIn = {
  ...refused,
  pair: 20,
  arm: 'int0',
  bytes: arpFrame(
    1,
    { mac: MACS.srcMac, ip: '192.168.168.2' },
    { mac: MACS.dstMac, ip: '192.168.168.3' },
    MACS.dstMac,
  ),
  verdict: { done: true },
}
const neighbour: Happening = {
  ...ended,
  conn: null,
  said: [{ event: 'neigh_failed', text: '', fields: { address: '192.168.168.9', arm: 'int0' } }],
}
const ALL: Record<string, Moment> = { came, left, ended, lost, refused, arp, neighbour }

const ends = { src: '10.0.0.1', dst: '202.108.10.1', sport: 4000, dport: 53 }
const ofUdp = { protocol: 'UDP', client: '10.0.0.1:4000', vip: '202.108.10.1:53' }
const dns = { ...ofUdp, lip: '192.168.168.7:1028', rs: '192.168.168.2:53' }
const ethernetOf = (packet: Uint8Array) => ethernet(MACS.dstMac, MACS.srcMac, 0x0800, packet)
const piece = ipv4({ ...ends, protocol: 17, fragment: 185 }, new Uint8Array(8))
const answer = { src: ends.dst, dst: ends.src, sport: ends.dport, dport: ends.sport }
const error = icmpError({ about: answer, type: 3, protocol: 17 })
const udpConn = { ...came, conn: dns, states: { before: 'UDP_ONEWAY', after: 'UDP_NORM' } }
const DATAGRAMS: Record<string, Moment> = {
  asked: { ...udpConn, bytes: ethernetOf(udp(ends)) },
  piece: { ...udpConn, conn: null, states: null, bytes: ethernetOf(piece) },
  error: { ...udpConn, states: null, bytes: ethernetOf(error) },
  foreign: { ...refused, bytes: ethernetOf(error) },
  over: { ...ended, conn: dns },
  segment: came,
}

function taken(words: string, all = ALL): string[] {
  const wanted = parseFilter(words)
  return Object.keys(all).filter(name => wanted(all[name] as Moment))
}

test('each word takes what it says', () => {
  const connection = ['came', 'left', 'ended', 'lost']
  const rows: [string, string[]][] = [
    ['', Object.keys(ALL)],
    ['host 192.168.168.2', [...connection, 'arp']],
    ['host 10.0.0.1', ['refused']],
    ['host 192.168.168.9', ['neighbour']],
    ['port 6379', connection],
    ['port 99', ['refused']],
    ['client 202.108.10.2', connection],
    ['client 202.108.10.2:33896', connection],
    ['client 202.108.10.2:3389', []],
    ['client 202.108.10.1', []],
    ['client 10.0.0.1', ['refused']],
    ['vip 202.108.10.1', [...connection, 'refused']],
    ['vip 202.108.10.1:99', ['refused']],
    ['lip 192.168.168.7:1028', connection],
    ['rs 192.168.168.2:6379', connection],
    ['conn 192.168.168.7:1028', connection],
    ['conn 10.0.0.1:80', ['refused']],
    ['tcp', [...connection, 'refused']],
    ['arp', ['arp']],
    ['icmp', []],
    ['state established', ['came', 'left']],
    ['state SYN_RECV', ['came', 'left']],
    ['state NONE', []],
    ['drop', ['lost', 'refused']],
    ['drop tcp_no_service', ['refused']],
    ['drop port 99', ['refused']],
    ['drop or arp', ['lost', 'refused', 'arp']],
    ['arm int0', ['left', 'lost', 'arp']],
    ['pair 17', ['came', 'left']],
    ['arm int0 state ESTABLISHED', ['left']],
    ['not tcp', ['arp', 'neighbour']],
    ['! tcp && !arp', ['neighbour']],
    ['drop and not (port 99 or arp)', ['lost']],
  ]
  for (const [words, names] of rows) assert.deepEqual(taken(words), names, words)
})

test('datagrams, their pieces, and errors about them', () => {
  const ofConn = ['asked', 'error', 'over']
  const rows: [string, string[]][] = [
    ['udp', ['asked', 'piece', 'error', 'over']],
    ['proto udp', ['asked', 'piece', 'error', 'over']],
    ['proto TCP', ['segment']],
    ['icmp', ['error', 'foreign']],
    ['udp not icmp', ['asked', 'piece', 'over']],
    ['frag', ['piece']],
    ['state udp_norm', ['asked']],
    ['udp conn 10.0.0.1:4000', ofConn],
    // What an error without a connection quotes.
    ['conn 10.0.0.1:4000', ['asked', 'error', 'foreign', 'over']],
    ['port 53', ['asked', 'error', 'foreign', 'over']],
    ['host 202.108.10.1 icmp', ['error', 'foreign']],
  ]
  for (const [words, names] of rows) assert.deepEqual(taken(words, DATAGRAMS), names, words)
})

test('a state before the first is NONE', () => {
  const wanted = parseFilter('state NONE')
  assert.ok(wanted({ ...came, states: { before: null, after: 'SYN_RECV' } }))
})

test('mistakes name the word and the one that was meant', () => {
  const rows: [string, string][] = [
    ['hots 1.2.3.4', "filter: 'hots' is no word of a filter; did you mean host?"],
    ['state ESTABLISED', "filter: 'ESTABLISED' is no state; did you mean ESTABLISHED?"],
    ['drop tcp_no_con', "filter: 'tcp_no_con' is no drop reason; did you mean tcp_no_conn?"],
    ['host', 'filter: host needs an address'],
    ['host and', 'filter: host needs an address'],
    ['host 1.2.3', "filter: '1.2.3' is no IPv4 address"],
    ['port 65536', "filter: '65536' is no port"],
    ['port http', "filter: 'http' is no port"],
    ['vip 1.2.3.4:x', "filter: 'x' is no port"],
    ['rs 1.2.3.4:1:2', "filter: '1.2.3.4:1:2' is no ADDRESS:PORT"],
    ['pair -1', "filter: '-1' is no number"],
    ['tcp and', 'filter: ends where a word should follow'],
    ['not', 'filter: ends where a word should follow'],
    ['(tcp', "filter: a '(' without its ')'"],
    ['tcp )', "filter: ')' has nothing before it"],
    ['or tcp', "filter: 'or' stands where a word like host should"],
  ]
  for (const [words, message] of rows)
    assert.throws(
      () => parseFilter(words),
      (error: Error) => {
        assert.ok(error instanceof FilterError)
        assert.equal(error.message, message)
        return true
      },
      words,
    )
  assert.throws(() => parseFilter('xyzzy'), /known are host net port client vip/)
})

interface Tree {
  text: string
  take: (name: string) => boolean
}
const leaf = fc
  .constantFrom('tcp', 'arp', 'drop', 'pair 17', 'arm ext0', 'port 99', 'state ESTABLISHED')
  .map((text): Tree => ({ text, take: name => taken(text).includes(name) }))
const tree = fc.letrec<{ tree: Tree }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('tree').map((t): Tree => ({ text: `not (${t.text})`, take: name => !t.take(name) })),
    fc.tuple(tie('tree'), tie('tree'), fc.constantFrom('and', '')).map(([a, b, and]): Tree => {
      return { text: `(${a.text}) ${and} (${b.text})`, take: n => a.take(n) && b.take(n) }
    }),
    fc.tuple(tie('tree'), tie('tree')).map(([a, b]): Tree => {
      return { text: `(${a.text} or (${b.text}))`, take: n => a.take(n) || b.take(n) }
    }),
  ),
})).tree

test('any nesting means what logic says; and binds closer than or', () => {
  fc.assert(
    fc.property(tree, ({ text, take }) => {
      assert.deepEqual(taken(text), Object.keys(ALL).filter(take))
    }),
    { numRuns: 200 },
  )
  assert.deepEqual(taken('arp or tcp and port 99'), taken('arp or (tcp port 99)'))
})

test('any text is a filter or one line of complaint', () => {
  const word = fc.constantFrom(
    'host',
    'tcp',
    '(',
    ')',
    'not',
    'or',
    'drop',
    '1.2.3.4',
    ':',
    '&',
    '',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string())), words => {
      try {
        taken(words.join(' '))
      } catch (error) {
        assert.ok(error instanceof FilterError, String(error))
      }
    }),
    { numRuns: 500 },
  )
})

test('a filter is bounded, in words, in depth, and in what it remembers', () => {
  const wrong = (text: string) => {
    try {
      parseFilter(text)
      return 'nothing'
    } catch (error) {
      assert.ok(error instanceof FilterError, String(error))
      return error.message
    }
  }
  assert.equal(wrong('not '.repeat(16_000)), 'filter: has more than 512 words')
  assert.equal(wrong('('.repeat(500)), 'filter: brackets and nots go deeper than 64')
  assert.equal(wrong(`${'('.repeat(64)}drop${')'.repeat(64)} drop`), 'nothing')
  assert.equal(wrong(`${'(drop) not tcp '.repeat(80)}`), 'nothing')
})
