/** Bursts of frames between the native addon and the kernel, and waiting for them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { beforeEach, test } from 'node:test'
import { inspect } from 'node:util'
import { Worker } from 'node:worker_threads'
import * as native from '../../src/io/native.ts'
import { inNs, ip, NS, namespacePerTest, open, own, PATH, TAP, waysOfBursts } from '../kit/tap.ts'

const { EFAULT, EINVAL, EIO } = constants.errno
const { EBADFD, POLLERR, POLLIN, VNET_HDR_BYTES } = native

const HOST = [10, 77, 0, 1] // the kernel's end of the TAP
const PEER = [10, 77, 0, 2] // ours
const PEER_MAC = [2, 0, 0, 0, 0, 2]
const BROADCAST = Array(6).fill(255)

const SLOTS = 8
const SLOT_BYTES = 70_000 // a 64 KiB segment with its headers
const arena = new Uint8Array(SLOTS * SLOT_BYTES)
const desc = new Int32Array(2 * SLOTS)

let ring: native.Ring | null = null
let burst: native.Burst

/** The test once for each way, with `ring` and `burst` set. */
function eachWay(name: string, body: () => void | Promise<void>): void {
  for (const way of waysOfBursts())
    test(`${name} (${way.name})`, () => {
      ring = way.ring
      burst = native.attach(arena, desc, ring)
      return body()
    })
}

const be16 = (value: number) => [value >> 8, value & 255]

function openUp(): number {
  const fd = open()
  ip('addr', 'add', `${HOST.join('.')}/24`, 'dev', TAP)
  ip('link', 'set', TAP, 'up')
  return fd
}

function waitFor(fd: number, timeoutMs: number): { ready: number; revents: number } {
  const revents = new Int32Array(1)
  const ready = native.wait(Int32Array.of(fd), revents, 1, timeoutMs)
  return { ready, revents: revents[0] }
}

const frame = (slot: number) => Buffer.from(arena.buffer, desc[slot], desc[SLOTS + slot])

/** The next frame that `wanted` accepts, read into `slot`; the kernel may send others too. */
function receive(fd: number, slot: number, wanted: (frame: Buffer) => boolean): Buffer {
  const deadline = Date.now() + 3000
  while (Date.now() < deadline) {
    waitFor(fd, 200)
    while (native.readBurst(burst, fd, slot, 1, SLOT_BYTES) === 1)
      if (wanted(frame(slot))) return frame(slot)
  }
  return assert.fail('the frame did not come within 3 s')
}

function put(slot: number, bytes: number[]): void {
  arena.set(bytes, desc[slot])
  desc[SLOTS + slot] = bytes.length
}

const etherType = (frame: Buffer) => frame.readUInt16BE(VNET_HDR_BYTES + 12)
const isArpRequest = (frame: Buffer) => etherType(frame) === 0x0806 && frame[10 + 21] === 1
const isTcp = (frame: Buffer) => etherType(frame) === 0x0800 && frame[10 + 14 + 9] === 6

/** No virtio_net_hdr flags; an Ethernet header to `daddr` from us. */
const ethernet = (daddr: number[], type: number) => [
  ...Array(VNET_HDR_BYTES).fill(0),
  ...daddr,
  ...PEER_MAC,
  ...be16(type),
]

function arpReply(request: Buffer): number[] {
  const asker = [...request.subarray(10 + 22, 10 + 32)] // SHA, SPA
  const fixed = [...be16(1), ...be16(0x0800), 6, 4, ...be16(2)]
  return [...ethernet(asker.slice(0, 6), 0x0806), ...fixed, ...PEER_MAC, ...PEER, ...asker]
}

/** SYN-ACK for a SYN; its checksum is left to the kernel (NEEDS_CSUM), as it is for local TCP. */
function synAck(syn: Buffer): number[] {
  const sum = [0x4500, 44, 0, 0x4000, 0x4006, 0x0a4d, 2, 0x0a4d, 1].reduce((a, b) => a + b)
  const ipv4 = [
    0x45,
    0,
    ...be16(44),
    0,
    0,
    0x40,
    0,
    64,
    6,
    ...be16(~((sum & 0xffff) + (sum >> 16)) & 0xffff),
  ]
  const seq = Buffer.alloc(8)
  seq.writeUInt32BE(syn.readUInt32BE(10 + 34 + 4) + 1, 4) // SEQ 0, ACK of their SYN
  const ports = [...syn.subarray(10 + 36, 10 + 38), ...syn.subarray(10 + 34, 10 + 36)]
  const tcp = [...ports, ...seq, 0x60, 0x12, ...be16(65535), 0, 0, 0, 0, 2, 4, ...be16(1460)]
  const bytes = [...ethernet([...syn.subarray(16, 22)], 0x0800), ...ipv4, ...PEER, ...HOST, ...tcp]
  Buffer.from([1, 0, 0, 0, 0, 0, 34, 0, 16, 0]).forEach((byte, at) => {
    bytes[at] = byte
  })
  return bytes
}

