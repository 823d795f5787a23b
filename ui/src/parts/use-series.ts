/** The last ten minutes: what the daemon remembers of them is asked for when somebody looks. */

import { useEffect } from 'preact/hooks'
import type { Series } from '../../../src/page/series.ts'
import { link, needSeries, series, seriesVersion } from '../daemon.ts'

/** Who uses it is drawn anew when a point comes. */
export function useSeries(): Series {
  const up = link.value === 'up'
  // biome-ignore lint/correctness/useExhaustiveDependencies: when the daemon is back it may remember what was not heard
  useEffect(() => void needSeries(), [up])
  // Read so that whoever draws it hears of the next one.
  seriesVersion.value
  return series
}
