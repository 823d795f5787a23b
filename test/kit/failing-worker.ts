/**
 * The daemon's own worker, which fails when it is told to: a file `DO-WORKER` (its index) in the folder that TAPVS_TEST_FAIL names,
 * with DO: hang (an endless loop), end (an exception that nobody catches), frames (the engine throws at each segment with
 * payload 'broken!', as long as the file is there), timers (it throws at each turn of the timers).
 */

import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import type { WorkerStart } from '../../src/control/threads/protocol.ts'
import type { Arm } from '../../src/engine/arm.ts'
import { Engine } from '../../src/engine/engine.ts'
import { Loop } from '../../src/io/loop.ts'

const LOOK_MS = 20
const { index } = workerData as WorkerStart
const folder = process.env.TAPVS_TEST_FAIL ?? ''
const told = (what: string) => join(folder, `${what}-${index}`)

let looked = 0
let breaksFrames = false
let breaksTimers = false

/** => whether it was told to, which is over then */
function once(what: string): boolean {
  if (!existsSync(told(what))) return false
  rmSync(told(what))
  return true
}

const { tick, input } = Engine.prototype
const BROKEN = Buffer.from('broken!')

Engine.prototype.tick = function (now: number) {
  if (now - looked >= LOOK_MS || now < looked) {
    looked = now
    if (once('hang')) for (;;) {}
    breaksFrames = existsSync(told('frames'))
    breaksTimers = existsSync(told('timers'))
  }
  if (breaksTimers) throw new TypeError('timers that a test breaks')
  return tick.call(this, now)
}

Engine.prototype.input = function (arm: Arm, slot: number, now: number) {
  if (breaksFrames) {
    const { bytes, start, length } = this.frames
    const from = start[slot] as number
    const frame = Buffer.from(bytes.buffer, from, length[slot])
    if (frame.includes(BROKEN)) throw new TypeError('a frame that a test breaks')
  }
  return input.call(this, arm, slot, now)
}

const { flush } = Loop.prototype
Loop.prototype.flush = function () {
  if (once('end')) throw new Error('an end that a test wants')
  flush.call(this)
}

await import('../../src/control/threads/worker.ts')
