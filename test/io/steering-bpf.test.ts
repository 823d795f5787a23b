/**
 * The BPF program and the worker that reads a frame must agree on its owner, whatever the frame looks like.
 * Holds invariant I16.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Steering } from '../../src/engine/steering.ts'
import { steeringProgram } from '../../src/io/steering-bpf.ts'
import { bpfRunner } from '../kit/bpf.ts'
import { icmpError } from '../kit/datagram.ts'
import { arpFrame, ethernet, ip, ipv4, tcp } from '../kit/frame.ts'

const MAC = '02:00:00:00:00:01'
/** What the program returns for each frame. */
const run = bpfRunner('filter')

const int32 = (address: number[]) => new DataView(Uint8Array.from(address).buffer).getInt32(0)

interface Server {
  address: number[]
  port: number
}
/** LIPs, and RSs of NAT as `address:port`. */
interface Known {
  lips: Set<number>
  servers: Set<string>
}

/** The rule itself, over the frame's bytes. */
function owner(steering: Steering, known: Known, frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  if (view.getUint16(12) !== 0x0800) return 0
  const ihl = frame[14] & 15
  if (frame[14] >> 4 !== 4 || ihl < 5) return 0
  if ((view.getUint16(20) & 0x3fff) !== 0) return 0
  const l4 = 14 + ihl * 4
  if (frame[23] === 1) return quotedOwner(steering, known, view, l4)
  if (frame[23] !== 6 && frame[23] !== 17) return 0
  return tupleOwner(steering, known, view, { peer: 26, peerPort: l4, ownPort: l4 + 2 })
}

/** By where the peer's address and both ports stand; ours is what it is sent to. */
function tupleOwner(
  steering: Steering,
  { lips, servers }: Known,
  view: DataView,
  { peer, peerPort, ownPort }: { peer: number; peerPort: number; ownPort: number },
): number {
  const has = (port: number) => view.byteLength >= port + 2
  const own = view.getInt32(30)
  if (lips.has(own))
    return has(ownPort) ? Math.max(0, steering.lportWorker(view.getUint16(ownPort))) : 0
  if (!has(peerPort)) return 0
  const [address, port] = [view.getInt32(peer), view.getUint16(peerPort)]
  if (!servers.has(`${address}:${port}`)) return steering.clientWorker(address, port)
  return has(ownPort) ? steering.clientWorker(own, view.getUint16(ownPort)) : 0
}

/** Of an ICMP error at `icmp`: by what was sent from where it goes to. */
function quotedOwner(steering: Steering, known: Known, view: DataView, icmp: number): number {
  const quote = icmp + 8
  if (view.byteLength < quote + 20) return 0
  if (![3, 4, 5, 11, 12].includes(view.getUint8(icmp))) return 0
  const ihl = view.getUint8(quote) & 15
  if (view.getUint8(quote) >> 4 !== 4 || ihl < 5) return 0
  if (![6, 17].includes(view.getUint8(quote + 9))) return 0
  if ((view.getUint16(quote + 6) & 0x1fff) !== 0) return 0
  if (view.getInt32(quote + 12) !== view.getInt32(30)) return 0
  const ownPort = quote + ihl * 4
  return tupleOwner(steering, known, view, { peer: quote + 16, peerPort: ownPort + 2, ownPort })
}

const address = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
const text = (numbers: number[]) => numbers.join('.')
const port = fc.nat(65_535)
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })

/** Both ends, of which the first is one of `servers` at times. */
const from = (servers: Server[]) =>
  servers.length === 0
    ? fc.record({ address, port })
    : fc.oneof(
        fc.record({ address, port }),
        fc.constantFrom(...servers),
        fc.record({ address: fc.constantFrom(...servers).map(one => one.address), port }),
      )

/** ICMP errors, and what nearly is one, that go to `dst`, about what has gone to `peer`. */
function anyError(
  dst: fc.Arbitrary<number[]>,
  peer: fc.Arbitrary<Server>,
): fc.Arbitrary<Uint8Array> {
  const fields = fc.record({
    about: fc
      .record({ src: dst.map(text), peer, sport: port })
      .map(({ peer: to, ...about }) => ({ ...about, dst: text(to.address), dport: to.port })),
    type: fc.oneof(often(5, fc.constantFrom(3, 4, 5, 11, 12)), often(1, fc.nat(255))),
    protocol: fc.oneof(often(5, fc.constantFrom(6, 17)), often(1, fc.nat(255))),
    fragment: fc.oneof(often(5, fc.constantFrom(0, 0x4000, 0x2000)), often(1, fc.nat(0xffff))),
    optionWords: fc.oneof(fc.constant(0), fc.nat(10)),
    bytes: fc.oneof(often(5, fc.constant(8)), often(1, fc.nat(8))),
    src: address.map(text),
    elsewhere: fc.oneof(often(5, fc.constant(undefined)), often(1, address.map(text))),
  })
  return fields.map(({ optionWords, elsewhere, ...of }) => {
    const options = new Uint8Array(optionWords * 4)
    const packet = icmpError({ ...of, options, ...(elsewhere && { dst: elsewhere }) })
    return ethernet(MAC, MAC, 0x0800, packet)
  })
}

