import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { frameText } from '../../../src/see/frame/frame-text.ts'
import { arpFrame, ethernet, ipv4, tcpFrame } from '../../kit/frame.ts'
import { parseTcp } from '../../kit/notation.ts'

const MACS = { srcMac: '52:54:00:00:00:02', dstMac: '52:54:00:00:00:01' }
const text = (bytes: Uint8Array) => frameText(bytes, bytes.length)

test('TCP as tcpdump -nS has it, TOA spelled out', () => {
  const head = '202.108.10.2.33896 > 202.108.10.1.6379'
  for (const line of [
    `${head}: Flags [S], seq 4164191644, win 29200, options [mss 1460,sackOK,TS val 125357496 ecr 0,nop,wscale 7], length 0`,
    `${head}: Flags [P.], seq 4294967295:3, ack 4072520984, win 229, length 4`,
    `${head}: Flags [.], ack 4072520984, win 229, options [nop,nop,sack 2 {7:9}{11:12}], length 0`,
    `${head}: Flags [none], win 229, length 0`,
    `${head}: Flags [R], seq 7, win 0, options [unknown-33 ab,eol], length 0`,
  ]) {
    assert.equal(
      text(tcpFrame({ ...MACS, ...parseTcp(line) })),
      `IP ${line.replace('sack 2', 'sack')}`,
    )
  }
  const toa = `${head}: Flags [.], ack 1, win 229, options [exp-8468 ca6c0a02], length 0`
  assert.match(
    text(tcpFrame({ ...MACS, ...parseTcp(toa) })),
    /options \[toa 202\.108\.10\.2:33896\]/,
  )
})

test('TCP Fast Open has a name, by its own number and as an experiment', () => {
  const told = (...options: number[]) => {
    const ends = { src: '1.2.3.4', sport: 5, dst: '6.7.8.9', dport: 10 }
    const frame = tcpFrame({
      ...MACS,
      ...ends,
      flags: 'S',
      seq: 1,
      ack: 0,
      options: Uint8Array.from(options),
    })
    return /options \[(.*)\]/.exec(text(frame))?.[1]
  }
  const cookie = [1, 2, 3, 4, 5, 6, 7, 8]
  assert.equal(told(34, 2, 1, 1), 'tfo cookiereq,nop,nop')
  assert.equal(told(34, 10, ...cookie, 1, 1), 'tfo cookie 0102030405060708,nop,nop')
  assert.equal(told(254, 4, 0xf9, 0x89), 'exp-tfo cookiereq')
  assert.equal(told(254, 12, 0xf9, 0x89, ...cookie), 'exp-tfo cookie 0102030405060708')
  // A TOA has 8 bytes, whatever the port is; another experiment has no name.
  assert.equal(told(254, 8, 0xf9, 0x89, 10, 0, 0, 1), 'toa 10.0.0.1:63881')
  assert.equal(told(254, 6, 0xf9, 0x8a, 1, 2, 1, 1), 'unknown-254 f98a0102,nop,nop')
})

test('frames cut short count their length by the header', () => {
  const line = '1.2.3.4.5 > 6.7.8.9.10: Flags [P.], seq 1:101, ack 2, win 3, length 100'
  const whole = tcpFrame({ ...MACS, ...parseTcp(line) })
  assert.equal(frameText(whole.subarray(0, 60), whole.length), `IP ${line}`)
  assert.equal(
    frameText(whole.subarray(0, 40), whole.length),
    'IP 1.2.3.4.5 > 6.7.8.9.10: TCP, cut short',
  )
  assert.equal(frameText(whole.subarray(0, 5), whole.length), '154 bytes')
})

test('options that a recorder has cut are said to be, and are not called bad', () => {
  const options = 'mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7'
  const line = `1.2.3.4.5 > 6.7.8.9.10: Flags [S], seq 1, win 3, options [${options}], length 0`
  const whole = tcpFrame({ ...MACS, ...parseTcp(line) })
  const of = (bytes: number) =>
    /options \[(.*)\]/.exec(frameText(whole.subarray(0, bytes), whole.length))?.[1]
  const [mss, timestamps] = [54, 60]
  assert.deepEqual(
    [whole.length, whole.length - 1, timestamps + 5, timestamps + 1, timestamps, mss + 4, mss].map(
      of,
    ),
    [
      options,
      'mss 1460,sackOK,TS val 1 ecr 0,nop,cut short',
      'mss 1460,sackOK,cut short',
      'mss 1460,sackOK,cut short',
      'mss 1460,sackOK,cut short',
      'mss 1460,cut short',
      'cut short',
    ],
  )
  // What no TCP would read on is bad wherever it is cut.
  const bad = whole.slice()
  bad[timestamps + 1] = 1
  assert.match(frameText(bad.subarray(0, 66), bad.length), /sackOK,bad 0801/)
})

