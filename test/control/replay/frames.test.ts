/** Frames of which a journal has the headers: filled up, cut short, made fit for another connection. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  filled,
  headersEnd,
  keptBytes,
  markPartial,
  summed,
} from '../../../src/control/journal/headers.ts'
import { onTheWire, readdressed } from '../../../src/control/replay/adapt.ts'
import { segmentIn } from '../../../src/see/frame/notation.ts'
import { ipv4Int } from '../../../src/wire/address.ts'
import { decode } from '../../kit/decode.ts'
import {
  arpFrame,
  checksum,
  concat,
  ethernet,
  ipv4,
  offload,
  pseudoHeader,
  type TcpFields,
  tcpFrame,
  vnetHeader,
} from '../../kit/frame.ts'
import { parseOptions } from '../../kit/notation.ts'

const MACS = { srcMac: '52:54:00:00:01:02', dstMac: '52:54:00:00:01:03' }
const TCP: TcpFields & typeof MACS = {
  ...MACS,
  src: '192.168.168.2',
  sport: 6379,
  dst: '192.168.168.7',
  dport: 1025,
  flags: 'P.',
  seq: 9000,
  ack: 5000,
  options: parseOptions('nop,nop,sack 1 {6000:7000}'),
  payload: new Uint8Array(100).fill(7),
}
const whole = (frame: Uint8Array) => concat(vnetHeader(), frame)

test('headers end where the payload begins, and of pings everything is kept', () => {
  const tcp = whole(tcpFrame(TCP))
  assert.equal(headersEnd(tcp), tcp.length - 100)
  assert.equal(keptBytes(tcp), tcp.length - 100)
  const arp = whole(
    arpFrame(1, { mac: MACS.srcMac, ip: TCP.src }, { mac: MACS.dstMac, ip: TCP.dst }, MACS.dstMac),
  )
  assert.equal(keptBytes(concat(arp, new Uint8Array(30))), 10 + 14 + 28)
  for (let cut = 0; cut < tcp.length; cut++) {
    assert.ok(headersEnd(tcp.subarray(0, cut)) <= cut)
  }
})

test('a long ping of which the first bytes are known gets others that make its checksum right', () => {
  for (const length of [300, 301, 1001]) {
    const rest = Uint8Array.from({ length }, (_, i) => i * 7)
    const echo = Uint8Array.from([8, 0, 0, 0, 0, 7, 0, 1, ...rest])
    const sum = checksum(echo)
    echo.set([sum >> 8, sum & 255], 2)
    const packet = ipv4({ src: TCP.src, dst: TCP.dst, protocol: 1 }, echo)
    const ping = whole(ethernet(MACS.dstMac, MACS.srcMac, 0x0800, packet))
    const full = filled(ping.slice(0, 160), ping.length)
    assert.equal(full.length, ping.length)
    assert.equal(checksum(full.subarray(10 + 14 + 20)), 0)
    assert.deepEqual(full.subarray(0, 160), ping.subarray(0, 160))
  }
})

/** Of a TCP segment in a frame with its virtio-net header; 0 if it is right. */
function tcpSum(bytes: Uint8Array): number {
  const [l4, ends] = [bytes.subarray(10 + 34), bytes.subarray(10 + 26, 10 + 34)]
  return checksum(
    concat(pseudoHeader([...ends.subarray(0, 4)], [...ends.subarray(4)], 6, l4.length), l4),
  )
}

test('so does a segment, whose payload is not recorded; one with a partial checksum stays as it is', () => {
  for (const length of [1, 2, 3, 50, 1001]) {
    const payload = Uint8Array.from({ length }, (_, i) => 255 - i * 7)
    const frame = tcpFrame({ ...TCP, payload })
    const segment = whole(frame)
    const headers = segment.slice(0, segment.length - length)
    const full = filled(headers, segment.length)
    assert.deepEqual([tcpSum(segment), full.length, tcpSum(full)], [0, segment.length, 0])
    assert.deepEqual(full.subarray(0, headers.length), headers)
    const partial = offload(frame).slice(0, headers.length)
    assert.equal(filled(partial, segment.length), partial)
    // For another connection it is written anew, right or wrong.
    for (const wrong of [false, true]) {
      const other = headers.slice()
      other[10 + 34 + 16] ^= 0x77
      summed(other, wrong)
      const rest = new Uint8Array(length)
      assert.equal(tcpSum(concat(other, rest)) === 0, !wrong)
    }
  }
})

test('a segment that was captured where it was sent says that its checksum is partial', () => {
  const frame = tcpFrame({ ...TCP, payload: new Uint8Array(30) })
  const captured = concat(new Uint8Array(10), offload(frame).subarray(10))
  markPartial(captured)
  assert.deepEqual(captured, offload(frame))
  const wire = whole(frame)
  markPartial(wire)
  assert.deepEqual(wire, whole(frame))
})

test('a segment of another connection: ends, acknowledgment and SACK edges move, the rest stays', () => {
  const bytes = whole(tcpFrame(TCP))
  const to = { saddr: ipv4Int('10.0.0.1'), daddr: ipv4Int('10.0.0.2'), ports: (80 << 16) | 4000 }
  const { bytes: other } = readdressed({ bytes, length: bytes.length }, to, 1000)
  const segment = segmentIn(other.subarray(10))
  assert.ok(segment)
  assert.deepEqual(
    [segment.src, segment.sport, segment.dst, segment.dport, segment.seq, segment.ack],
    ['10.0.0.1', 80, '10.0.0.2', 4000, 9000, 6000],
  )
  assert.deepEqual(segment.options, parseOptions('nop,nop,sack 1 {7000:8000}'))
  assert.equal(checksum(other.subarray(24, 44)), 0)
})

test('a large frame goes over the wire in segments, FIN and PSH on the last', () => {
  const options = new Uint8Array()
  const frame = tcpFrame({ ...TCP, options, flags: 'FP.', payload: new Uint8Array(2500) })
  const bytes = offload(frame, 1000)
  const all = onTheWire({ bytes, length: bytes.length })
  const segments = all.map(one => segmentIn(one.bytes.subarray(10)))
  assert.deepEqual(
    segments.map(one => [one?.seq, one?.payload.length, one?.flags]),
    [
      [9000, 1000, '.'],
      [10_000, 1000, '.'],
      [11_000, 500, 'FP.'],
    ],
  )
  assert.deepEqual(
    all.map(({ length }) => length),
    [1064, 1064, 564],
  )
  const small = whole(tcpFrame({ ...TCP, payload: new Uint8Array() }))
  const [one, ...none] = onTheWire({ bytes: small, length: small.length })
  assert.deepEqual([none.length, one?.bytes], [0, small])
  assert.equal(decode(small).kind, 'tcp')
})
