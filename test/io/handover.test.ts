/**
 * Records between workers: order, room, and waking, first in one thread and then in several.
 * Holds invariant I17.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { Handed, Handover } from '../../src/io/handover.ts'
import { closeFd, createWaker } from '../../src/io/native.ts'
import type { Play, Played } from '../kit/handover-worker.ts'

const SLOTS = 5 // rings of 16 records, of which 11 are for anything but HOME
const ROOM = 11

/** So many workers over one memory, and the list of those that were woken. */
function workers(count: number): { all: Handover[]; woken: number[] } {
  const memory = new SharedArrayBuffer(Handover.bytesFor(count, SLOTS))
  const woken: number[] = []
  const wake = (worker: number) => woken.push(worker)
  const all = Array.from({ length: count }, (_, self) => {
    return new Handover(memory, count, self, SLOTS, wake)
  })
  return { all, woken }
}

const fields = ({ from, kind, a, b, c, d, e }: Handover) => [from, kind, a, b, c, d, e]

/** All that a worker has been sent. */
function* received(worker: Handover): Iterable<number[]> {
  while (worker.receive()) yield fields(worker)
}

test('a record arrives as it was sent, once it is flushed', () => {
  const [x, y] = workers(2).all
  assert.equal(y.receive(), false)
  assert.equal(x.send(1, Handed.NEIGH, 1, -2, 0xffff, -(2 ** 31), 2 ** 31 - 1), true)
  assert.equal(y.receive(), false)
  x.flush()
  assert.deepEqual([...received(y)], [[0, Handed.NEIGH, 1, -2, 0xffff, -(2 ** 31), 2 ** 31 - 1]])
  assert.deepEqual([...received(x)], [])
})

test('in order within a pair, through many rounds of the ring, in bursts of any size', () => {
  const [x, y] = workers(2).all
  let sent = 0
  let got = 0
  for (let round = 0; round < 1000; round++) {
    for (let i = 0; i < round % (ROOM + 1); i++) assert.ok(x.send(1, Handed.NEIGH, sent++))
    x.flush()
    for (const [, , a] of received(y)) assert.equal(a, got++)
    assert.equal(got, sent)
  }
})

test('a full ring refuses frames and keeps its records; what is read makes room', () => {
  const [x, y] = workers(2).all
  for (let i = 0; i < ROOM; i++) assert.ok(x.send(1, Handed.FRAME, i))
  assert.equal(x.send(1, Handed.FRAME, 99), false)
  x.flush()
  assert.equal(x.send(1, Handed.NEIGH, 99), false)
  y.receive()
  y.prepareSleep()
  assert.ok(x.send(1, Handed.FRAME, ROOM))
  assert.equal(x.send(1, Handed.FRAME, 99), false)
  x.flush()
  assert.deepEqual(
    [...received(y)].map(([, , a]) => a),
    Array.from({ length: ROOM }, (_, i) => i + 1),
  )
})

test('a full ring still takes every slot home, but not one twice', () => {
  const [x, y] = workers(2).all
  for (let i = 0; i < ROOM; i++) x.send(1, Handed.FRAME, i)
  for (let slot = 0; slot < SLOTS; slot++) assert.ok(x.send(1, Handed.HOME, slot))
  assert.throws(() => x.send(1, Handed.HOME, 0), /home twice/)
  x.flush()
  const slots = [...received(y)].filter(([, kind]) => kind === Handed.HOME).map(([, , a]) => a)
  assert.deepEqual(slots, [0, 1, 2, 3, 4])
})

test('a slot that is handed on leaves room for its way home, even in the middle of reading', () => {
  const [x, y] = workers(2).all
  for (let i = 0; i < ROOM; i++) x.send(1, Handed.FRAME, i)
  for (let slot = 0; slot < SLOTS; slot++) x.send(1, Handed.HOME, slot)
  x.flush()
  for (let i = 0; i <= ROOM; i++) y.receive()
  assert.deepEqual(fields(y).slice(0, 3), [0, Handed.HOME, 0])
  y.send(0, Handed.FRAME, 0, 0) // the slot that has just come home
  y.flush()
  assert.ok(x.receive())
  assert.ok(x.send(1, Handed.HOME, 0))
})

