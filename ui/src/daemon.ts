/** What the daemon says, once a second, and whether it still says anything. */

import { computed, signal } from '@preact/signals'
import type { NumbersInfo } from '../../src/api/commands.ts'
import type { LiveInfo, SeriesInfo } from '../../src/api/page.ts'
import { type EdgeCount, EdgeCounts } from '../../src/page/edge-counts.ts'
import { type LportLine, lportMap } from '../../src/page/lport-map.ts'
import { Series } from '../../src/page/series.ts'
import type { Moment } from '../../src/see/numbers/rows.ts'
import { History, momentOf } from '../../src/see/numbers/summary.ts'
import { ask, followStream } from './stream.ts'

export interface View {
  moment: Moment
  numbers: NumbersInfo
  /** Connections by state, `established` and the like. */
  states: Record<string, number>
  edges: Map<string, EdgeCount>
  lports: LportLine[]
}

export type Link = 'connecting' | 'up' | 'lost' | 'refused'

/** null until the first word. */
export const view = signal<View | null>(null)
export const link = signal<Link>('connecting')
/** ms since 1970 of the last word; 0 for none. */
export const heardMs = signal(0)
/** What is shown was so once, and may not be so now. */
export const isStale = computed(() => link.value === 'lost' || link.value === 'refused')
export const series = new Series()
/** Counts the changes of `series`. */
export const seriesVersion = signal(0)

/** The daemon speaks every second; after so long it is taken for lost. */
const SILENCE_MS = 5000

const history = new History()
const edgeCounts = new EdgeCounts()

function hear({ numbers, states, edges, step }: LiveInfo): void {
  const { now, before, long } = history.looks(numbers)
  const moment = momentOf(now, before, long)
  view.value = {
    moment,
    numbers,
    states,
    edges: edgeCounts.add(edges),
    lports: lportMap(now, long),
  }
  heardMs.value = Date.now()
  document.title = `${moment.conns.used.toLocaleString('en')} connections · tapvs`
  if (!step) return
  series.add(step)
  seriesVersion.value++
}

/** What the daemon remembers; without it the charts begin empty. */
async function loadSeries(): Promise<void> {
  try {
    series.load(await ask<SeriesInfo>('./ui/series'))
    seriesVersion.value++
  } catch {
    // The stream tells whether the daemon is there at all.
  }
}

export function followDaemon(): () => void {
  return followStream(
    './ui/live',
    {
      on: { live: hear },
      up() {
        if (link.value === 'up') return
        link.value = 'up'
        void loadSeries()
      },
      down(why) {
        link.value = why
        document.title = 'no word · tapvs'
      },
    },
    SILENCE_MS,
  )
}