/** Sends a datagram to `address` and so makes the kernel ask for its MAC. */
const provokeArp = (address: number[]) => inNs(`echo x > /dev/udp/${address.join('.')}/9`)

namespacePerTest()

beforeEach(() => {
  for (let slot = 0; slot < SLOTS; slot++) desc[slot] = slot * SLOT_BYTES
  desc.fill(0, SLOTS)
})

eachWay('a frame of the kernel arrives in its slot behind 10 bytes of virtio_net_hdr', () => {
  const fd = openUp()
  assert.deepEqual(waitFor(fd, 0), { ready: 0, revents: 0 })
  assert.equal(native.readBurst(burst, fd, 0, SLOTS, SLOT_BYTES), 0)
  provokeArp(PEER)
  assert.deepEqual(waitFor(fd, 1000), { ready: 1, revents: POLLIN })
  assert.equal(native.readBurst(burst, fd, 3, 2, SLOT_BYTES), 1)
  assert.deepEqual([...desc.subarray(SLOTS)], [0, 0, 0, VNET_HDR_BYTES + 42, 0, 0, 0, 0])
  assert.deepEqual([...frame(3).subarray(0, VNET_HDR_BYTES)], Array(VNET_HDR_BYTES).fill(0))
  assert.deepEqual([...frame(3).subarray(10, 16)], BROADCAST)
  assert.ok(isArpRequest(frame(3)))
  assert.deepEqual([...frame(3).subarray(10 + 38, 10 + 42)], PEER)
  assert.ok(arena.subarray(0, 3 * SLOT_BYTES).every(byte => byte === 0))
})

eachWay('a burst reads several frames, stops at max and leaves the rest', () => {
  const fd = openUp()
  const peers = [2, 3, 4, 5, 6].map(host => [10, 77, 0, host])
  for (const peer of peers) provokeArp(peer)
  assert.equal(native.readBurst(burst, fd, 0, 3, SLOT_BYTES), 3)
  assert.equal(native.readBurst(burst, fd, 3, 0, SLOT_BYTES), 0)
  assert.equal(native.readBurst(burst, fd, 3, SLOTS - 3, SLOT_BYTES), 2)
  for (const [slot, peer] of peers.entries())
    assert.deepEqual([...frame(slot).subarray(10 + 38, 10 + 42)], peer)
})

eachWay('the kernel cuts a frame longer than the capacity without a word', () => {
  const fd = openUp()
  arena.fill(0xee, 0, 100)
  provokeArp(PEER)
  assert.equal(native.readBurst(burst, fd, 0, 1, 20), 1)
  assert.equal(desc[SLOTS], 20)
  assert.deepEqual([...arena.subarray(20, 100)], Array(80).fill(0xee))
  assert.equal(native.readBurst(burst, fd, 0, 1, SLOT_BYTES), 0)
})

eachWay('an ARP reply written by us reaches the neighbour table of the kernel', () => {
  const fd = openUp()
  provokeArp(PEER)
  put(5, arpReply(receive(fd, 0, isArpRequest)))
  assert.equal(native.writeBurst(burst, fd, 5, 1), 0)
  assert.match(ip('neigh', 'show', PEER.join('.')), /lladdr 02:00:00:00:00:02 REACHABLE/)
})