test('several senders: each in order, all in turn', () => {
  const [x, y, z] = workers(3).all
  for (let i = 0; i < 3; i++) {
    x.send(1, Handed.NEIGH, i)
    z.send(1, Handed.NEIGH, 10 + i)
    z.send(0, Handed.NEIGH, 20 + i)
  }
  x.flush()
  z.flush()
  const got = [...received(y)].map(([from, , a]) => [from, a])
  assert.deepEqual(got.filter(([from]) => from === 0).flat(), [0, 0, 0, 1, 0, 2])
  assert.deepEqual(got.filter(([from]) => from === 2).flat(), [2, 10, 2, 11, 2, 12])
  assert.deepEqual(
    [...received(x)].map(([, , a]) => a),
    [20, 21, 22],
  )
})

test('who sleeps is woken once, who is awake not at all, and nobody sleeps over records', () => {
  const { all, woken } = workers(3)
  const [x, y, z] = all
  const hand = (from: Handover) => {
    from.send(1, Handed.NEIGH, 0)
    from.flush()
  }
  hand(x)
  assert.equal(y.prepareSleep(), false)
  hand(x)
  assert.deepEqual(woken, [], 'it did not fall asleep')
  for (const _ of received(y));
  assert.equal(y.prepareSleep(), true)
  x.flush()
  assert.deepEqual(woken, [], 'nothing was sent')
  hand(x)
  hand(x)
  hand(z)
  assert.deepEqual(woken, [1])
  y.awake()
  assert.equal([...received(y)].length, 3)
  assert.equal(y.prepareSleep(), true)
  y.awake()
  hand(z)
  assert.deepEqual(woken, [1])
})

/** Runs `act` with `other` let in just before its atomic operation number `n`. => Did it have so many? */
function interleave(act: () => void, n: number, other: () => void): boolean {
  const { load, store, compareExchange } = Atomics
  let left = n
  const before = (operation: (...args: never[]) => number) => {
    return (...args: never[]) => {
      if (left-- === 0) other()
      return operation(...args)
    }
  }
  Object.assign(Atomics, {
    load: before(load),
    store: before(store),
    compareExchange: before(compareExchange),
  })
  try {
    act()
  } finally {
    Object.assign(Atomics, { load, store, compareExchange })
  }
  return left < 0
}

test('wherever going to sleep and sending meet, the sleeper is woken or does not sleep', () => {
  for (const sleeperFirst of [true, false]) {
    for (let n = 0; ; n++) {
      const { all, woken } = workers(2)
      const [x, y] = all
      let slept = false
      const sleep = () => {
        slept = y.prepareSleep()
      }
      const send = () => x.flush()
      x.send(1, Handed.NEIGH, 0)
      const met = sleeperFirst ? interleave(sleep, n, send) : interleave(send, n, sleep)
      if (!met) {
        assert.ok(n > 1, 'there were operations to come between')
        break
      }
      assert.equal(woken.length > 0 || !slept, true, `operation ${n}, ${sleeperFirst}`)
    }
  }
})

test('who goes to sleep publishes what it has sent', () => {
  const [x, y] = workers(2).all
  x.send(1, Handed.NEIGH, 7)
  assert.equal(x.prepareSleep(), true)
  assert.equal([...received(y)].length, 1)
})

for (const count of [2, 4]) {
  test(`${count} threads: nothing is lost, reordered or slept over in 400,000`, async () => {
    const slots = 24
    const wakers = Array.from({ length: count }, createWaker)
    const play: Omit<Play, 'self'> = {
      memory: new SharedArrayBuffer(Handover.bytesFor(count, slots)),
      arena: new SharedArrayBuffer(4 * count * slots),
      workers: count,
      slots,
      records: Math.ceil(400_000 / (count * (count - 1))),
      wakers,
    }
    const url = new URL('../kit/handover-worker.js', import.meta.url)
    const threads = wakers.map(
      (_, self) => new Worker(url, { workerData: { ...play, self } satisfies Play }),
    )
    try {
      const played = await Promise.all(threads.map(thread => once(thread, 'message')))
      for (const [{ received, sleeps }] of played as [Played][]) {
        assert.equal(received, play.records * (count - 1))
        assert.ok(sleeps > 0, 'it slept')
      }
    } finally {
      await Promise.all(threads.map(thread => thread.terminate()))
      wakers.forEach(closeFd)
    }
  })
}
