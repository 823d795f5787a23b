/**
 * What the translation must not do: repair a corrupt segment, touch a byte that it has no business with, carry padding
 * along. What it must do is in the transcripts.
 * Holds invariant I6.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ARM, CLIENT, type Dir, established, frameOf, LAN, RS } from '../kit/connection.ts'
import { checksum, concat, ip, pseudoHeader, type TcpFields, vnetHeader } from '../kit/frame.ts'
import { parseOptions } from '../kit/notation.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'

/** By how much the TCP checksum of a frame is wrong, as a number modulo 65535; 0 when it is right. */
function wrongness(frame: Uint8Array): number {
  const ihl = (frame[14] & 15) * 4
  const l4 = frame.subarray(14 + ihl)
  const pseudo = pseudoHeader(
    [...frame.subarray(26, 30)],
    [...frame.subarray(30, 34)],
    6,
    l4.length,
  )
  return checksum(concat(pseudo, l4)) % 65_535
}

const PAYLOAD = Uint8Array.from({ length: 101 }, (_, i) => (i * 37) & 255)
const SACK = parseOptions('nop,nop,sack 2 {3000:4000}{5000:6000}')
const ODD_SACK = parseOptions('nop,sack 1 {3000:4000},eol')
const FORGED = parseOptions('exp-1234 01020304,nop,nop,TS val 1 ecr 2')

/** What moves nothing in the record; what would is refused (verify.test.ts). */
const CORRUPTED: [string, Dir, Partial<TcpFields>][] = [
  ['a request, with TOA', 'in', { payload: PAYLOAD, flags: 'P.' }],
  ['a request, without TOA', 'in', { payload: PAYLOAD, ack: 9100 }],
  ['a bare ACK, with TOA', 'in', {}],
  ['a forged TOA', 'in', { options: FORGED, payload: PAYLOAD }],
  ['a forged TOA, without a true one', 'in', { options: FORGED, payload: PAYLOAD, ack: 9100 }],
  ['a response', 'out', { payload: PAYLOAD }],
  ['SACK', 'out', { options: SACK, payload: PAYLOAD }],
  ['SACK at an odd offset', 'out', { options: ODD_SACK }],
]

for (const toa of ['seed', 'master', 'off']) {
  for (const [name, dir, change] of CORRUPTED) {
    test(`a corrupt segment stays corrupt by the same amount: ${name}, toa ${toa}`, () => {
      const stand = established(`${SEED_CONFIG}\ntcp: { toa: ${toa} }`)
      const whole = frameOf(stand, dir, change)
      assert.equal(wrongness(whole), 0)
      // Every bit behind the ports but those of the data offset and the flags, which mean something else then.
      for (let at = 34 + 4; at < whole.length; at++) {
        if (at === 34 + 12 || at === 34 + 13) continue
        // An RS's segment that is not the next in order is looked at, too.
        if (dir === 'out' && at < 34 + 12) continue
        stand.segment(LAN, RS)
        const corrupt = whole.slice()
        corrupt[at] ^= 1 << (at % 8)
        stand.judge(ARM[dir], concat(vnetHeader(), corrupt))
        const [out] = stand.collect()
        assert.ok(out, `byte ${at}: ${stand.verdictName()}`)
        assert.notEqual(wrongness(corrupt), 0)
        assert.equal(wrongness(out.bytes.subarray(10)), wrongness(corrupt), `byte ${at}`)
      }
    })
  }
}

test('0x0000 and 0xffff in the checksum field stay apart as RFC 1624 wants it', () => {
  // Payloads for which the sum of what is sent is every value: the field runs through 0 on both sides.
  const stand = established()
  for (let i = 0; i < 65_536; i += 1) {
    if (i > 300 && i < 65_200 && i % 101 !== 0) continue
    const payload = Uint8Array.of(i >> 8, i & 255)
    assert.deepEqual(stand.forward('dpdk0', { ...CLIENT, ack: 9100, payload }).payload, payload)
    assert.deepEqual(stand.forward('dpdk1', { ...RS, payload }).payload, payload)
  }
})

/** Ethernet header, IP checksum and addresses; then, from the TCP header on, ports, seq or ack, checksum. */
function changed(dir: Dir): Set<number> {
  const bytes = new Set<number>()
  const mark = (from: number, count: number) => {
    for (let i = 0; i < count; i++) bytes.add(from + i)
  }
  mark(0, 12)
  mark(14 + 10, 10)
  mark(34, 4)
  mark(34 + (dir === 'in' ? 4 : 8), 4)
  mark(34 + 16, 2)
  return bytes
}

for (const dir of ['in', 'out'] as const) {
  test(`${dir}: no other byte changes (ID, DF, TOS, TTL, window, urgent, reserved bits, options, payload)`, () => {
    const stand = established()
    const change: Partial<TcpFields> = {
      flags: 'PUE.',
      ack: 9100,
      win: 0xabcd,
      urgent: 0x1234,
      id: 0xbeef,
      df: false,
      tos: 0xa7,
      ttl: 3,
      options: parseOptions('nop,nop,TS val 1 ecr 2,unknown-30 0102030405060708,nop,nop'),
      payload: PAYLOAD,
    }
    const frame = frameOf(stand, dir, change)
    // The reserved bits, one of which is AccECN's: set, and the checksum with them.
    frame[34 + 12] |= 0x0f
    const sum = frame[50] * 256 + frame[51] - 0x0f00
    const folded = sum < 0 ? sum + 0xffff : sum
    frame.set([folded >> 8, folded & 255], 50)
    const [out] = stand.input(ARM[dir], frame)
    const now = out.bytes.subarray(10)
    assert.equal(now.length, frame.length)
    const may = changed(dir)
    frame.forEach((byte, at) => {
      if (!may.has(at)) assert.equal(now[at], byte, `byte ${at}`)
    })
  })
}

