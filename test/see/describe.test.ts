import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'
import { describe } from '../../src/see/describe.ts'
import { arpFrame, ethernet, ipv4, tcpFrame } from '../kit/frame.ts'
import { parseTcp } from '../kit/notation.ts'

const A = '02:00:00:00:00:01'
const B = '02:00:00:00:00:02'

function ip(protocol: number, payload: Uint8Array, l3 = {}, bytes = 0xffff): string {
  const packet = ipv4({ src: '10.0.0.1', dst: '10.0.0.2', protocol, ...l3 }, payload)
  return describe(ethernet(A, B, 0x0800, packet).subarray(0, bytes), 14 + packet.length)
}

function icmp(type: number): string {
  return ip(1, Uint8Array.of(type, 3, 0, 0, 0, 7, 0, 9))
}

test('a segment is a line of tcpdump: those of transcripts', () => {
  const folder = join(CHECKOUT, 'test', 'transcripts')
  let lines = 0
  for (const name of ['seed-client-close', 'sack', 'toa-forged']) {
    for (const line of readFileSync(join(folder, `${name}.txt`), 'utf8').split('\n')) {
      const [, segment] = /^> \w+ \| (?:\(.*?\) )?(.*?)(?: ".*")?$/.exec(line) ?? []
      if (segment === undefined) continue
      const full = line.split(' | ')[1] as string
      const frame = tcpFrame({ ...parseTcp(full), srcMac: A, dstMac: B })
      // EOLs that fill the last word are not printed.
      assert.equal(
        describe(frame).replace(/(,eol)+\]/, ']'),
        `IP ${segment.replace(/(,eol)+\]/, ']')}`,
      )
      lines++
    }
  }
  assert.ok(lines > 15, `${lines} segments`)
})

test('a segment whose payload was cut off has its length', () => {
  const frame = tcpFrame({
    src: '10.0.0.1',
    sport: 1,
    dst: '10.0.0.2',
    dport: 2,
    flags: 'P.',
    seq: 0xfffffff0,
    ack: 7,
    payload: new Uint8Array(100),
    srcMac: A,
    dstMac: B,
  })
  const text =
    'IP 10.0.0.1.1 > 10.0.0.2.2: Flags [P.], seq 4294967280:84, ack 7, win 65535, length 100'
  assert.equal(describe(frame).replace(/win \d+/, 'win 65535'), text)
  assert.equal(describe(frame.subarray(0, 54), frame.length).replace(/win \d+/, 'win 65535'), text)
})

test('ARP, ICMP and what is neither TCP nor whole', () => {
  const sender = { mac: A, ip: '10.0.0.1' }
  const target = { mac: B, ip: '10.0.0.2' }
  const length = arpFrame(1, sender, target, B).length - 14
  assert.equal(
    describe(arpFrame(1, sender, target, B)),
    `ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length ${length}`,
  )
  assert.equal(
    describe(arpFrame(2, sender, target, B)),
    `ARP, Reply 10.0.0.1 is-at ${A}, length ${length}`,
  )
  assert.equal(icmp(8), 'IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 9, length 8')
  assert.equal(icmp(0), 'IP 10.0.0.1 > 10.0.0.2: ICMP echo reply, id 7, seq 9, length 8')
  assert.equal(icmp(3), 'IP 10.0.0.1 > 10.0.0.2: ICMP unreachable, length 8')
  assert.equal(icmp(42), 'IP 10.0.0.1 > 10.0.0.2: ICMP type-#42, code 3, length 8')
  assert.equal(
    ip(17, Uint8Array.of(0, 53, 1, 0, 0, 9, 0, 0, 1)),
    'IP 10.0.0.1.53 > 10.0.0.2.256: UDP, length 1',
  )
  assert.equal(ip(89, new Uint8Array(44)), 'IP 10.0.0.1 > 10.0.0.2: ip-proto-89, length 44')
  assert.equal(
    ip(6, new Uint8Array(8), { fragment: 3 }),
    'IP 10.0.0.1 > 10.0.0.2: tcp, length 8, frag id 0 offset 24'.replace('id 0', `id ${idOf()}`),
  )
  assert.equal(ip(6, new Uint8Array(8)), 'IP 10.0.0.1 > 10.0.0.2: [|tcp], length 8')
  assert.equal(ip(6, new Uint8Array(20), {}, 30), 'IP [|ip], length 40')
  assert.equal(describe(new Uint8Array(13)), '[|ether], length 13')
  assert.equal(
    describe(ethernet(A, B, 0x86dd, new Uint8Array(40))),
    `${B} > ${A}, ethertype IPv6 (0x86dd), length 54`,
  )
  assert.equal(
    describe(ethernet(A, B, 0x88cc, new Uint8Array(2))),
    `${B} > ${A}, ethertype Unknown (0x88cc), length 16`,
  )
  assert.equal(describe(ethernet(A, B, 38, new Uint8Array(46))), `${B} > ${A}, 802.3, length 60`)
  const tagged = Uint8Array.of(0x20, 5, 0x08, 0x06)
  assert.equal(describe(ethernet(A, B, 0x8100, tagged)), 'vlan 5, ARP [|arp], length 4')
})

function idOf(): string {
  return /frag id (\d+)/.exec(ip(6, new Uint8Array(8), { fragment: 3 }))?.[1] ?? ''
}

test('whatever bytes come, there is one line', () => {
  const whole = tcpFrame({
    src: '10.0.0.1',
    sport: 1,
    dst: '10.0.0.2',
    dport: 2,
    flags: 'S',
    seq: 1,
    ack: 0,
    options: Uint8Array.of(2, 4, 5, 0xb4, 254, 0, 8, 0),
    srcMac: A,
    dstMac: B,
  })
  assert.match(describe(whole), /options \[mss 1460,bad opt\]/)
  for (let bytes = 0; bytes <= whole.length; bytes++) {
    for (let bit = 0; bit < bytes * 8; bit += 5) {
      const frame = whole.slice(0, bytes)
      frame[bit >> 3] ^= 1 << (bit & 7)
      assert.match(describe(frame, whole.length), /^[^\n]+$/)
    }
  }
})
