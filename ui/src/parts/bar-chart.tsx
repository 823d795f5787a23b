/** Bars over a fixed span of time, one colour upon the other; the numbers stand in a table beside it. */

import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { type ReasonBars, stacked } from '../../../src/page/drop-bars.ts'
import { colour, theme } from '../theme.ts'
import { axes, SYNC, spanRange } from './chart.tsx'
import 'uplot/dist/uPlot.min.css'

export interface BarChartProps {
  label: string
  /** Of the style sheet, one for each reason; the chart is made anew when it is another array. */
  colours: readonly string[]
  /** Seconds since 1970. */
  starts: readonly number[]
  reasons: readonly ReasonBars[]
  /** Seconds since 1970 at the right edge. */
  endSec: number
  /** Number of the bar that the mouse is over. */
  onBar: (bar: number | null) => void
}

/** px */
const HEIGHT = 220
const THIN = 600
const bars = uPlot.paths.bars

export function BarChart({ label, colours, starts, reasons, endSec, onBar }: BarChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const end = useRef(endSec)
  end.current = endSec
  // The highest stack is painted first, and each lower one over it.
  const data = [starts, ...stacked(reasons).toReversed()] as uPlot.AlignedData
  const current = useRef(data)
  current.current = data
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours of the bars are those of the theme
  useEffect(() => {
    const element = box.current
    if (!element) return
    const size = () => ({ width: element.clientWidth, height: HEIGHT })
    const made = new uPlot(
      {
        ...size(),
        legend: { show: false },
        cursor: { sync: { key: SYNC }, drag: { x: false, y: false }, points: { show: false } },
        scales: {
          x: { range: () => spanRange(end.current) },
          y: { range: (_, __, max) => [0, Math.max(1, (max ?? 0) * 1.1)] },
        },
        axes: axes(),
        series: [
          {},
          ...colours.toReversed().map(name => ({
            fill: colour(name),
            stroke: colour('--panel'),
            // Where bars are thin, a line between colours would be all of them.
            width: element.clientWidth > THIN ? 1 : 0,
            points: { show: false },
            // A bar begins where its time does.
            ...(bars && { paths: bars({ size: [1, 100], align: 1, gap: 1 }) }),
          })),
        ],
        hooks: { setCursor: [({ cursor }) => onBar(cursor.idx ?? null)] },
      },
      current.current,
      element,
    )
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize(size()))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [colours, onBar, theme.value])
  useEffect(() => plot.current?.setData(data), [data])
  return (
    <div ref={box} class="chart" role="img" aria-label={label} style={{ height: `${HEIGHT}px` }} />
  )
}
