/**
 * The packet thread's loop: sleep until an arm, a wake-up or a timer; read a burst; judge it; write what it brought
 * forth. Nothing in here waits for anybody else, and control gets its turn only between bursts.
 */

import { performance } from 'node:perf_hooks'
import { DONE, Drop, Event, PARKED } from '../engine/counters.ts'
import type { Engine } from '../engine/engine.ts'
import { Impair } from './impair.ts'
import { drainWaker, POLLIN, wait } from './native.ts'
import type { TapArm } from './tap-arm.ts'

/** How often a lost TAP is tried again. */
const REOPEN_MS = 1000

/** The engine's clock: ms since this thread started, as int32. */
export function clockMs(): number {
  return performance.now() | 0
}

export interface LoopHooks {
  /** Control's turn, after a wake-up; false ends the loop. */
  control(): boolean
  /** An arm was lost or has come back. */
  armChanged(tap: TapArm, up: boolean): void
}

export class Loop {
  readonly #engine: Engine
  readonly #taps: readonly TapArm[]
  readonly #waker: number
  readonly #hooks: LoopHooks
  readonly #fds: Int32Array
  readonly #revents: Int32Array
  #now = 0
  #retryAt = 0
  readonly #wasUp: boolean[]

  constructor(engine: Engine, taps: readonly TapArm[], waker: number, hooks: LoopHooks) {
    this.#engine = engine
    this.#taps = taps
    this.#waker = waker
    this.#hooks = hooks
    this.#fds = new Int32Array(taps.length + 1)
    this.#revents = new Int32Array(taps.length + 1)
    this.#wasUp = taps.map(() => true)
  }

  /** Runs until control() says no. */
  run(): void {
    this.#now = clockMs()
    for (const tap of this.#taps) {
      tap.refill(0)
      this.#engine.announce(tap.arm)
    }
    while (this.#turn()) {}
  }

  /** One sleep and what it was interrupted for. */
  #turn(): boolean {
    const taps = this.#taps
    const sleep = this.#beforeSleep()
    for (let i = 0; i < taps.length; i++) this.#fds[i] = taps[i].fd
    this.#fds[taps.length] = this.#waker
    wait(this.#fds, this.#revents, taps.length + 1, sleep)
    this.#now = clockMs()
    for (let i = 0; i < taps.length; i++) {
      if ((this.#revents[i] & POLLIN) !== 0) this.#pump(taps[i])
      else if (this.#revents[i] !== 0) taps[i].lose()
    }
    if (this.#revents[taps.length] === 0) return true
    drainWaker(this.#waker)
    return this.#hooks.control()
  }

  /** Timers, lost arms and held frames; => ms to sleep at most. */
  #beforeSleep(): number {
    let sleep = this.#engine.tick(this.#now)
    for (const tap of this.#taps) {
      if (!tap.impair?.holding) continue
      tap.impair.release(this.#now, slot => this.#judge(tap, slot))
      sleep = Math.min(sleep, Impair.holdMs)
    }
    this.#flush()
    this.#watchArms()
    return sleep
  }

  #pump(tap: TapArm): void {
    // A full burst means that more may wait; an arm that floods still lets the other have every second burst.
    const count = tap.read()
    if (tap.impair === null) for (let i = 0; i < count; i++) this.#judge(tap, tap.slots[i])
    else for (let i = 0; i < count; i++) this.#impair(tap, tap.slots[i])
    this.#flush()
    tap.refill(count)
  }

  /** Lets the engine judge the frame and carries the verdict out. */
  #judge(tap: TapArm, slot: number): void {
    const { frames, counters, arms } = this.#engine
    counters.rx(tap.arm.index, frames.length[slot])
    const verdict = this.#engine.input(tap.arm, slot, this.#now)
    if (verdict >= 0) {
      arms[verdict].send(slot)
      return
    }
    if (verdict === PARKED) return
    if (verdict !== DONE) counters.rxDrop(tap.arm.index, -verdict)
    frames.release(slot)
  }

  #impair(tap: TapArm, slot: number): void {
    tap.impair?.frame(
      slot,
      this.#now,
      passed => this.#judge(tap, passed),
      lost => {
        this.#engine.counters.rxDrop(tap.arm.index, Drop.IMPAIRED)
        this.#engine.frames.release(lost)
      },
    )
  }

  #flush(): void {
    for (const tap of this.#taps) tap.flush()
  }

  /** Reports what has changed and tries lost TAPs again, once a second. */
  #watchArms(): void {
    const retry = ((this.#now - this.#retryAt) | 0) >= 0
    if (retry) this.#retryAt = (this.#now + REOPEN_MS) | 0
    for (let i = 0; i < this.#taps.length; i++) {
      const tap = this.#taps[i]
      if (tap.fd >= 0) continue
      if (this.#wasUp[i]) {
        this.#wasUp[i] = false
        // Whoever took the device away may be about to put another in its place; opening makes one where there is none.
        this.#retryAt = (this.#now + REOPEN_MS) | 0
        this.#hooks.armChanged(tap, false)
      } else if (retry && reopen(tap)) {
        this.#wasUp[i] = true
        this.#engine.counters.count(Event.ARM_REATTACHED)
        this.#engine.announce(tap.arm)
        this.#hooks.armChanged(tap, true)
      }
    }
  }
}

function reopen(tap: TapArm): boolean {
  try {
    tap.open()
    return true
  } catch {
    // Still gone; why does not matter, the loss has been reported.
    return false
  }
}
