/**
 * The same of IPv6 as steering-bpf.test.ts: the program and the worker that reads a frame agree on its owner. Holds invariant I16.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Steering, xored } from '../../src/engine/steering.ts'
import { steeringProgram } from '../../src/io/steering-bpf.ts'
import { type Ipv6, ipv6Text, ipv6Words } from '../../src/wire/ipv6-address.ts'
import { bpfRunner } from '../kit/bpf.ts'
import { udp } from '../kit/datagram.ts'
import { concat, ethernet, fragmentHeader, icmpv6, ipv6, tcp } from '../kit/frame.ts'

const IPV6_HEADER = 40
const MAC = '02:00:00:00:00:01'
const run = bpfRunner('filter')

/** The rule itself, over the frame's bytes. */
function owner(
  steering: Steering,
  lips: Set<string>,
  servers: Set<string>,
  frame: Uint8Array,
): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const hex = (at: number) => Buffer.from(frame.subarray(at, at + 16)).toString('hex')
  if (view.getUint16(12) !== 0x86dd || frame[14] >> 4 !== 6 || frame.length < 56) return 0
  const isError = frame[20] === 58
  if (isError && (frame[54] >= 128 || frame.length < 62 + 40)) return 0
  const packet = isError ? 62 : 14
  if (![6, 17].includes(frame[packet + 6])) return 0
  if (isError && hex(packet + 8) !== hex(38)) return 0
  const isToLip = lips.has(hex(38))
  // An error quotes what went the other way.
  const own = packet + 40 + (isError ? 0 : 2)
  const peer = packet + 40 + (isError ? 2 : 0)
  const port = isToLip ? own : peer
  if (frame.length < port + 2) return 0
  if (isToLip) return Math.max(0, steering.lportWorker(view.getUint16(port)))
  const sumAt = (at: number) => [0, 4, 8, 12].reduce((all, i) => all ^ view.getInt32(at + i), 0)
  const at = packet + (isError ? 24 : 8)
  const sum = sumAt(at)
  if (servers.has(`${sum}:${view.getUint16(port)}`))
    return frame.length < own + 2 ? 0 : steering.clientWorker(sumAt(38), view.getUint16(own))
  return steering.clientWorker(sum, view.getUint16(port))
}

const word = fc.oneof(fc.constantFrom(0, 1, 0x2001_0db8, -1), fc.integer())
const address = fc.tuple(word, word, word, word)
const port = fc.nat(65_535)
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })
const textOf = (words: number[]) => ipv6Text(words as unknown as Ipv6)
const hexOf = (words: Ipv6) => words.map(one => (one >>> 0).toString(16).padStart(8, '0')).join('')

interface Server {
  address: Ipv6
  port: number
}

const protocol = fc.oneof(often(9, fc.constantFrom(6, 17)), often(1, fc.constantFrom(0, 59, 132)))
const ends = (src: fc.Arbitrary<string>, dst: fc.Arbitrary<string>) =>
  fc.record({ src, dst, sport: port, dport: port })

function inside(kind: number, of: { src: string; dst: string; sport: number; dport: number }) {
  return kind === 17 ? udp(of).subarray(IPV6_HEADER) : tcp({ ...of, flags: 'S', seq: 1 })
}

