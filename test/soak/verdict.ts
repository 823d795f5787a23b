/** What a soak that nothing was wrong with has seen, in lines; and whether its memory was flat. */

import { MANNERS, type Tally } from './clients/plan.ts'
import { EXPECTED_DROPS } from './expected.ts'
import { type Sample, WARM_S, type Watch } from './watch.ts'

/** In less, what V8 collects sooner or later is all there is to see. */
const SPAN_LEAST_MIN = 8
/** MB a minute. */
const GROWTH_MOST = 2

export interface Seen {
  seconds: number
  tally: Tally['of']
  transfers: string
  /** What was done, and how often. */
  done: ReadonlyMap<string, number>
  restarts: readonly number[]
  explained: ReadonlyMap<string, number>
  watch: Watch
}

/** Throws if memory has grown. */
export function verdict(seen: Seen): string[] {
  const { tally, watch, restarts, seconds } = seen
  const [first, last] = [watch.samples[0], watch.samples.at(-1)]
  const total = MANNERS.map(manner => `${tally[manner].done} ${manner}`).join(', ')
  const heldBack = MANNERS.reduce((sum, manner) => sum + tally[manner].heldBack, 0)
  const rss = watch.samples.map(sample => sample.rss)
  const grown = growth(watch.samples)
  if (grown !== undefined && grown > GROWTH_MOST)
    throw new Error(`the daemon's memory has grown by ${grown.toFixed(2)} MB a minute`)
  return [
    `${Math.round(seconds)} s: ${total}, ${seen.transfers}; ${heldBack} held back`,
    `done: ${words(seen.done)}`,
    `from kill -9 to ready, ms: ${restarts.join(' ')}`,
    `explained: ${words(seen.explained)}`,
    `drops: ${[...watch.dropped()].map(([reason, count]) => `${count} ${reason} (${EXPECTED_DROPS[reason]?.why})`).join(', ') || 'none'}`,
    `memory of the daemon: ${Math.round(Math.min(...rss))} to ${Math.round(Math.max(...rss))} MB` +
      `, at the end ${Math.round(last?.rss ?? 0)}; ${grown === undefined ? 'too short to say how it grows' : `growth ${grown.toFixed(2)} MB a minute`}`,
    `memory of the keeper: ${first?.keeperRss.toFixed(0)} MB at first, ${last?.keeperRss.toFixed(0)} at the end; descriptors ${first?.keeperFds} and ${last?.keeperFds}`,
    `descriptors and threads of the daemon at the end: ${last?.fds}, ${last?.threads}`,
  ]
}

function words(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([what, count]) => `${count} ${what}`).join('; ') || 'nothing'
}

/** MB a minute over all daemons that were warm, by least squares; undefined of a soak that is too short to say. */
export function growth(samples: readonly Sample[]): number | undefined {
  const warm = samples.filter(({ age }) => age >= WARM_S)
  const minutes = warm.map(({ at }) => at / 60_000)
  const span = (minutes.at(-1) ?? 0) - (minutes[0] ?? 0)
  if (span < SPAN_LEAST_MIN) return undefined
  const mean = (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0) / warm.length
  const [time, rss] = [mean(minutes), mean(warm.map(one => one.rss))]
  const both = mean(warm.map((one, i) => ((minutes[i] ?? 0) - time) * (one.rss - rss)))
  return both / mean(minutes.map(one => (one - time) ** 2))
}
