/** Drops by reason, new connections and packets over the last ten minutes. */

import { signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import {
  BAR_SEC,
  coloured,
  dropBars,
  REASONS_MAX,
  type ReasonBars,
} from '../../../src/page/drop-bars.ts'
import { whole } from '../../../src/page/format.ts'
import { clockText, offsetText } from '../../../src/see/text/times.ts'
import { heard, moment } from '../daemon.ts'
import { BarChart } from '../parts/bar-chart.tsx'
import { BarStrip } from '../parts/bar-strip.tsx'
import { Chart, type ChartLine } from '../parts/chart.tsx'
import { ScrollBox } from '../parts/scroll-box.tsx'
import { Section } from '../parts/section.tsx'
import { Explain } from '../parts/term.tsx'
import { REASONS } from '../parts/use-ladder.ts'
import { useSeries } from '../parts/use-series.ts'

/** Number of the bar that the mouse is over; null for the newest. */
const bar = signal<number | null>(null)
const setBar = (next: number | null) => {
  bar.value = next
}

const CONNS: ChartLine[] = [{ name: 'new connections', colour: '--accent', filled: true }]
const PACKETS: ChartLine[] = [{ name: 'packets', colour: '--accent', filled: true }]

export function Drops() {
  const series = useSeries()
  const times = series.times()
  const atMs = series.points().at(-1)?.at_ms ?? heard.value?.live.at_ms ?? Date.now()
  const { starts, reasons, since } = dropBars(series.points(), atMs)
  const shown = coloured(reasons)
  const count = shown.length
  const colours = useMemo(
    () => Array.from({ length: count }, (_, i) => `--series-${i + 1}`),
    [count],
  )
  const words = reasons.map(({ reason, frames }) => `${reason} ${frames}`).join(', ')
  const endSec = atMs / 1000
  return (
    <Section
      id="drops"
      title="Drops"
      about={`Frames refused, by the reason they were refused for, and what the balancer carried meanwhile: always the last ten minutes. Times are those of this browser, ${zone()}.`}
      aside={
        since !== null &&
        since > (starts[0] ?? 0) + BAR_SEC && (
          <p class="facts">counted since {clockText(since * 1e6, 0)}</p>
        )
      }
    >
      <div class="panel" data-testid="drops-chart">
        <h3 class="panel-title">
          Frames refused <span class="facts">in each {BAR_SEC} seconds</span>
        </h3>
        <BarChart
          label={`Drops of the last ten minutes: ${words || 'none'}`}
          colours={colours}
          starts={starts}
          reasons={shown}
          endSec={endSec}
          onBar={setBar}
        />
        <Legend reasons={reasons} starts={starts} />
      </div>
      <div class="side-by-side">
        <div class="panel">
          <h3 class="panel-title">
            New connections <span class="facts">per second</span>
          </h3>
          <Chart
            label="New connections per second over the last ten minutes"
            lines={CONNS}
            data={[times, series.of('conns')]}
            height={160}
            endSec={endSec}
          />
        </div>
        <div class="panel">
          <h3 class="panel-title">
            Packets in <span class="facts">per second, on all arms</span>
          </h3>
          <Chart
            label="Packets per second over the last ten minutes"
            lines={PACKETS}
            data={[times, series.of('packets')]}
            height={160}
            endSec={endSec}
          />
        </div>
      </div>
    </Section>
  )
}

/** `+01:00`, or UTC. */
function zone(): string {
  return offsetText(Date.now() * 1000).replace('Z', 'UTC')
}

interface LegendProps {
  reasons: readonly ReasonBars[]
  starts: readonly number[]
}

function Legend({ reasons, starts }: LegendProps) {
  const totals = new Map(moment.value?.drops.map(({ reason, total }) => [reason, total]))
  const at = Math.min(bar.value ?? starts.length - 1, starts.length - 1)
  if (reasons.length === 0)
    return (
      <p class="empty">
        Nothing was refused in the last ten minutes. <Before totals={totals} />
      </p>
    )
  return (
    <ScrollBox label="Reasons of drops">
      <table class="grid-table">
        <thead>
          <tr>
            <th scope="col">Reason</th>
            <th scope="col">It was</th>
            <th scope="col">Ten minutes</th>
            <th scope="col" class="number">
              <Explain says="frames in the ten seconds that the mouse is over in the chart, else in those that run now">
                From {clockText((starts[at] ?? 0) * 1e6, 0).slice(0, 8)}
              </Explain>
            </th>
            <th scope="col" class="number">
              In all
            </th>
            <th scope="col" class="number">
              Since the start
            </th>
          </tr>
        </thead>
        <tbody>
          {reasons.map(({ reason, frames, bars }, i) => (
            <tr key={reason}>
              <th scope="row" class="code">
                <Swatch index={i} />
                {reason}
              </th>
              <td class="wide">{REASONS[reason] ?? ''}</td>
              <td>
                <BarStrip bars={bars} index={indexOf(i)} />
              </td>
              <td class="number">{whole(bars[at] ?? 0)}</td>
              <td class="number">{whole(frames)}</td>
              <td class="number">{whole(totals.get(reason) ?? frames)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  )
}

/** What was refused earlier, if anything. */
function Before({ totals }: { totals: ReadonlyMap<string, number> }) {
  const all = [...totals.values()].reduce((sum, count) => sum + count, 0)
  if (totals.size === 0) return null
  return <>{all === 0 ? 'Nor since the start.' : `Since the start ${whole(all)} frames were.`}</>
}

/** Of its colour: those that have none of their own share the last one. */
function indexOf(place: number): number {
  return Math.min(place, REASONS_MAX - 1)
}

function Swatch({ index }: { index: number }) {
  return (
    <svg class={`swatch series-${indexOf(index) + 1}`} viewBox="0 0 10 10" aria-hidden="true">
      <rect width="10" height="10" rx="2" />
    </svg>
  )
}
