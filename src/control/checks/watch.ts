/**
 * One real server of one service under observation: probes it at its pace, asks its Health, and tells what follows.
 * Life-cycle: constructed, start() (again after each change of its options), stop().
 */

import type { ConfigCheck } from '../../config/check-keys.ts'
import type { RsHealth } from '../readings/listings.ts'
import type { Target } from './attempt.ts'
import { Health, type HealthOptions, type HealthState, type Mind } from './health.ts'
import { probe } from './probe.ts'

/** What a watch is told to do; another object means another way to look. */
export interface Watched {
  /** Its configured weight. */
  weight: number
  check: ConfigCheck
  options: HealthOptions
  /** What to probe; null for passive checks only. */
  target: Target | null
}

/** `mind` is there if that has changed, and not only the weight. */
export type Tell = (health: RsHealth, mind: Mind | undefined) => void

export class Watch {
  readonly #health: Health
  readonly #tell: Tell
  readonly #now: () => number
  #watched: Watched
  #told: RsHealth
  #probeTimer: NodeJS.Timeout | undefined
  #wakeTimer: NodeJS.Timeout | undefined
  /** Counts starts, so that a probe knows whether it is still wanted when it comes back. */
  #start = 0

  /** `now` is in ms and never goes back; `state` is what was thought of it before. */
  constructor(watched: Watched, tell: Tell, now: () => number, state?: HealthState) {
    this.#watched = watched
    this.#tell = tell
    this.#now = now
    this.#health = new Health(watched.options)
    if (state) this.#health.goOn(state, now())
    this.#told = { inhibited: false, weight: watched.weight }
  }

  get up(): boolean {
    return this.#health.up
  }

  /** What is to be known of it by whoever goes on; null if nothing. */
  get state(): HealthState | null {
    return this.#health.state(this.#now())
  }

  /** What was said of it last. */
  get told(): RsHealth {
    return this.#told
  }

  /** Begins, or goes on in another way; what is thought of the RS stays. */
  start(watched = this.#watched): void {
    this.stop()
    this.#watched = watched
    this.#health.options = watched.options
    this.#conclude(undefined)
    // Anywhere in the interval: those that are started together stay apart.
    if (watched.target !== null) this.#later(Math.random() * this.#health.pause(0.5))
  }

  stop(): void {
    this.#start++
    clearTimeout(this.#probeTimer)
    clearTimeout(this.#wakeTimer)
  }

  /** The configured weight is another one. */
  setWeight(weight: number): void {
    this.#watched = { ...this.#watched, weight }
    this.#conclude(undefined)
  }

  /** How many connections of the RS have failed, and how many were established, since the last call. */
  connections(failed: number, done: number): void {
    this.#conclude(this.#health.connections(failed, done, this.#now()))
  }

  #later(ms: number): void {
    this.#probeTimer = setTimeout(() => void this.#probe(), Math.max(0, ms))
  }

  async #probe(): Promise<void> {
    const { target, check } = this.#watched
    if (target === null) return
    const run = this.#start
    const began = this.#now()
    const failure = await probe(target, check)
    if (run !== this.#start) return
    const now = this.#now()
    const health = this.#health
    this.#conclude(failure === undefined ? health.passed(now) : health.failed(failure))
    this.#later(began + health.pause(Math.random()) - now)
  }

  /** Tells what has changed, and sees to it that time is noticed. */
  #conclude(mind: Mind | undefined): void {
    const now = this.#now()
    const late = this.#health.tick(now)
    const { up } = this.#health
    const health = { inhibited: !up, weight: this.#health.weight(this.#watched.weight, now) }
    const told = this.#told
    const last = late ?? mind
    if (last || told.inhibited !== health.inhibited || told.weight !== health.weight) {
      this.#told = health
      this.#tell(health, last)
    }
    clearTimeout(this.#wakeTimer)
    const wakeAt = this.#health.wakeAt(now)
    if (wakeAt === Infinity) return
    this.#wakeTimer = setTimeout(() => this.#conclude(undefined), Math.max(1, wakeAt - now))
  }
}
