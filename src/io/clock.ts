/** The engine's clock, which all threads share, and another process of this boot that goes on with what they have left. */

import { performance } from 'node:perf_hooks'

/** ms that the clock is ahead of this process's own. */
let ahead = 0

/** CLOCK_MONOTONIC, which all processes of a boot share, in ms. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** => ms from CLOCK_MONOTONIC to the engine's clock, for whoever goes on with its deadlines */
export function clockOffset(): number {
  return performance.timeOrigin + performance.now() + ahead - monotonicMs()
}

/** Goes on with the clock of another process of this boot, for this thread, whatever the wall clock has done meanwhile. */
export function setClock(offset: number): void {
  ahead += offset - clockOffset()
}

/** The engine's clock: ms, as int32, the same in all workers. */
export function clockMs(): number {
  return longClockMs() | 0
}

/** The same without its end: ms since 1970, which no change of the wall clock moves. */
export function longClockMs(): number {
  return Math.trunc(performance.timeOrigin + performance.now() + ahead)
}
