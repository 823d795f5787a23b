/** What the daemon says, once a second, and whether it still says anything. What is made of it is made when it is shown. */

import { computed, signal } from '@preact/signals'
import type { LiveInfo, LivePart, SeriesInfo } from '../../src/api/page.ts'
import { type EdgeCount, EdgeCounts } from '../../src/page/edge-counts.ts'
import { lportMap } from '../../src/page/lport-map.ts'
import { Series } from '../../src/page/series.ts'
import { RATE_SEC } from '../../src/page/smooth.ts'
import { History, type Looks, momentOf } from '../../src/see/numbers/summary.ts'
import { ask, followStream } from './stream.ts'

/** The last word. */
export interface Heard {
  live: LiveInfo
  looks: Looks
  parts: ReadonlySet<LivePart>
}

export type Link = 'connecting' | 'up' | 'lost' | 'refused'

/** null until the first word. */
export const heard = signal<Heard | null>(null)
export const link = signal<Link>('connecting')
/** ms since 1970 of the last word; 0 for none. */
export const heardMs = signal(0)
/** What is shown was so once, and may not be so now. */
export const isStale = computed(() => link.value === 'lost' || link.value === 'refused')

/** Of services it has those of `services`. */
export const moment = computed(() => {
  const { looks } = heard.value ?? {}
  return looks ? momentOf(looks.now, looks.before, looks.long) : null
})
/** null until a view that shows them has heard of them. */
export const services = computed(() => {
  const { live, parts } = heard.value ?? {}
  return live && parts?.has('services') ? live.numbers.services : null
})
export const lports = computed(() => {
  const { looks, parts } = heard.value ?? {}
  return looks && parts?.has('services') ? lportMap(looks.now, looks.long) : null
})
export const edges = signal<ReadonlyMap<string, EdgeCount> | null>(null)
/** Connections by the key of their state. */
export const states = computed(() => heard.value?.live.states ?? {})
/** Connections in all tables; undefined until the first word. */
export const connections = computed(() =>
  heard.value?.live.numbers.workers.reduce((sum, { counters }) => sum + counters.conns.used, 0),
)

export const series = new Series()
/** Counts the changes of `series`. */
export const seriesVersion = signal(0)
let seriesAsked = false

/** The daemon speaks every second; after so long it is taken for lost. */
const SILENCE_MS = 5000

/** Rates of services are between samples that have them. */
const withServices = new History(RATE_SEC)
const without = new History(RATE_SEC)

/** What the daemon remembers, once somebody looks; without it the charts begin empty. */
export async function needSeries(): Promise<void> {
  if (seriesAsked || link.peek() !== 'up') return
  seriesAsked = true
  try {
    series.load(await ask<SeriesInfo>('./ui/series'))
    seriesVersion.value++
  } catch {
    // The stream tells whether the daemon is there at all.
  }
}

/** => no more of it */
export function followDaemon(parts: readonly LivePart[]): () => void {
  const wanted = new Set(parts)
  const history = wanted.has('services') ? withServices : without
  // What was taken before somebody looked does not light up.
  const edgeCounts = new EdgeCounts()
  const hear = (live: LiveInfo) => {
    heard.value = { live, looks: history.looks(live.numbers), parts: wanted }
    edges.value = wanted.has('edges') ? edgeCounts.add(live.edges, live.at_ms) : null
    heardMs.value = Date.now()
    if (!live.step) return
    series.add(live.step)
    seriesVersion.value++
  }
  return followStream(
    `./ui/live?parts=${parts.join()}`,
    {
      on: { live: hear },
      up() {
        link.value = 'up'
      },
      down(why) {
        link.value = why
        seriesAsked = false
      },
    },
    SILENCE_MS,
  )
}
