/**
 * What is thought of one real server: up or down, since when, and how much of its weight it gets. A pure machine: results
 * and time go in, changes of mind come out. Two judges decide together, the RS is down while one of them says so:
 *
 *   active   its checks: `fall` failures in a row take it out, `rise` passes in a row bring it back
 *   passive  its connections: `failures` of them within `withinMs`, if they outweigh what it established (tally.ts), take
 *            it out for a while; the while doubles with every time and halves with every look that finds connections
 *            established (semantics 7)
 *
 * An RS starts as up, so that a restart does not take all of them out; but one whose very first check fails is out at once, and one
 * that was down when the daemon crashed is so (kept-health.ts).
 */

import { counted } from '../../see/text/counted.ts'
import { Tally } from './tally.ts'

export interface ActiveOptions {
  /** ms from the start of one check to that of the next. */
  intervalMs: number
  /** The interval doubles up to this while the RS is down. */
  maxIntervalMs: number
  rise: number
  fall: number
}

export interface PassiveOptions {
  failures: number
  withinMs: number
  /** For how long the RS is taken out, the first time and at most. */
  minMs: number
  maxMs: number
}

export interface HealthOptions {
  active: ActiveOptions | null
  passive: PassiveOptions | null
  /** After it was down its weight grows from 1 to the configured one in this time. */
  slowStartMs: number
}

/** A change of mind; `reason` is for the log. */
export interface Mind {
  up: boolean
  reason: string
}

/** Steps of a slow start, none of them shorter than STEP_LEAST_MS. */
const SLOW_STEPS = 50
const STEP_LEAST_MS = 500
/** Share of the interval by which checks are early or late at random, so that many do not beat in step. */
const JITTER = 0.1

/** What of it outlives the daemon. */
export interface HealthState {
  /** What its checks say. */
  passes: boolean
  /** ms for which it is still out by its connections, null if it is not. */
  outMs: number | null
  /** ms since its slow start began, null if there is none. */
  slowMs: number | null
}

export class Health {
  options: HealthOptions
  /** What the checks say. */
  #passes = true
  #known = false
  /** Results in a row that contradict #passes. */
  #contrary = 0
  #intervalMs = 0
  readonly #tally = new Tally()
  #outUntil: number | null = null
  #outForMs = 0
  #slowSince: number | null = null

  constructor(options: HealthOptions) {
    this.options = options
  }

  get up(): boolean {
    return (this.#passes || this.options.active === null) && this.#outUntil === null
  }

  /** null: it is up, as any at first. */
  state(now: number): HealthState | null {
    const [out, slow] = [this.#outUntil, this.#slowSince]
    if (this.#passes && out === null && slow === null) return null
    return {
      passes: this.#passes,
      outMs: out === null ? null : Math.max(0, out - now),
      slowMs: slow === null ? null : now - slow,
    }
  }

  /** Goes on where another one was. */
  goOn({ passes, outMs, slowMs }: HealthState, now: number): void {
    this.#passes = passes
    this.#known = true
    const { passive, slowStartMs } = this.options
    if (outMs !== null && passive !== null) {
      this.#outForMs = Math.min(outMs, passive.maxMs)
      this.#outUntil = now + this.#outForMs
    }
    if (slowMs !== null && slowMs < slowStartMs) this.#slowSince = now - slowMs
  }

  /** A check passed. */
  passed(now: number): Mind | undefined {
    const { active } = this.options
    this.#known = true
    this.#intervalMs = 0
    if (active === null || this.#passes) {
      this.#contrary = 0
      return undefined
    }
    if (++this.#contrary < active.rise) return undefined
    this.#contrary = 0
    this.#passes = true
    return this.#risen(`${counted(active.rise, 'check')} passed`, now)
  }

  /** A check failed, for this reason. */
  failed(why: string): Mind | undefined {
    const { active } = this.options
    if (active === null) return undefined
    if (!this.#passes) {
      this.#contrary = 0
      const doubled = (this.#intervalMs || active.intervalMs) * 2
      this.#intervalMs = Math.min(doubled, Math.max(active.maxIntervalMs, active.intervalMs))
      return undefined
    }
    const first = !this.#known
    this.#known = true
    if (++this.#contrary < active.fall && !first) return undefined
    const { up } = this
    const count = this.#contrary
    this.#contrary = 0
    this.#passes = false
    if (!up) return undefined
    if (first) return this.#fallen(`its first check failed: ${why}`)
    return this.#fallen(
      count === 1 ? `a check failed: ${why}` : `${count} checks failed, last: ${why}`,
    )
  }

  /** How many of its connections have failed, and how many were established, since the last call. */
  connections(failed: number, done: number, now: number): Mind | undefined {
    const { passive } = this.options
    // Connections from before it was taken out go on failing; they say nothing new.
    if (passive === null || this.#outUntil !== null) return undefined
    if (done > 0) this.#outForMs /= 2
    this.#tally.add(failed, done, now, passive.withinMs)
    if (!this.#tally.blames(passive.failures, now, passive.withinMs)) return undefined
    const { up } = this
    const count = countOf(this.#tally)
    this.#tally.clear()
    this.#outForMs = Math.min(passive.maxMs, Math.max(passive.minMs, this.#outForMs))
    this.#outUntil = now + this.#outForMs
    const out = `it gets no new ones for ${seconds(this.#outForMs)}`
    this.#outForMs *= 2
    if (!up) return undefined
    return this.#fallen(`${count} failed within ${seconds(passive.withinMs)}, ${out}`)
  }

  /** Time has passed. */
  tick(now: number): Mind | undefined {
    if (this.#slowSince !== null && now - this.#slowSince >= this.options.slowStartMs) {
      this.#slowSince = null
    }
    if (this.#outUntil === null) return undefined
    if (this.options.passive !== null && now < this.#outUntil) return undefined
    this.#outUntil = null
    return this.up ? this.#risen('it is tried again', now) : undefined
  }

  /** When tick() has something to do or weight() something new to say; Infinity for never. */
  wakeAt(now: number): number {
    const step = Math.max(STEP_LEAST_MS, this.options.slowStartMs / SLOW_STEPS)
    const slow = this.#slowSince === null ? Infinity : now + step
    return Math.min(slow, this.#outUntil ?? Infinity)
  }

  /** What the RS gets of its configured weight: nothing while it is down, a growing part in its slow start. */
  weight(configured: number, now: number): number {
    if (!this.up) return 0
    if (this.#slowSince === null || configured === 0) return configured
    const share = (now - this.#slowSince) / this.options.slowStartMs
    return Math.min(configured, Math.max(1, Math.floor(configured * share)))
  }

  /** ms from the start of the last check to the next; `random` is in [0, 1). */
  pause(random: number): number {
    const interval = this.#intervalMs || (this.options.active?.intervalMs ?? 0)
    return interval * (1 - JITTER + 2 * JITTER * random)
  }

  #risen(reason: string, now: number): Mind | undefined {
    if (!this.up) return undefined
    this.#slowSince = this.options.slowStartMs > 0 ? now : null
    return { up: true, reason }
  }

  #fallen(reason: string): Mind {
    this.#slowSince = null
    return { up: false, reason }
  }
}

/** `3 connections`, `30 of 41 connections` */
function countOf({ failed, done }: Tally): string {
  return done === 0 ? counted(failed, 'connection') : `${failed} of ${failed + done} connections`
}

/** 2 s, 0.5 s */
export function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`
}