/** Segments and datagrams with and without extension headers, errors about them, cut short and spoilt. */
function anyFrame(lips: Ipv6[], servers: Server[]): fc.Arbitrary<Uint8Array> {
  const any = address.map(textOf)
  const peer = fc.oneof(
    fc.record({ address: any, port }),
    fc.constantFrom(...servers.map(one => ({ ...one, address: ipv6Text(one.address) }))),
  )
  const dst = lips.length > 0 ? fc.oneof(any, fc.constantFrom(...lips.map(ipv6Text))) : any
  const whole = fc
    .tuple(ends(any, dst), peer, protocol, fc.nat(9))
    .map(([to, { address: src, port: sport }, next, odd]) => {
      const of = { ...to, src, sport }
      const extensions = odd === 0 ? [fragmentHeader(0, true, 7)] : []
      return ipv6({ ...of, next, extensions }, inside(next, of))
    })
  const error = fc
    .tuple(
      ends(dst, any),
      peer,
      protocol,
      fc.constantFrom(1, 2, 3, 4, 100, 127, 128, 135),
      any,
      fc.nat(5),
    )
    .map(([from, to, next, type, src, odd]) => {
      const about = { ...from, dst: to.address, dport: to.port }
      const quote = ipv6({ ...about, next }, inside(next, about))
      const ends = { src, dst: odd === 0 ? src : about.src }
      return ipv6({ ...ends, next: 58 }, icmpv6(ends, type, 0, concat(new Uint8Array(4), quote)))
    })
  const frame = fc.oneof(whole, error).map(packet => ethernet(MAC, MAC, 0x86dd, packet))
  const cut = fc.tuple(frame, fc.nat(100)).map(([bytes, most]) => bytes.slice(0, 54 + most))
  const broken = fc.tuple(frame, fc.nat(110), fc.nat(255)).map(([bytes, at, byte]) => {
    bytes[Math.min(12 + at, bytes.length - 1)] = byte
    return bytes
  })
  return fc.oneof(often(6, frame), often(2, cut), often(2, broken))
}

test('the program agrees with Steering on whatever frames of IPv6', () => {
  const seed = Date.now() | 0
  const seen = new Set<number>()
  for (const workers of [1, 2, 3, 4, 7, 256]) {
    for (const lipCount of [0, 1, 2, 3, 17]) {
      const lips = fc.sample(address, { numRuns: lipCount, seed: seed + workers }) as Ipv6[]
      const steering = new Steering(workers, seed ^ lipCount)
      const servers = fc
        .sample(fc.record({ address, port }), { numRuns: 1 + lipCount, seed })
        .flatMap(one => [one, { ...one, port: one.port ^ 1 }]) as Server[]
      const frames = fc.sample(anyFrame(lips, servers), { numRuns: 500, seed: seed + lipCount })
      const known = new Set(lips.map(hexOf))
      // Several addresses have the same words XORed, and are steered alike (engine/nat-servers.ts).
      const ours = new Set(servers.map(one => `${xored(one.address)}:${one.port}`))
      const program = steeringProgram(steering, [...lips, 0x0a00_0001], servers)
      run(program, frames).forEach((queue, i) => {
        const what = `seed ${seed}, ${workers} workers, LIPs ${lips.map(ipv6Text).join(' ')}: ${frames[i]}`
        // Others than of IPv6 are steering-bpf.test.ts's.
        if (frames[i][12] !== 0x86) return
        assert.equal(queue, owner(steering, known, ours, frames[i]), what)
        seen.add(queue)
      })
    }
  }
  assert.ok(seen.size > 200, 'the frames reach nearly everybody')
})

const segmentTo = (dst: string) => {
  const of = { src: '2001:db8::99', dst, sport: 80, dport: 5002 }
  return ethernet(MAC, MAC, 0x86dd, ipv6({ ...of, next: 6 }, tcp({ ...of, flags: 'S', seq: 1 })))
}

test('as many LIPs of one network as there may be', () => {
  const steering = new Steering(4, 0)
  const lips = Array.from(
    { length: 4096 },
    (_, i) => `2001:db8:${i >> 11}::${(i * 16).toString(16)}`,
  )
  const program = steeringProgram(steering, lips.map(ipv6Words))
  assert.deepEqual(new Set(run(program, lips.map(segmentTo))), new Set([2]))
  const client = ipv6Words('2001:db8::99').reduce((all, one) => all ^ one, 0)
  const stranger = steering.clientWorker(client, 80)
  const others = ['2001:db8::1', '2001:db8:2::', '::', '2001:db9::10', '2001:db8:0:1::10']
  assert.notEqual(stranger, 2)
  assert.deepEqual(
    run(program, others.map(segmentTo)),
    others.map(() => stranger),
  )
})

test('too many that have nothing in common are refused, not steered wrongly', () => {
  const lips = Array.from({ length: 4096 }, (_, i) => [i, ~i, i * 7, i * 13] as unknown as Ipv6)
  assert.throws(() => steeringProgram(new Steering(4), lips), RangeError)
})
