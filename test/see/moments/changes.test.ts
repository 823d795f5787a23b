/** What becomes of segments, said in words. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changesText, parseChanges } from '../../../src/see/moments/change-words.ts'
import { changesOf } from '../../../src/see/moments/changes.ts'
import { BASE, changed, client, frame, MACS, withOptions } from '../../kit/changed.ts'
import { icmpError, udp } from '../../kit/datagram.ts'
import { arpFrame, concat, ethernet, ipv4, type TcpFields } from '../../kit/frame.ts'

test('the seed: what becomes of SYN, SYN+ACK and a segment with data', () => {
  const syn = client(
    'Flags [S], seq 4164191644, win 29200, options [mss 1460,sackOK,TS val 125357496 ecr 0,nop,wscale 7], length 0',
  )
  const nops = new Array(10).fill('nop').join(',')
  const synOut = frame(
    `192.168.168.7.1028 > 192.168.168.2.6379: Flags [S], seq 2976553321, win 29200, options [exp-8468 ca6c0a02,mss 1460,sackOK,${nops},nop,wscale 7], length 0`,
    { srcMac: '52:54:00:00:01:01', dstMac: '52:54:00:00:01:02' },
  )
  assert.deepEqual(changed(syn, synOut), [
    'mac | 52:54:00:00:00:02 > 52:54:00:00:00:01 | 52:54:00:00:01:01 > 52:54:00:00:01:02',
    'length | 60 | 68',
    'source | 202.108.10.2:33896 | 192.168.168.7:1028',
    'destination | 202.108.10.1:6379 | 192.168.168.2:6379',
    'seq | 4164191644 | 2976553321 | -1187638323',
    'toa_added |  | 202.108.10.2:33896',
    'timestamp_removed | TS val 125357496 ecr 0 | 10 NOPs',
  ])
  const back = 'win 29200, options [mss 1460,nop,nop,sackOK,nop,wscale 7], length 0'
  assert.deepEqual(
    changed(
      client(`Flags [S.], seq 4072520983, ack 2976553322, ${back}`),
      client(`Flags [S.], seq 4072520983, ack 4164191645, ${back.replace('1460', '1452')}`),
    ),
    ['ack | 2976553322 | 4164191645 | 1187638323', 'mss | 1460 | 1452'],
  )
  const names = changesOf(syn, synOut).map(({ what }) => what)
  assert.deepEqual(
    names.filter(name => name.endsWith('checksum')),
    ['ip_checksum', 'tcp_checksum'],
  )
})

test('SACK edges that moved by the same, and edges that did not', () => {
  const before = withOptions('nop,nop,sack 2 {100:200}{4294967290:50}')
  assert.deepEqual(changed(before, withOptions('nop,nop,sack 2 {110:210}{4:60}')), [
    'sack | {100:200}{4294967290:50} | {110:210}{4:60} | 10',
  ])
  assert.deepEqual(changed(before, withOptions('nop,nop,sack 2 {110:210}{4:61}')), [
    'options | nop,nop,sack {100:200}{4294967290:50} | nop,nop,sack {110:210}{4:61}',
  ])
})

test('a forged TOA, with and without the true one in front', () => {
  const forged = 'exp-0050 01020304'
  const nops = new Array(8).fill('nop').join(',')
  const voided = 'toa_voided | 1.2.3.4:80 | 8 NOPs'
  assert.deepEqual(changed(withOptions(forged), withOptions(nops)), [voided])
  const added = ['length | 48 | 56', 'toa_added |  | 202.108.10.2:33896', voided]
  assert.deepEqual(changed(withOptions(forged), withOptions(`exp-8468 ca6c0a02,${nops}`)), added)
  assert.deepEqual(changed(withOptions(forged), withOptions(`${forged},${forged}`)), [
    'length | 48 | 56',
    'toa_added |  | 1.2.3.4:80',
  ])
})

test('room made for TOA', () => {
  assert.deepEqual(
    changed(
      withOptions('nop,nop,nop,nop,TS val 7 ecr 8,nop,nop'),
      withOptions('exp-8468 ca6c0a02,TS val 7 ecr 8,eol,eol'),
    ),
    [
      'length | 56 | 60',
      'toa_added |  | 202.108.10.2:33896',
      'options | nop,nop,nop,nop,TS val 7 ecr 8,nop,nop | TS val 7 ecr 8,eol',
    ],
  )
})

test('what must not change is told when it does', () => {
  const before = client(`${BASE}, length 5 "hello"`)
  const after = (rest: string, more?: Partial<TcpFields>) => changed(before, client(rest, more))
  const same = `${BASE}, length 5 "hello"`
  assert.deepEqual(after(same), [])
  assert.deepEqual(after(same.replace('[.]', '[P.]')), ['flags | . | P.'])
  assert.deepEqual(after(same.replace('229', '230')), ['window | 229 | 230'])
  assert.deepEqual(after(same.replace('hello', 'help!')), [
    'payload | 5 bytes (6c6f at 3) | 5 bytes (7021 at 3)',
  ])
  assert.deepEqual(after(`${BASE}, length 2 "he"`), [
    'length | 45 | 42',
    'payload | 5 bytes | 2 bytes',
  ])
  assert.deepEqual(after(same, { ttl: 63 }), ['ttl | 64 | 63'])
  assert.deepEqual(after(same, { tos: 2, id: 9, df: false, urgent: 1 }), [
    'tos | 0 | 2',
    'ip_id | 1 | 9',
    'fragment | 16384 | 0',
    'urgent | 0 | 1',
  ])
  assert.deepEqual(after(same, { ipOptions: Uint8Array.of(1, 1, 1, 0) }), [
    'length | 45 | 49',
    'ip_options | none | 01010100',
  ])
  assert.deepEqual(changed(withOptions('sackOK,nop,nop'), withOptions('nop,nop,sackOK')), [
    'options | sackOK,nop,nop | nop,nop,sackOK',
  ])
})

test('frames other than TCP', () => {
  const arp = (ip: string) =>
    arpFrame(1, { mac: MACS.srcMac, ip }, { mac: MACS.dstMac, ip: '10.0.0.1' }, MACS.dstMac)
  assert.deepEqual(changed(arp('10.0.0.2'), arp('10.0.0.2')), [])
  assert.deepEqual(
    changesOf(arp('10.0.0.2'), arp('10.0.0.3')).map(({ what }) => what),
    ['payload'],
  )
  assert.deepEqual(
    changesOf(arp('10.0.0.2'), client(`${BASE}, length 0`)).map(({ what }) => what),
    ['ethertype', 'payload'],
  )
})

const ASKED = { src: '10.0.0.1', dst: '10.0.1.1', sport: 4000, dport: 53 }
const SENT = { src: '10.0.2.1', dst: '10.0.2.2', sport: 1025, dport: 5353 }
const ENDS = ['source | 10.0.0.1:4000 | 10.0.2.1:1025', 'destination | 10.0.1.1:53 | 10.0.2.2:5353']
const framed = (packet: Uint8Array) => ethernet(MACS.dstMac, MACS.srcMac, 0x0800, packet)
const told = (before: Uint8Array, after: Uint8Array) =>
  changesText(changesOf(framed(before), framed(after)))

test('a datagram: ports, a checksum that is made, and the client told in either place', () => {
  assert.deepEqual(changed(framed(udp(ASKED)), framed(udp(SENT))), ENDS)
  const plain = udp(ASKED)
  plain.fill(0, 26, 28)
  assert.match(told(plain, udp(SENT)), /, UDP checksum computed$/)
  assert.match(told(udp(ASKED), udp(SENT)), /, UDP checksum adjusted$/)
  const option = Uint8Array.of(31, 8, 0x0f, 0xa0, 10, 0, 0, 1)
  assert.match(
    told(udp(ASKED), udp(SENT, option)),
    /^length 33 to 41, .*UOA added 10\.0\.0\.1:4000 in option 31, UDP checksum adjusted$/,
  )
  const inside = udp(SENT).slice(20)
  inside.fill(0, 6, 8)
  const opp = concat(Uint8Array.of(16, 17, 0, 12), option, inside)
  const out = ipv4({ ...SENT, protocol: 248 }, opp)
  assert.match(
    told(udp(ASKED), out),
    /^length 33 to 45, .*:4000 in protocol 248, UDP checksum left out$/,
  )
  const more = udp(SENT)
  more[25] += 1
  more[32] = 7
  assert.match(told(udp(ASKED), more), /UDP length 13 to 14, .*payload 5 bytes \(00 at 4\) to 5 /)
})

test('an ICMP error: who says it, the MTU, and the packet that it is about', () => {
  const about = { src: SENT.dst, dst: SENT.src, sport: SENT.dport, dport: SENT.sport }
  const ofClient = { src: ASKED.dst, dst: ASKED.src, sport: ASKED.dport, dport: ASKED.sport }
  const error = icmpError({ about, type: 3, code: 4, src: '10.0.2.254' })
  const out = icmpError({ about: ofClient, type: 3, code: 4 })
  error[27] = 100
  error[55] = 9
  assert.equal(
    told(error, out),
    [
      'IP checksum adjusted, source 10.0.2.254 to 10.0.1.1, destination 10.0.2.1 to 10.0.0.1',
      'ICMP MTU 100 to 0, ICMP checksum adjusted, quoted IP checksum adjusted',
      'quoted source 10.0.2.1:1025 to 10.0.0.1:4000',
      'quoted destination 10.0.2.2:5353 to 10.0.1.1:53, quoted seq -2 to 7',
    ].join(', '),
  )
})

test('pieces of a datagram are told from the whole, and from one another', () => {
  const piece = ipv4({ ...ASKED, protocol: 17, fragment: 185 }, new Uint8Array(8))
  assert.match(
    told(piece, udp(SENT)),
    /fragment 1480 to whole, .*source 10\.0\.0\.1 to 10\.0\.2\.1,/,
  )
  const first = ipv4({ ...SENT, protocol: 17, fragment: 0x2000 }, new Uint8Array(16))
  assert.match(told(udp(ASKED), first), /fragment whole to 0\+, /)
  assert.doesNotMatch(told(udp(ASKED), first), /payload/)
})

test('a header of the PROXY protocol, put in front or in place of another', () => {
  const v1 = Buffer.from('PROXY TCP4 202.108.10.2 202.108.10.1 33896 6379\r\n')
  const v2 = Buffer.from('0d0a0d0a000d0a515549540a2111000cca6c0a02ca6c0a01846818eb', 'hex')
  const body = Buffer.from('GET /')
  const said = (...parts: Uint8Array[]) =>
    client(`${BASE}, length 0`, { payload: concat(...parts) })
  const added = changesOf(said(body), said(v1, body)).find(({ what }) => what === 'proxy_header')
  assert.ok(added)
  assert.deepEqual(added, { what: 'proxy_header', before: 'none', after: '49 bytes of v1' })
  assert.equal(changesText([added]), 'PROXY header none to 49 bytes of v1')
  assert.deepEqual(parseChanges(changesText([added])), [added])
  const names = changesOf(said(v1, body), said(v2, body)).map(({ what }) => what)
  assert.ok(names.includes('proxy_header') && !names.includes('payload'), names.join())
  assert.deepEqual(changesOf(said(v1, body), said(v1, body)), [])
})