test('ARP, ICMP and others', () => {
  const a = { mac: MACS.srcMac, ip: '10.0.0.1' }
  const b = { mac: MACS.dstMac, ip: '10.0.0.2' }
  assert.equal(text(arpFrame(1, a, b, b.mac)), 'ARP, Request who-has 10.0.0.2 tell 10.0.0.1')
  assert.equal(text(arpFrame(2, a, b, b.mac)), 'ARP, Reply 10.0.0.1 is-at 52:54:00:00:00:02')
  assert.equal(text(arpFrame(9, a, b, b.mac)), 'ARP, op 9')
  const packet = (protocol: number, body: number[]) =>
    ethernet(b.mac, a.mac, 0x0800, ipv4({ src: a.ip, dst: b.ip, protocol }, Uint8Array.from(body)))
  const ends = 'IP 10.0.0.1 > 10.0.0.2:'
  assert.equal(
    text(packet(1, [8, 0, 0, 0, 0, 7, 0, 9])),
    `${ends} ICMP echo request, id 7, seq 9, length 8`,
  )
  assert.equal(
    text(packet(1, [0, 0, 0, 0, 0, 7, 0, 9])),
    `${ends} ICMP echo reply, id 7, seq 9, length 8`,
  )
  assert.equal(
    text(packet(1, [3, 4, 0, 0, 0, 0, 0, 0])),
    `${ends} ICMP ? unreachable - need to frag, length 8`,
  )
  assert.equal(text(packet(1, [9, 4, 0, 0, 0, 0, 0, 0])), `${ends} ICMP type 9 code 4, length 8`)
  assert.equal(text(packet(1, [8])), `${ends} ICMP, cut short`)
  assert.equal(text(packet(47, [1, 2])), `${ends} protocol 47, length 2`)
  assert.equal(text(ethernet(b.mac, a.mac, 0x86dd, new Uint8Array(4))), 'IP6, cut short, length 18')
})

test('tags, fragments, UDP, and what is no frame that we know', () => {
  const A = '02:00:00:00:00:01'
  const B = '02:00:00:00:00:02'
  const ip = (protocol: number, payload: Uint8Array, l3 = {}, bytes = 0xffff) => {
    const packet = ipv4({ src: '10.0.0.1', dst: '10.0.0.2', protocol, ...l3 }, payload)
    return frameText(ethernet(A, B, 0x0800, packet).subarray(0, bytes), 14 + packet.length)
  }
  assert.equal(
    ip(17, Uint8Array.of(0, 53, 1, 0, 0, 9, 0, 0, 1)),
    'IP 10.0.0.1.53 > 10.0.0.2.256: UDP, length 1',
  )
  assert.match(ip(6, new Uint8Array(8), { fragment: 3 }), /^IP .*: TCP \(frag \d+:8@24\)$/)
  assert.match(ip(6, new Uint8Array(20), { fragment: 0x2000 }), /length 20 \(frag \d+:20@0\+\)$/)
  assert.equal(ip(6, new Uint8Array(8)), 'IP 10.0.0.1.0 > 10.0.0.2.0: TCP, cut short')
  assert.equal(ip(6, new Uint8Array(20), {}, 30), 'IP, cut short, length 54')
  const tagged = Uint8Array.of(0x20, 5, 0x08, 0x06)
  assert.equal(
    frameText(ethernet(A, B, 0x8100, tagged)),
    'vlan 5, p 1, ethertype ARP, cut short, length 18',
  )
})

test('no frame is beyond words', () => {
  const start = fc.constantFrom([8, 0, 0x45], [8, 0, 0x4f], [8, 6, 0], [0, 0, 0])
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 80 }), (type, rest) => {
      const bytes = Uint8Array.from([...new Array(12).fill(1), ...type, ...rest])
      if (rest.length > 8) bytes[23] = rest[0] % 3 === 0 ? 6 : 1
      assert.ok(text(bytes).length > 0)
      text(bytes.subarray(0, rest.length))
    }),
    { numRuns: 2000 },
  )
})
