/**
 * A worker of the hand-over's test: hands frames and other records to all others, judges what it gets, sends slots
 * home, and sleeps whenever it has nothing to do. A lost wake-up or a lost slot leaves it asleep for ever.
 */

import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { Handed, Handover } from '../../src/io/handover.ts'
import { drainWaker, wait, wake } from '../../src/io/native.ts'

export interface Play {
  memory: SharedArrayBuffer
  /** One int32 for each slot of each worker, in place of a frame. */
  arena: SharedArrayBuffer
  workers: number
  self: number
  slots: number
  /** How many frames and other records each worker sends to each other one. */
  records: number
  wakers: number[]
}

export interface Played {
  received: number
  sleeps: number
}

/** Records sent or received before the other side of the work has its turn. */
const BURST = 32

const play = workerData as Play
const { workers, self, slots, records, wakers } = play
const handover = new Handover(play.memory, workers, self, slots, to => wake(wakers[to]))
const arena = new Int32Array(play.arena)
const free = Array.from({ length: slots }, (_, i) => self * slots + i)
/** Number of the next record to, and expected from, each worker. */
const sent = new Array<number>(workers).fill(0)
const expected = new Array<number>(workers).fill(0)
let received = 0
let sleeps = 0

/**
 * Every record takes a slot along, so that nobody outruns the others; every third is no frame, and every seventh
 * ends its burst. => A ring was full.
 */
function sendBurst(): boolean {
  for (let to = 0; to < workers; to++) {
    for (let i = 0; i < BURST && to !== self && sent[to] < records; i++) {
      const slot = free.pop()
      if (slot === undefined) break
      const n = sent[to]
      arena[slot] = n ^ self
      if (!handover.send(to, n % 3 === 0 ? Handed.NEIGH : Handed.FRAME, 0, slot, 0, 0, n)) {
        free.push(slot)
        handover.flush()
        return true
      }
      sent[to]++
      if (n % 7 === 6) break
    }
  }
  handover.flush()
  return false
}

function receiveBurst(): void {
  for (let i = 0; i < BURST && handover.receive(); i++) {
    const { kind, from, a, b, e } = handover
    if (kind === Handed.HOME) {
      assert.equal(Math.trunc(a / slots), self)
      free.push(a)
      continue
    }
    assert.equal(e, expected[from]++)
    received++
    assert.equal(arena[b], e ^ from)
    handover.send(from, Handed.HOME, b)
  }
  handover.flush()
}

const done = () =>
  received === records * (workers - 1) &&
  free.length === slots &&
  sent.every((n, to) => to === self || n === records)

const idle = () => free.length === 0 || sent.every((n, to) => to === self || n === records)

const fds = Int32Array.of(wakers[self])
const revents = new Int32Array(1)
while (!done()) {
  const refused = sendBurst()
  receiveBurst()
  if (!(refused || idle()) || done() || !handover.prepareSleep()) continue
  sleeps++
  // A slot comes home with a wake-up, the room in a ring without.
  wait(fds, revents, 1, refused ? 1 : -1)
  handover.awake()
  drainWaker(wakers[self])
}
const played: Played = { received, sleeps }
parentPort?.postMessage(played)