eachWay('a TCP stream leaves the kernel as segments longer than the MTU', async () => {
  const fd = openUp()
  const client = spawn(
    'ip',
    ['netns', 'exec', NS, 'bash', '-c', `head -c 60000 /dev/zero > /dev/tcp/${PEER.join('.')}/80`],
    {
      stdio: 'ignore',
    },
  )
  try {
    put(1, arpReply(receive(fd, 0, isArpRequest)))
    assert.equal(native.writeBurst(burst, fd, 1, 1), 0)
    put(2, synAck(receive(fd, 0, isTcp)))
    assert.equal(native.writeBurst(burst, fd, 2, 1), 0)
    const segment = receive(fd, 0, frame => isTcp(frame) && frame.length > 10 + 1514)
    assert.equal(segment[0], 1, 'flags: NEEDS_CSUM')
    assert.equal(segment[1], 1, 'gso_type: TCPV4')
    assert.equal(segment.readUInt16LE(4), 1460, 'gso_size: the MSS')
  } finally {
    client.kill()
    await once(client, 'close')
  }
})

eachWay('writing: what the kernel refuses is counted and named in its length cell', () => {
  const fd = openUp()
  for (let slot = 0; slot < 5; slot++)
    put(slot, [...ethernet(BROADCAST, 0x88b5), ...Array(50).fill(0)])
  desc[SLOTS + 1] = VNET_HDR_BYTES + 13 // shorter than an Ethernet header
  arena[desc[2] + 1] = 9 // no such gso_type
  desc[3] = arena.length - 50 // not all of it inside the arena
  const bytes = VNET_HDR_BYTES + 14 + 50
  assert.equal(native.writeBurst(burst, fd, 0, 5), 3)
  assert.deepEqual([...desc.subarray(SLOTS, SLOTS + 5)], [bytes, -EINVAL, -EINVAL, -EFAULT, bytes])
  assert.match(ip('-s', 'link', 'show', TAP), /RX:.*\n\s+\d+\s+2 /)
})

eachWay('a TAP that is down refuses frames and reads as empty', () => {
  const fd = open()
  put(0, [...ethernet(BROADCAST, 0x88b5), ...Array(50).fill(0)])
  assert.equal(native.writeBurst(burst, fd, 0, 1), 1)
  assert.equal(desc[SLOTS], -EIO)
  assert.deepEqual(waitFor(fd, 0), { ready: 0, revents: 0 })
  assert.equal(native.readBurst(burst, fd, 0, 1, SLOT_BYTES), 0)
})

eachWay('a TAP that is deleted wakes its waiter and gives EBADFD', async () => {
  const fd = openUp()
  const deleter = spawn('bash', ['-c', `sleep 0.1; exec ip -n ${NS} link del ${TAP}`])
  assert.deepEqual(waitFor(fd, 5000), { ready: 1, revents: POLLERR })
  await once(deleter, 'exit') // its signal would end another wait
  for (let slot = 0; slot < 3; slot++)
    put(slot, [...ethernet(BROADCAST, 0x88b5), ...Array(50).fill(0)])
  assert.equal(native.writeBurst(burst, fd, 0, 3), 3)
  assert.deepEqual([...desc.subarray(SLOTS, SLOTS + 3)], Array(3).fill(-EBADFD))
  for (let again = 0; again < 3; again++)
    assert.equal(native.readBurst(burst, fd, 0, SLOTS, SLOT_BYTES), -EBADFD)
  assert.throws(() => native.unpersistTap(fd), { code: 'EBADFD' })
})

eachWay('a slot outside the arena is refused and nothing outside it is written', () => {
  const fd = openUp()
  provokeArp(PEER)
  for (const offset of [-1, -(2 ** 31), arena.length, arena.length - SLOT_BYTES + 1, 2 ** 31 - 1]) {
    desc[0] = offset
    assert.equal(native.readBurst(burst, fd, 0, 1, SLOT_BYTES), -EFAULT)
    desc[SLOTS] = SLOT_BYTES
    assert.equal(native.writeBurst(burst, fd, 0, 1), 1)
    assert.equal(desc[SLOTS], -EFAULT)
  }
  desc[0] = 0
  for (const bytes of [0, -1, -(2 ** 31), arena.length + 1]) {
    assert.equal(native.readBurst(burst, fd, 0, 1, bytes), -EFAULT)
    desc[SLOTS] = bytes
    assert.equal(native.writeBurst(burst, fd, 0, 1), 1)
    assert.equal(desc[SLOTS], -EFAULT)
  }
  assert.ok(isArpRequest(receive(fd, 0, () => true)), 'the refusals consumed no frame')
  provokeArp([10, 77, 0, 9])
  desc[1] = -1
  assert.equal(native.readBurst(burst, fd, 0, 2, SLOT_BYTES), 1, 'the frame before the bad slot')
  for (const [first, n] of [
    [-1, 1],
    [0, SLOTS + 1],
    [SLOTS, 1],
    [1, -1],
    [2 ** 31 - 1, 2 ** 31 - 1],
  ] as const) {
    assert.throws(() => native.readBurst(burst, fd, first, n, SLOT_BYTES), RangeError)
    assert.throws(() => native.writeBurst(burst, fd, first, n), RangeError)
  }
})

