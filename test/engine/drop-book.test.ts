/**
 * The last refused frames of each reason: what is kept, in which order, and never half of it.
 * Holds invariant I14.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { Drop } from '../../src/engine/counters.ts'
import { DropBook, ENTRIES, KEPT_BYTES, refusals } from '../../src/engine/drop-book.ts'
import { Frames } from '../../src/engine/frames.ts'
import { open, RS, SYN, WAN } from '../kit/connection.ts'
import { frame, packet } from '../kit/drop.ts'
import { Stand } from '../kit/stand.ts'

function bookOf() {
  const frames = new Frames(new ArrayBuffer(Frames.bytesFor(512)), 512)
  const memory = new SharedArrayBuffer(DropBook.bytes)
  const book = new DropBook(memory, frames)
  const keep = (reason: number, bytes: Uint8Array) => {
    const slot = frames.take()
    new Uint8Array(frames.pkt.buffer, frames.start[slot], bytes.length).set(bytes)
    frames.length[slot] = bytes.length
    book.keep(reason, 1, slot)
    frames.release(slot)
  }
  return { book, memory, keep }
}

test('a book that nobody wrote has no frames', () => {
  const { memory } = bookOf()
  for (const reason of Object.values(Drop)) assert.deepEqual(refusals(memory, reason), [])
})

test('the newest come first, the oldest are forgotten, other reasons are left alone', () => {
  const { book, memory, keep } = bookOf()
  keep(Drop.IP_TTL, Uint8Array.of(1, 2, 3))
  for (let n = 1; n <= ENTRIES + 3; n++) {
    book.now = 1000 + n
    keep(Drop.TCP_NO_CONN, new Uint8Array(60 + n).fill(n))
    const kept = refusals(memory, Drop.TCP_NO_CONN)
    assert.equal(kept.length, Math.min(n, ENTRIES))
    kept.forEach((refusal, back) => {
      const number = n - back
      assert.equal(refusal.time, 1000 + number)
      assert.equal(refusal.length, 60 + number)
      assert.deepEqual(refusal.bytes, new Uint8Array(60 + number).fill(number))
    })
  }
  assert.deepEqual(refusals(memory, Drop.IP_TTL), [
    { time: 0, arm: 1, length: 3, bytes: Uint8Array.of(1, 2, 3) },
  ])
})

test('of a flood the first frames of each millisecond are kept', () => {
  const { book, memory, keep } = bookOf()
  for (const now of [0, 1, 2]) {
    book.now = now
    for (let n = 0; n < 100; n++) keep(Drop.TCP_NO_CONN, Uint8Array.of(now, n))
    const kept = refusals(memory, Drop.TCP_NO_CONN)
    const expected = Array.from({ length: ENTRIES }, (_, n) => [now, ENTRIES - 1 - n])
    assert.deepEqual(
      kept.map(({ bytes }) => [...bytes]),
      expected,
    )
  }
})

test('of a long frame the headers are kept', () => {
  const { memory, keep } = bookOf()
  keep(
    Drop.IP_TOO_BIG,
    new Uint8Array(9000).map((_, i) => i & 255),
  )
  const [refusal] = refusals(memory, Drop.IP_TOO_BIG)
  assert.ok(refusal)
  assert.equal(refusal.length, 9000)
  assert.deepEqual(
    refusal.bytes,
    new Uint8Array(KEPT_BYTES).map((_, i) => i & 255),
  )
})

test('what the engine refuses is kept, its own RSTs and parked frames too', () => {
  const stand = new Stand()
  const kept = (reason: keyof typeof Drop) => refusals(stand.dropMemory, Drop[reason])
  const bytes = frame(packet({ dport: 80 }))
  stand.inputRaw(WAN, bytes)
  assert.deepEqual(kept('TCP_NO_SERVICE'), [
    { time: stand.now, arm: 0, length: bytes.length, bytes },
  ])
  // Nobody answers for the RS: the SYN that waits for it leaves as it was to be sent.
  open(stand)
  stand.pass(4000)
  const [parked] = kept('NEIGH_UNRESOLVED')
  assert.ok(parked)
  assert.equal(parked.arm, 1)
  const view = new DataView(parked.bytes.buffer, parked.bytes.byteOffset)
  assert.equal(view.getUint16(10 + 14 + 20 + 2), RS.sport)
  assert.notDeepEqual(parked.bytes.subarray(0, 64), frame(packet(SYN)).subarray(0, 64))
})

test('a reader never sees halves of two frames', async () => {
  const memory = new SharedArrayBuffer(DropBook.bytes)
  const end = new SharedArrayBuffer(4)
  const worker = new Worker(new URL('../kit/drop-book-worker.js', import.meta.url), {
    workerData: { memory, end },
  })
  let seen = 0
  for (const until = Date.now() + 1500; seen < 20_000 && Date.now() < until; ) {
    for (const { time, arm, bytes } of refusals(memory, 7)) {
      seen++
      assert.equal(arm, time)
      assert.ok(bytes.every(byte => byte === time))
    }
    // Its start needs our event loop.
    if (seen === 0) await new Promise(done => setImmediate(done))
  }
  Atomics.store(new Int32Array(end), 0, 1)
  await worker.terminate()
  assert.ok(seen > 0)
})