test('IP options are carried through, TOA goes behind them', () => {
  const stand = established()
  const ipOptions = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0) // record route, full
  const up = stand.forward('dpdk0', { ...CLIENT, payload: PAYLOAD, ipOptions })
  assert.equal(up.ipHeaderBytes, 28)
  assert.equal(up.options[0], 254)
  assert.deepEqual(up.payload, PAYLOAD)
  const down = stand.forward('dpdk1', { ...RS, payload: PAYLOAD, ipOptions })
  assert.equal(down.ipHeaderBytes, 28)
  const [raw] = stand.input('dpdk1', frameOf(stand, 'out', { ipOptions }))
  assert.deepEqual(raw.bytes.slice(10 + 34, 10 + 42), ipOptions)
  assert.equal(stand.events('TOA_ADDED'), 3)
})

for (const [name, padding] of [
  ['zeros', 0],
  ['garbage', 0xa5],
] as const) {
  test(`Ethernet padding is trimmed (${name})`, () => {
    const stand = established()
    // Bare ACKs of 54 bytes come as frames of 60; so do longer ones from careless senders.
    for (const bytes of [1, 6, 7, 500]) {
      const pad = new Uint8Array(bytes).fill(padding)
      const [up] = stand.input('dpdk0', concat(frameOf(stand, 'in', {}), pad))
      assert.equal(up.bytes.length, 10 + 54 + 8)
      const [late] = stand.input('dpdk0', concat(frameOf(stand, 'in', { ack: 9100 }), pad))
      assert.equal(late.bytes.length, 10 + 54)
      const [down] = stand.input('dpdk1', concat(frameOf(stand, 'out', {}), pad))
      assert.equal(down.bytes.length, 10 + 54)
    }
  })
}

test('padding does not count as payload in what a reset on expiry says', () => {
  const stand = established(`${SEED_CONFIG}\nneighbours: { timeout: 3600 }`)
  stand.input('dpdk1', concat(frameOf(stand, 'out', {}), new Uint8Array(6)))
  const resets = stand.pass(91_500).map(({ decoded }) => decoded.kind === 'tcp' && decoded.seq)
  assert.equal(resets[0], 9001)
})

test("the RS's port is its own, not the service's", () => {
  const stand = new Stand(SEED_CONFIG.replace('168.2,', '168.2, port: 7777,')).resolveRss()
  const syn = stand.forward('dpdk0', { ...CLIENT, flags: 'S' })
  assert.equal(syn.dport, 7777)
  const answer = stand.forward('dpdk1', { ...RS, sport: 7777, flags: 'S.' })
  assert.deepEqual([answer.src, answer.sport], ['202.108.10.1', 6379])
})

test('MACs: the RS gets ours and its own; the client its latest, which may change', () => {
  const stand = established()
  const up = stand.forward('dpdk0', CLIENT)
  assert.deepEqual([up.srcMac, up.dstMac], [stand.macOf('dpdk1'), RS_MAC])
  const down = stand.forward('dpdk1', RS)
  assert.deepEqual([down.srcMac, down.dstMac], [stand.macOf('dpdk0'), CLIENT_MAC])
  stand.forward('dpdk0', { ...CLIENT, srcMac: 'fe:ff:ff:ff:ff:fe' })
  assert.equal(stand.forward('dpdk1', RS).dstMac, 'fe:ff:ff:ff:ff:fe')
})

test('the sequence delta wraps around both ends of the sequence space', () => {
  for (const [client, isn] of [
    [0xffff_fff0, 5],
    [5, 0xffff_fff0],
    [0x8000_0000, 0x7fff_ffff],
    [0, 0],
  ]) {
    const stand = new Stand(SEED_CONFIG, { choose: () => isn | 0 }).resolveRss()
    const seq = (n: number) => (client + n) >>> 0
    const moved = (n: number) => (isn + n) >>> 0
    assert.equal(stand.forward('dpdk0', { ...CLIENT, flags: 'S', seq: seq(0) }).seq, moved(0))
    for (const n of [1, 10, 20, 100, 0x7fff_ffff, 0xffff_ffff]) {
      assert.equal(stand.forward('dpdk0', { ...CLIENT, seq: seq(n) }).seq, moved(n))
      const back = stand.forward('dpdk1', { ...RS, seq: 0xffff_ffff, ack: moved(n) })
      assert.deepEqual([back.seq, back.ack], [0xffff_ffff, seq(n)])
    }
  }
})

test('addresses with all kinds of bytes', () => {
  const stand = new Stand().resolveRss()
  for (const src of [
    '1.0.0.1',
    '203.255.255.255',
    '128.0.0.0',
    '127.255.255.255',
    '202.108.10.2',
  ]) {
    if (src.startsWith('127.')) continue
    for (const sport of [1, 0x00ff, 0xff00, 0xffff]) {
      const syn = stand.forward('dpdk0', { ...CLIENT, src, sport, flags: 'S' })
      assert.deepEqual(
        [...syn.options.subarray(0, 8)],
        [254, 8, sport >> 8, sport & 255, ...ip(src)],
      )
    }
  }
})
