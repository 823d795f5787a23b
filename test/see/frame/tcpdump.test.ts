/** Frames in our words and in those of the real tcpdump. What only we tell is taken away first. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { frameText } from '../../../src/see/frame/frame-text.ts'
import { checksummed, udp } from '../../kit/datagram.ts'
import { concat, ethernet, ipv4, tcp } from '../../kit/frame.ts'
import { pcapOf } from '../../kit/pcap.ts'

const [OUR_MAC, MAC] = ['52:54:00:00:00:01', '52:54:00:00:00:02']
// Ports of no protocol that tcpdump would look into.
const THERE = { src: '10.0.0.1', dst: '10.0.0.2', sport: 40_000, dport: 40_001 }
const DATAGRAM = udp(THERE)
const SEGMENT = ipv4({ ...THERE, protocol: 6 }, tcp({ ...THERE, flags: 'S', seq: 7 }))

function framed(packet: Uint8Array, tags = new Uint8Array(), type = 0x0800): Uint8Array {
  if (tags.length === 0) return ethernet(OUR_MAC, MAC, type, packet)
  const inner = Uint8Array.of(type >>> 8, type & 255)
  return ethernet(OUR_MAC, MAC, 0x8100, concat(tags, inner, packet))
}

function icmp(type: number, code: number, rest: number[], quoted: Uint8Array): Uint8Array {
  const message = concat(Uint8Array.of(type, code, 0, 0, ...rest), quoted)
  return framed(ipv4({ src: '10.0.0.9', dst: THERE.src, protocol: 1 }, checksummed(message)))
}

function tcpdump(frames: readonly Uint8Array[], ...options: string[]): string[] {
  const input = pcapOf(frames.map((frame, i) => ({ atUs: i, frame })))
  const text = execFileSync('tcpdump', ['-nnS', '-t', ...options, '-r', '-'], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  return text.trimEnd().split('\n')
}

function compare(frames: readonly Uint8Array[], ours: (text: string) => string): void {
  const lines = tcpdump(frames)
  assert.equal(lines.length, frames.length)
  for (const [i, frame] of frames.entries()) assert.equal(ours(frameText(frame)), lines[i])
}

test('datagrams, whole ones and with a length that is none', () => {
  const text = (packet: Uint8Array) => frameText(framed(packet))
  const ends = 'IP 10.0.0.1.40000 > 10.0.0.2.40001'
  assert.equal(text(DATAGRAM), `${ends}: UDP, length 5`)
  const longer = DATAGRAM.slice()
  longer[25] += 32
  assert.equal(text(longer), `${ends}: UDP, bad length 37 > 5`)
  compare(
    [DATAGRAM, longer].map(packet => framed(packet)),
    words => words,
  )
})

test('ICMP errors of every kind, and behind them what they are about', () => {
  const frames: Uint8Array[] = []
  const about: string[] = []
  const udpWords = ', about 10.0.0.1.40000 > 10.0.0.2.40001: UDP, length 5'
  const add = (words: string, ...error: Parameters<typeof icmp>) => {
    frames.push(icmp(...error))
    about.push(words)
  }
  for (let code = 0; code < 16; code++) add(udpWords, 3, code, [0, 0, 5, 120], DATAGRAM)
  add(udpWords, 3, 4, [0, 0, 0, 0], DATAGRAM)
  for (const code of [0, 1, 2]) add(udpWords, 11, code, [0, 0, 0, 0], DATAGRAM)
  for (const code of [0, 1]) add(udpWords, 12, code, [9, 0, 0, 0], DATAGRAM)
  for (let code = 0; code < 5; code++) add(udpWords, 5, code, [10, 0, 0, 7], DATAGRAM)
  add(udpWords, 4, 0, [0, 0, 0, 0], DATAGRAM)
  const seq = ', about 10.0.0.1.40000 > 10.0.0.2.40001: TCP, seq 7'
  for (const code of [2, 3]) add(seq, 3, code, [0, 0, 0, 0], SEGMENT.subarray(0, 28))
  const whole = `${seq.replace('TCP, ', 'Flags [S], ')}, win 29200, length 0`
  add(whole, 3, 1, [0, 0, 0, 0], SEGMENT)
  let i = 0
  compare(frames, text => {
    const words = about[i++]
    assert.ok(text.endsWith(words), `${text} ends with ${words}`)
    return text.slice(0, -words.length)
  })
})

test('tags as tcpdump -e has them, but for the number of a type that has a name', () => {
  const tags = [
    [0x20, 100],
    [0x10, 100],
    [0, 100, 0x81, 0, 0xe0, 5],
  ]
  const frames = tags.map(tag => framed(DATAGRAM, Uint8Array.from(tag)))
  for (const [i, line] of tcpdump(frames, '-e').entries()) {
    const text = line.replace(/^.*?: vlan/, 'vlan').replaceAll(/ \(0x[\da-f]{4}\)/g, '')
    assert.equal(frameText(frames[i]), text)
  }
})

test('fragments: what tcpdump -v says in front, in the few words that it once had', () => {
  const body = new Uint8Array(1480)
  body.set(DATAGRAM.subarray(20, 24))
  body.set([7, 216], 4)
  const piece = (fragment: number, bytes: number, protocol = 17) =>
    framed(ipv4({ ...THERE, protocol, id: 1234, fragment }, body.subarray(0, bytes)))
  const frames = [piece(0x2000, 1480), piece(0x20b9, 1480), piece(0x00b9, 528), piece(185, 8, 6)]
  const heads = tcpdump(frames, '-v').filter(line => line.startsWith('IP ('))
  const told = heads.map(line => {
    const [, id, offset, flags, length] =
      /id (\d+), offset (\d+), flags \[(.*?)\],.* length (\d+)\)/.exec(line) ?? []
    return ` (frag ${id}:${Number(length) - 20}@${offset}${flags === '+' ? '+' : ''})`
  })
  const words = frames.map(frame => frameText(frame))
  const ends = 'IP 10.0.0.1 > 10.0.0.2:'
  assert.deepEqual(words, [
    `IP 10.0.0.1.40000 > 10.0.0.2.40001: UDP, length 2000${told[0]}`,
    `${ends} UDP${told[1]}`,
    `${ends} UDP${told[2]}`,
    `${ends} TCP${told[3]}`,
  ])
  assert.equal(told[0], ' (frag 1234:1480@0+)')
})

test('UOA, which tcpdump does not know, in both places', () => {
  const option = Uint8Array.of(31, 8, 0x9c, 0x40, 1, 2, 3, 4)
  const inside = DATAGRAM.subarray(20)
  const header = concat(Uint8Array.of(0x10, 17, 0, 12), option, inside)
  const ends = 'IP 10.0.0.1.40000 > 10.0.0.2.40001:'
  assert.equal(
    frameText(framed(ipv4({ ...THERE, protocol: 248 }, header))),
    `${ends} UOA 1.2.3.4:40000 in protocol 248, UDP, length 5`,
  )
  assert.equal(
    frameText(framed(udp(THERE, option))),
    `${ends} UOA 1.2.3.4:40000 in option 31, UDP, length 5`,
  )
  for (const cut of [3, 9])
    assert.equal(
      frameText(framed(ipv4({ ...THERE, protocol: 248 }, header.subarray(0, cut)))),
      'IP 10.0.0.1 > 10.0.0.2: UOA, cut short',
    )
})
