/** What translation makes of packets of IPv6, and of NAT64. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changesText, parseChanges } from '../../../src/see/moments/change-words.ts'
import { changesOf } from '../../../src/see/moments/changes.ts'
import { datagram } from '../../kit/datagram.ts'
import {
  concat,
  ethernet,
  fragmentHeader,
  icmpv6,
  ip,
  ipv6,
  type TcpFields,
  tcp,
  tcpFrame,
} from '../../kit/frame.ts'

const MACS = { srcMac: '52:54:00:00:00:02', dstMac: '52:54:00:00:00:01' }
const CLIENT = { src: '2001:db8::2', dst: '2001:db8::1', sport: 33_896, dport: 6379 }
const INSIDE = { src: 'fd00::7', dst: 'fd00::2', sport: 1028, dport: 6379 }
const INSIDE4 = { src: '192.168.168.7', dst: '192.168.168.2', sport: 1028, dport: 6379 }
const TOA = Uint8Array.from([254, 20, 0x84, 0x68, ...ip('2001:db8::2')])

const frame = (fields: Partial<TcpFields>) =>
  tcpFrame({ ...MACS, ...CLIENT, flags: '.', seq: 100, ack: 7, ...fields })
const framed = (packet: Uint8Array) => ethernet(MACS.dstMac, MACS.srcMac, 0x86dd, packet)

function changes(before: Uint8Array, after: Uint8Array): string {
  const made = changesOf(before, after)
  const text = changesText(made)
  // What the words leave out is left out of what is compared, too.
  if (text !== '') assert.equal(changesText(parseChanges(text)), text)
  return text
}

test('a segment', () => {
  assert.equal(changes(frame({}), frame({})), '')
  assert.equal(
    changes(frame({}), frame({ ...INSIDE, seq: 105, options: TOA })),
    'length 60 to 80, source [2001:db8::2]:33896 to [fd00::7]:1028, destination [2001:db8::1]:6379 to [fd00::2]:6379, seq +5 to 105, TCP checksum adjusted, TOA added [2001:db8::2]:33896',
  )
  const nops = new Uint8Array(20).fill(1)
  assert.equal(
    changes(frame({ options: TOA }), frame({ options: nops })),
    'TCP checksum adjusted, forged TOA to NOPs ([2001:db8::2]:33896)',
  )
  assert.equal(parseChanges('forged TOA to NOPs ([::1]:1)')[0]?.after, '20 NOPs')
})

test('every field of the header has its name', () => {
  const packet = (fields: object) =>
    framed(ipv6({ ...CLIENT, next: 59, ...fields }, new Uint8Array(8)))
  assert.equal(
    changes(packet({}), packet({ trafficClass: 4, hopLimit: 63, flow: 9 })),
    'TOS 0 to 4, TTL 64 to 63, flow label 0 to 9',
  )
  const options = { kind: 60, rest: Uint8Array.of(0, 1, 4, 0, 0, 0, 0) }
  assert.equal(
    changes(packet({}), packet({ extensions: [options] })),
    'length 48 to 56, protocol 59 to 60, ip_options none to 3b00010400000000',
  )
  assert.match(
    changes(packet({}), packet({ extensions: [fragmentHeader(8, true, 1)] })),
    /fragment whole to 8\+/,
  )
})

test('NAT64: the version, and what both have', () => {
  const inside = { ...INSIDE4, seq: 105, flags: '.', ack: 7 }
  const made = tcpFrame({ ...MACS, ...inside, options: TOA, id: 0, ttl: 63 })
  const words = changes(frame({ tos: 4 }), made)
  assert.equal(
    words,
    'IP version 6 to 4, TOS 4 to 0, TTL 64 to 63, source [2001:db8::2]:33896 to 192.168.168.7:1028, destination [2001:db8::1]:6379 to 192.168.168.2:6379, seq +5 to 105, TCP checksum adjusted, TOA added [2001:db8::2]:33896',
  )
})

test('a datagram, with UOA in front', () => {
  const before = datagram({ ...CLIENT, payload: new Uint8Array(5) })
  const inside = datagram({ ...INSIDE, payload: new Uint8Array(5) }).subarray(40)
  const head = Uint8Array.from([0x20, 17, 0, 24, 31, ...TOA.subarray(1)])
  const after = ipv6({ ...INSIDE, next: 248 }, concat(head, inside))
  assert.equal(
    changes(framed(before), framed(after)),
    'length 53 to 77, source [2001:db8::2]:33896 to [fd00::7]:1028, destination [2001:db8::1]:6379 to [fd00::2]:6379, UOA added [2001:db8::2]:33896 in protocol 248, UDP checksum adjusted',
  )
})

test('an error, its MTU and what it quotes', () => {
  const error = (ends: { src: string; dst: string }, mtu: number, quoted: typeof CLIENT) => {
    const packet = ipv6({ ...quoted, next: 6 }, tcp({ ...quoted, flags: '.', seq: 1 }))
    const body = concat(Uint8Array.of(0, 0, mtu >> 8, mtu & 255), packet)
    return framed(ipv6({ ...ends, next: 58 }, icmpv6(ends, 2, 0, body)))
  }
  const text = changes(
    error({ src: 'fd00::9', dst: INSIDE.src }, 1500, INSIDE),
    error({ src: CLIENT.dst, dst: CLIENT.src }, 1480, CLIENT),
  )
  assert.equal(
    text,
    'source fd00::9 to 2001:db8::1, destination fd00::7 to 2001:db8::2, ICMP MTU 1500 to 1480, ICMP checksum adjusted, quoted source [fd00::7]:1028 to [2001:db8::2]:33896, quoted destination [fd00::2]:6379 to [2001:db8::1]:6379, quoted TCP checksum adjusted',
  )
})
