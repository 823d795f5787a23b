/** Drops by reason, new connections and packets over the last ten minutes. */

import { signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { rate, whole } from '../../../src/page/format.ts'
import { offsetText } from '../../../src/see/text/times.ts'
import { series, seriesVersion, view } from '../daemon.ts'
import { Chart, type ChartLine } from '../parts/chart.tsx'
import { ScrollBox } from '../parts/scroll-box.tsx'
import { Section } from '../parts/section.tsx'
import { REASONS } from '../parts/use-ladder.ts'

/** Lines that can still be told apart; the colours are in the style sheet. */
const LINES_MAX = 8
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [12, 4], [3, 6], [6, 2, 1, 2]]

/** Number of the point that the mouse is over; null for the newest. */
const point = signal<number | null>(null)
const setPoint = (next: number | null) => {
  point.value = next
}

function lineOf(name: string, i: number): ChartLine {
  return { name, colour: `--series-${i + 1}`, dash: DASHES[i] ?? [] }
}

const CONNS: ChartLine[] = [{ name: 'new connections', colour: '--accent', filled: true }]
const PACKETS: ChartLine[] = [{ name: 'packets', colour: '--accent', filled: true }]

export function OverTime() {
  // Read so that the section is drawn anew when a point comes.
  const version = seriesVersion.value
  const reasons = series.reasons().slice(0, LINES_MAX)
  const names = reasons.map(({ reason }) => reason).join(' ')
  const lines = useMemo(() => (names === '' ? [] : names.split(' ').map(lineOf)), [names])
  const times = series.times()
  const drops = [times, ...reasons.map(({ reason }) => series.ofReason(reason))]
  return (
    <Section
      id="over-time"
      title="Drops and rates"
      about={`Frames refused, by the reason they were refused for, and what the balancer carried meanwhile: the last ten minutes, per second. Times are those of this browser, ${zone()}.`}
    >
      <div class="panel" data-testid="drops-chart" data-version={version}>
        <h3 class="panel-title">
          Drops <span class="facts">frames per second</span>
        </h3>
        <Chart
          label={`Drops of the last ten minutes: ${reasons.map(({ reason, frames }) => `${reason} ${frames}`).join(', ') || 'none'}`}
          lines={lines}
          data={drops}
          height={220}
          onPoint={setPoint}
        />
        <Legend reasons={reasons} />
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

function Legend({ reasons }: { reasons: readonly { reason: string; frames: number }[] }) {
  const totals = new Map(view.value?.moment.drops.map(({ reason, total }) => [reason, total]))
  const at = point.value ?? -1
  if (reasons.length === 0) return <p class="empty">Nothing was refused in the last ten minutes.</p>
  return (
    <ScrollBox label="Reasons of drops">
      <table class="grid-table">
        <thead>
          <tr>
            <th scope="col">Reason</th>
            <th scope="col">It was</th>
            <th scope="col" class="number" title="Where the mouse is in the chart, else now">
              Per second
            </th>
            <th scope="col" class="number">
              In ten minutes
            </th>
            <th scope="col" class="number">
              Since the start
            </th>
          </tr>
        </thead>
        <tbody>
          {reasons.map(({ reason, frames }, i) => (
            <tr key={reason}>
              <th scope="row" class="code">
                <Swatch index={i} />
                {reason}
              </th>
              <td class="wide">{REASONS[reason] ?? ''}</td>
              <td class="number">{rate(series.ofReason(reason).at(at) ?? 0)}</td>
              <td class="number">{whole(frames)}</td>
              <td class="number">{whole(totals.get(reason) ?? frames)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  )
}

function Swatch({ index }: { index: number }) {
  return (
    <svg class={`swatch series-${index + 1}`} viewBox="0 0 26 8" aria-hidden="true">
      <path d="M1 4h24" stroke-dasharray={(DASHES[index] ?? []).join(' ')} />
    </svg>
  )
}