/** Frames with options, fragments, other protocols, other versions, cut short; many of them to one of `lips`. */
function anyFrame(lips: number[][], servers: Server[]): fc.Arbitrary<Uint8Array> {
  const peer = from(servers)
  const dst = lips.length ? fc.oneof(address, fc.constantFrom(...lips)) : address
  const fields = fc.record({
    peer,
    dst,
    dport: port,
    protocol: fc.oneof(often(9, fc.constant(6)), often(3, fc.constantFrom(0, 1, 17, 255))),
    fragment: fc.oneof(often(9, fc.constantFrom(0, 0x4000, 0x8000)), often(1, fc.nat(0xffff))),
    optionWords: fc.oneof(fc.constant(0), fc.nat(10)),
  })
  const packet = fields.map(({ peer: { address, port: sport }, dst, optionWords, ...of }) => {
    const ends = { ...of, sport, src: text(address), dst: text(dst) }
    const segment = tcp({ ...ends, flags: 'S', seq: 1 })
    const options = new Uint8Array(optionWords * 4)
    return ethernet(MAC, MAC, 0x0800, ipv4({ ...ends, options }, segment))
  })
  const error = anyError(dst, peer)
  const any = fc.oneof(packet, error)
  // No shorter than an IPv4 header: the kernel makes no trial run with less (EINVAL since 6.17).
  const cut = fc.tuple(any, fc.nat(64)).map(([frame, bytes]) => frame.slice(0, 34 + bytes))
  const broken = fc.tuple(any, fc.nat(64), fc.nat(255)).map(([frame, at, byte]) => {
    frame[Math.min(12 + at, frame.length - 1)] = byte
    return frame
  })
  // Its type may be that of IPv6, whose header is longer.
  const noise = fc.uint8Array({ minLength: 54, maxLength: 100 })
  return fc.oneof(
    often(6, packet),
    often(4, error),
    often(2, cut),
    often(2, broken),
    often(1, noise),
  )
}

test('the program agrees with Steering on whatever frames', () => {
  const seed = Date.now() | 0
  const seen = new Set<number>()
  for (const workers of [1, 2, 3, 4, 7, 256]) {
    for (const lipCount of [0, 1, 2, 3, 17]) {
      // None, several behind one address, many.
      const servers = fc
        .sample(fc.record({ address, port }), { numRuns: [0, 1, 2, 9, 64][seen.size % 5], seed })
        .flatMap(one => [one, { ...one, port: one.port ^ 1 }])
      const lips = fc.sample(address, { numRuns: lipCount, seed: seed + workers })
      const steering = new Steering(workers, seed ^ lipCount)
      const frames = fc.sample(anyFrame(lips, servers), { numRuns: 500, seed: seed + lipCount })
      const inNumbers = servers.map(one => ({ ...one, address: int32(one.address) }))
      const known = {
        lips: new Set(lips.map(int32)),
        servers: new Set(inNumbers.map(one => `${one.address}:${one.port}`)),
      }
      const program = steeringProgram(steering, known.lips, inNumbers)
      run(program, frames).forEach((queue, i) => {
        const what = `seed ${seed}, ${workers} workers, ${[...known.lips, ...known.servers]}: ${frames[i]}`
        assert.equal(queue, owner(steering, known, frames[i]), what)
        seen.add(queue)
      })
    }
  }
  assert.ok(seen.size > 200, 'the frames reach nearly everybody')
})

test('ARP, and a residue that three workers leave free, are queue 0s', () => {
  const steering = new Steering(3)
  const lip = '192.168.88.28'
  const request = arpFrame(1, { mac: MAC, ip: '10.0.0.1' }, { mac: MAC, ip: lip }, MAC)
  const segment = (dport: number) => {
    const fields = { src: '192.168.88.30', dst: lip, sport: 80, dport, flags: 'S', seq: 1 }
    return ethernet(MAC, MAC, 0x0800, ipv4({ ...fields, protocol: 6 }, tcp(fields)))
  }
  const frames = [request, ...[4096, 4097, 4098, 4099].map(segment)]
  const queues = run(steeringProgram(steering, [int32(ip(lip))]), frames)
  assert.deepEqual(queues, [0, 0, 1, 2, 0])
})

test('as many LIPs as there may be', () => {
  const steering = new Steering(4, 0)
  const lips = Array.from({ length: 4096 }, (_, i) => [i & 1 ? 10 : 200, 7, i >> 8, i & 255])
  const segment = (dst: number[]) => {
    const fields = { src: '10.1.1.1', dst: text(dst), sport: 80, dport: 5002, flags: 'S', seq: 1 }
    return ethernet(MAC, MAC, 0x0800, ipv4({ ...fields, protocol: 6 }, tcp(fields)))
  }
  const program = steeringProgram(steering, lips.map(int32))
  assert.deepEqual(new Set(run(program, lips.map(segment))), new Set([2]))
  const stranger = steering.clientWorker(int32([10, 1, 1, 1]), 80)
  assert.notEqual(stranger, 2)
  assert.deepEqual(
    run(
      program,
      [
        [10, 7, 0, 0],
        [200, 7, 0, 1],
        [255, 255, 255, 255],
        [0, 0, 0, 0],
      ].map(segment),
    ),
    Array(4).fill(stranger),
  )
})
