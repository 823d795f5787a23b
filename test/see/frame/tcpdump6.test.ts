/** Frames of IPv6 in our words and in those of the real tcpdump. What only one of them tells is taken away first. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { frameText } from '../../../src/see/frame/frame-text.ts'
import { headersOf } from '../../../src/see/frame/headers.ts'
import { segmentIn } from '../../../src/see/frame/notation.ts'
import { segmentOf } from '../../../src/see/frame/segment.ts'
import { ownKind } from '../../../src/see/moments/own.ts'
import { datagram } from '../../kit/datagram.ts'
import {
  concat,
  type Extension,
  ethernet,
  fragmentHeader,
  icmpv6,
  ip,
  ipv6,
  tcp,
} from '../../kit/frame.ts'
import { pcapOf } from '../../kit/pcap.ts'

const [OUR_MAC, MAC] = ['52:54:00:00:00:01', '52:54:00:00:00:02']
// Ports of no protocol that tcpdump would look into.
const THERE = { src: '2001:db8::1', dst: '2001:db8:0:1::2', sport: 40_000, dport: 40_001 }
const ENDS = 'IP6 2001:db8::1.40000 > 2001:db8:0:1::2.40001:'
const BARE = 'IP6 2001:db8::1 > 2001:db8:0:1::2:'
const DATAGRAM = datagram({ ...THERE, payload: new Uint8Array(5) })
const SYN = tcp({ ...THERE, flags: 'S', seq: 7 })
const SEGMENT = ipv6({ ...THERE, next: 6 }, SYN)
const ZEROES = [0, 0, 0, 0]
const LINK = [2, 0, 0, 0, 0, 1]

const framed = (packet: Uint8Array) => ethernet(OUR_MAC, MAC, 0x86dd, packet)

function message(type: number, code: number, body: Iterable<number>, dst = 'ff02::1'): Uint8Array {
  const ends = { src: 'fe80::1', dst }
  const inside = icmpv6(ends, type, code, Uint8Array.from(body))
  return framed(ipv6({ ...ends, next: 58, hopLimit: 255 }, inside))
}

function tcpdump(frames: readonly Uint8Array[]): string[] {
  const input = pcapOf(frames.map((frame, i) => ({ atUs: i, frame })))
  const text = execFileSync('tcpdump', ['-nnS', '-t', '-r', '-'], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  return text
    .trimEnd()
    .split('\n')
    .filter(line => !line.startsWith('\t'))
}

/** Blanks that tcpdump forgets or has twice, and the length that it leaves out behind what it does not know. */
function mended(line: string): string {
  return line
    .replace(/(listener (?:query|report|done))max/, '$1 max')
    .replace(/ {2}/g, ' ')
    .replace(/unknown icmp6 type \((\d+)\)/, 'type $1 code 3')
}

function compare(frames: readonly Uint8Array[], about = ''): void {
  const lines = tcpdump(frames)
  assert.equal(lines.length, frames.length)
  for (const [i, frame] of frames.entries()) {
    const text = frameText(frame)
    assert.ok(text.endsWith(about), `${text} ends with ${about}`)
    const ours = text.slice(0, text.length - about.length)
    const theirs = mended(lines[i])
    assert.equal(theirs.includes(', length ') ? ours : ours.replace(/, length \d+$/, ''), theirs)
  }
}

test('segments and datagrams', () => {
  assert.equal(frameText(framed(DATAGRAM)), `${ENDS} UDP, length 5`)
  compare([framed(SEGMENT), framed(DATAGRAM)])
  const data = tcp({ ...THERE, flags: 'P.', seq: 7, ack: 9, payload: new Uint8Array(3) })
  compare([framed(ipv6({ ...THERE, next: 6, hopLimit: 3, trafficClass: 8, flow: 5 }, data))])
})

