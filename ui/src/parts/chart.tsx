/** Lines over time, by uPlot; the numbers stand in a table beside it for who cannot see a picture. */

import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { SPAN_SEC } from '../../../src/page/drop-bars.ts'
import { short } from '../../../src/page/format.ts'
import { clockText } from '../../../src/see/text/times.ts'
import { colour, theme } from '../theme.ts'

export interface ChartLine {
  name: string
  /** A colour of the style sheet, `--series-1`. */
  colour: string
  /** Lengths of dashes and gaps, so that lines differ by more than colour. */
  dash?: number[]
  filled?: boolean
}

export interface ChartProps {
  label: string
  /** The chart is made anew when it is another array. */
  lines: ChartLine[]
  /** Seconds since 1970, then the values of each line. */
  data: number[][]
  /** px */
  height: number
  /** Seconds since 1970 at the right edge. */
  endSec: number
}

const FONT = '11px system-ui, sans-serif'
/** s */
const STEPS = [30, 60, 120, 300]
/** Charts of a page show the same point of time. */
export const SYNC = 'over-time'

export function Chart({ label, lines, data, height, endSec }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const current = useRef(data)
  current.current = data
  const end = useRef(endSec)
  end.current = endSec
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours of the lines are those of the theme
  useEffect(() => {
    const element = box.current
    if (!element) return
    const width = element.clientWidth
    const made = new uPlot(
      options(lines, { width, height }, () => end.current),
      current.current as uPlot.AlignedData,
      element,
    )
    plot.current = made
    const observer = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height })
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [lines, height, theme.value])
  useEffect(() => plot.current?.setData(data as uPlot.AlignedData), [data])
  return (
    <div ref={box} class="chart" role="img" aria-label={label} style={{ height: `${height}px` }} />
  )
}

/** The axis is as long whatever was counted. */
export function spanRange(endSec: number): [number, number] {
  return [endSec - SPAN_SEC, endSec]
}

/** What is counted is whole. */
const WHOLE = Array.from({ length: 13 }, (_, e) => [1, 2, 5].map(n => n * 10 ** e)).flat()

/** Time below, what is counted on the left. */
export function axes(): uPlot.Axis[] {
  const axis = {
    stroke: colour('--muted'),
    font: FONT,
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { show: false },
  }
  return [
    { ...axis, size: 26, space: 80, incrs: STEPS, values: (_, times) => times.map(clock) },
    { ...axis, size: 44, space: 34, incrs: WHOLE, values: (_, values) => values.map(short) },
  ]
}

function options(
  lines: readonly ChartLine[],
  size: { width: number; height: number },
  endSec: () => number,
): uPlot.Options {
  return {
    ...size,
    legend: { show: false },
    cursor: { sync: { key: SYNC }, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { range: () => spanRange(endSec()) },
      y: { range: (_, __, max) => [0, Math.max(1, (max ?? 0) * 1.1)] },
    },
    axes: axes(),
    series: [
      {},
      ...lines.map(line => ({
        label: line.name,
        stroke: colour(line.colour),
        width: 1.5,
        points: { show: false },
        ...(line.dash && { dash: line.dash }),
        ...(line.filled && { fill: `color-mix(in srgb, ${colour(line.colour)} 14%, transparent)` }),
      })),
    ],
  }
}

/** 12:03, with seconds where they matter; the section says of which offset. */
function clock(seconds: number): string {
  const text = clockText(seconds * 1e6, 0).slice(0, 8)
  return text.endsWith(':00') ? text.slice(0, 5) : text
}
