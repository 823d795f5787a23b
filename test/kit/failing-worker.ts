/**
 * The daemon's own worker, which fails when it is told to (failing-main.ts): hang (an endless loop), end (an exception that nobody catches),
 * frames (the engine throws at each frame with 'broken!' in it, as long as it is told to), timers (it throws at each turn of the timers).
 */

import { getEnvironmentData, workerData } from 'node:worker_threads'
import type { WorkerStart } from '../../src/control/threads/protocol.ts'
import type { Arm } from '../../src/engine/arm.ts'
import { Engine } from '../../src/engine/engine.ts'
import { Loop } from '../../src/io/loop.ts'
import { FAILURES } from './failing-main.ts'

const { index } = workerData as WorkerStart
// A packet thread may open nothing, so it is told by memory.
const cells = getEnvironmentData('failures') as Int32Array
const cellOf = (what: (typeof FAILURES)[number]) => index * FAILURES.length + FAILURES.indexOf(what)
const [HANG, END, FRAMES, TIMERS] = FAILURES.map(cellOf) as [number, number, number, number]

/** => whether it was told to, which is over then */
const once = (cell: number) => Atomics.exchange(cells, cell, 0) === 1

const { tick, input } = Engine.prototype
const BROKEN = Buffer.from('broken!')

Engine.prototype.tick = function (now: number) {
  if (once(HANG)) for (;;) {}
  if (cells[TIMERS] === 1) throw new TypeError('timers that a test breaks')
  return tick.call(this, now)
}

Engine.prototype.input = function (arm: Arm, slot: number, now: number) {
  if (cells[FRAMES] === 1) {
    const { bytes, start, length } = this.frames
    const from = start[slot] as number
    const frame = Buffer.from(bytes.buffer, from, length[slot])
    if (frame.includes(BROKEN)) throw new TypeError('a frame that a test breaks')
  }
  return input.call(this, arm, slot, now)
}

const { flush } = Loop.prototype
Loop.prototype.flush = function () {
  if (once(END)) throw new Error('an end that a test wants')
  flush.call(this)
}

await import('../../src/control/threads/worker.ts')