test('ICMPv6 errors of every kind, and behind them what they are about', () => {
  const words = ', about 2001:db8::1.40000 > 2001:db8:0:1::2.40001:'
  const codes = [0, 1, 2, 3, 4, 5, 6]
  compare(
    codes.map(code => message(1, code, [...ZEROES, ...DATAGRAM])),
    `${words} UDP, length 5`,
  )
  compare(
    [0, 1, 2].map(code => message(3, code, [...ZEROES, ...DATAGRAM])),
    `${words} UDP, length 5`,
  )
  compare(
    [0, 1, 2, 3].map(code => message(4, code, [0, 0, 0, 40, ...DATAGRAM])),
    `${words} UDP, length 5`,
  )
  compare(
    [message(2, 0, [0, 1, 5, 0, ...SEGMENT])],
    `${words} Flags [S], seq 7, win 29200, length 0`,
  )
  compare([message(1, 4, [...ZEROES, ...SEGMENT.subarray(0, 48)])], `${words} TCP, seq 7`)
})

test('neighbours, routers and listeners', () => {
  const group = ip('ff02::1:ff00:1')
  compare([
    message(128, 0, [0, 1, 0, 2, 1, 2, 3, 4]),
    message(129, 0, [0, 1, 0, 2, 1, 2, 3, 4]),
    message(130, 0, [39, 16, 0, 0, ...ip('::')]),
    message(130, 0, [39, 16, 0, 0, ...group, 2, 125, 0, 0]),
    message(131, 0, [...ZEROES, ...group]),
    message(132, 0, [...ZEROES, ...group]),
    message(143, 0, [0, 0, 0, 2, 4, 0, 0, 0, ...group, 3, 0, 0, 0, ...group]),
    message(133, 0, ZEROES),
    message(133, 0, [...ZEROES, 1, 1, ...LINK]),
    message(134, 0, [64, 0xc0, 7, 8, ...ZEROES, ...ZEROES, 1, 1, ...LINK]),
    message(135, 0, [...ZEROES, ...ip('fe80::2')]),
    message(135, 0, [...ZEROES, ...ip('fe80::2'), 1, 1, ...LINK], 'ff02::1:ff00:2'),
    message(136, 0, [0x60, 0, 0, 0, ...ip('fe80::2'), 2, 1, ...LINK]),
    message(137, 0, [...ZEROES, ...ip('fe80::9'), ...ip('2001:db8::7')]),
    message(100, 3, ZEROES),
  ])
})

const HOP_BY_HOP: Extension = { kind: 0, rest: Uint8Array.of(0, 5, 2, 0, 0, 1, 0) }
const OPTIONS: Extension = { kind: 60, rest: Uint8Array.of(0, 1, 4, 0, 0, 0, 0) }
const ROUTING: Extension = {
  kind: 43,
  rest: Uint8Array.from([2, 4, 1, ...ZEROES, ...ip('2001:db8::9')]),
}

test('extension headers stand before what is inside, whose ports tcpdump has behind them', () => {
  const frames = [[HOP_BY_HOP], [OPTIONS], [ROUTING], [HOP_BY_HOP, OPTIONS]].map(extensions =>
    framed(ipv6({ ...THERE, next: 6, extensions }, SYN)),
  )
  const lines = tcpdump(frames)
  for (const [i, frame] of frames.entries()) {
    const theirs = lines[i]
      .replace(/ \(len=.*\)/, '')
      .replace('2: ', '2.40001: ')
      .replace('db8::1 >', 'db8::1.40000 >')
      .replace('40000 > 40001: F', 'F')
    assert.equal(frameText(frame), theirs)
  }
  assert.equal(lines.length, 4)
})