test('wait returns on a wake from another thread, and at its timeout without one', async () => {
  const waker = own(native.createWaker())
  assert.deepEqual(waitFor(waker, 10), { ready: 0, revents: 0 })
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.url).then(native => {
      native.attach(new Uint8Array(64), new Int32Array(2), null) // freed as the thread ends
      parentPort.postMessage('ready')
      setTimeout(() => native.wake(workerData.waker), 50)
    })`
  const url = new URL('../../src/io/native.js', import.meta.url).href
  const worker = new Worker(code, { eval: true, workerData: { url, waker } })
  await once(worker, 'message')
  assert.deepEqual(waitFor(waker, 5000), { ready: 1, revents: POLLIN })
  await once(worker, 'exit')
  native.wake(waker)
  native.drainWaker(waker)
  native.drainWaker(waker)
  assert.deepEqual(waitFor(waker, 0), { ready: 0, revents: 0 })
})

eachWay('frames may lie in shared memory', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4096), 1024)
  const cells = new Int32Array(new SharedArrayBuffer(8))
  const fd = openUp()
  const sharedBurst = native.attach(shared, cells, ring)
  provokeArp(PEER)
  cells[0] = 100
  assert.equal(native.readBurst(sharedBurst, fd, 0, 1, 1000), 1)
  assert.equal(cells[1], VNET_HDR_BYTES + 42)
  assert.deepEqual([...shared.subarray(110, 116)], BROADCAST)
})

eachWay('a burst notices that its memory was transferred away', () => {
  const fd = openUp()
  const moved = new Uint8Array(1000)
  const movedBurst = native.attach(moved, new Int32Array(2), ring)
  assert.equal(native.readBurst(movedBurst, fd, 0, 1, 1000), 0)
  structuredClone(moved.buffer, { transfer: [moved.buffer] })
  assert.throws(() => native.readBurst(movedBurst, fd, 0, 1, 1000), TypeError)
})

test('arguments of a wrong type throw TypeError', () => {
  const any = native as unknown as Record<string, (...args: unknown[]) => unknown>
  const resizable = new Uint8Array(Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]))
  const wrong: [string, ...unknown[]][] = [
    ['openTap'],
    ['openTap', '', PATH, 0],
    ['openTap', 'tap%d', PATH, 0],
    ['openTap', 'a-name-of-16-byte', PATH, 0],
    ['openTap', 'a\0b', PATH, 0],
    ['openTap', TAP, PATH, '1'],
    ['openTap', TAP, null, 0],
    ['closeFd', NaN],
    ['closeFd', 1.5],
    ['closeFd', 2 ** 32],
    ['closeFd', 1n],
    ['enterNetns', 7],
    ['attach', arena.buffer, desc, null],
    ['attach', desc, arena, null],
    ['attach', arena, new Int32Array(3), null],
    ['attach', resizable, desc, null],
    ['attach', arena, desc],
    ['attach', arena, desc, burst],
    ['openRing'],
    ['readBurst', native.openRing(1, 0), 0, 0, 1, 1],
    ['readBurst', {}, 0, 0, 1, 1],
    ['readBurst', burst, 0, 0, 1],
    ['writeBurst', null, 0, 0, 1],
    ['wait', [0], new Int32Array(1), 1, 0],
    ['wait', new Int32Array(1), new Uint8Array(4), 1, 0],
  ]
  for (const [name, ...args] of wrong)
    assert.throws(() => any[name](...args), TypeError, `${name}(${inspect(args)})`)
  assert.throws(() => native.openTap(TAP, PATH, 4), RangeError)
  assert.throws(() => native.openRing(0, 0), RangeError)
  assert.throws(() => native.openRing(257, 0), RangeError)
  assert.throws(() => native.wait(new Int32Array(1), new Int32Array(2), 2, 0), RangeError)
  assert.throws(() => native.wait(new Int32Array(99), new Int32Array(99), 65, 0), RangeError)
  assert.throws(() => native.closeFd(-1), { code: 'EBADF' })
})