test('fragments: the numbers that tcpdump has in front, in the few words of its old form', () => {
  const piece = (next: number, offset: number, more: boolean, body: Uint8Array) =>
    framed(ipv6({ ...THERE, next, extensions: [fragmentHeader(offset, more, 77)] }, body))
  const frames = [
    piece(6, 0, true, SYN),
    piece(17, 0, true, DATAGRAM.subarray(40)),
    piece(17, 1448, false, new Uint8Array(100)),
    piece(58, 0, true, icmpv6(THERE, 128, 0, new Uint8Array(4))),
  ]
  assert.deepEqual(
    frames.map(frame => frameText(frame)),
    [
      `${ENDS} Flags [S], seq 7, win 29200, length 0 (frag 77:20@0+)`,
      `${ENDS} UDP, length 5 (frag 77:13@0+)`,
      `${BARE} UDP (frag 77:100@1448)`,
      `${BARE} ICMP6, echo request, id 0, seq 0, length 8 (frag 77:8@0+)`,
    ],
  )
  for (const [i, line] of tcpdump(frames).entries()) {
    const [, offset, bytes] = /frag \((\d+)\|(\d+)\)/.exec(line) ?? []
    assert.ok(frameText(frames[i]).includes(`(frag 77:${bytes}@${offset}`))
  }
  // A fragment that is all of it (RFC 6946).
  assert.equal(frameText(piece(6, 0, false, SYN)), `${ENDS} Flags [S], seq 7, win 29200, length 0`)
})

test('the client that a packet tells its RS of, of IPv6 too', () => {
  const client = [0x9c, 0x40, ...ip('2001:db8::77')]
  const told = 'toa [2001:db8::77]:40000'
  const options = Uint8Array.from([254, 20, ...client])
  const syn = tcp({ ...THERE, flags: 'S', seq: 7, options })
  const words = `Flags [S], seq 7, win 29200, options [${told}], length 0`
  assert.equal(frameText(framed(ipv6({ ...THERE, next: 6 }, syn))), `${ENDS} ${words}`)
  const header = Uint8Array.from([0x20, 17, 0, 24, 31, 20, ...client])
  const packet = ipv6({ ...THERE, next: 248 }, concat(header, DATAGRAM.subarray(40)))
  assert.equal(
    frameText(framed(packet)),
    `${ENDS} UOA [2001:db8::77]:40000 in protocol 248, UDP, length 5`,
  )
})

test('what is cut short, is none, or never ends', () => {
  const text = (packet: Uint8Array) => frameText(framed(packet))
  assert.equal(text(DATAGRAM.subarray(0, 39)), 'IP6, cut short, length 53')
  assert.equal(text(DATAGRAM.subarray(0, 42)), `${BARE} UDP, cut short`)
  assert.equal(text(ipv6({ ...THERE, next: 59 }, new Uint8Array(4))), `${BARE} no next header`)
  assert.equal(text(ipv6({ ...THERE, next: 58 }, new Uint8Array(2))), `${BARE} ICMP6, cut short`)
  assert.equal(text(ipv6({ ...THERE, next: 1 }, new Uint8Array(8))), `${BARE} protocol 1, length 8`)
  assert.equal(
    text(ipv6({ ...THERE, next: 60 }, new Uint8Array(4))),
    `${BARE} protocol 60, length 4`,
  )
  const wrong = DATAGRAM.slice()
  wrong[0] = 0x45
  assert.equal(text(wrong), `version 4, length ${54 + 13}`.replace(/^/, 'IP6 '))
  const many = Array<Extension>(9).fill(OPTIONS)
  const names = 'DSTOPT '.repeat(8)
  assert.equal(
    text(ipv6({ ...THERE, next: 6, extensions: many }, SYN)),
    `${BARE} ${names}protocol 60, length 28`,
  )
})

test('a header of one family under the ethertype of the other is refused by nobody, and read by none', () => {
  const short = ethernet(OUR_MAC, MAC, 0x0800, Uint8Array.from([0x60, ...new Uint8Array(19)]))
  short[23] = 6
  for (const bytes of [short, framed(SEGMENT.map((byte, i) => (i === 0 ? 0x45 : byte)))])
    for (let cut = 14; cut <= bytes.length; cut++) {
      const frame = bytes.subarray(0, cut)
      assert.equal(typeof frameText(frame), 'string')
      assert.equal(segmentIn(frame), undefined)
      segmentOf(frame)
      ownKind(frame)
      headersOf(frame)
    }
})
