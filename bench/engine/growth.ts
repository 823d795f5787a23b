/** How cost grows with the number of connections, services, RSs and timers, and the charts of it. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TopLevelSpec } from 'vega-lite'
import { CHECKOUT } from '../../netns/topology.ts'
import { svg } from '../chart.ts'
import { type Bench, lipsFor } from './measure.ts'
import { timers } from './timers.ts'

export interface Point {
  series: string
  /** Connections, services or RSs. */
  count: number
  ns: number
}

/** One chart: what is counted along x, and its unit along y. */
interface Figure {
  name: string
  count: string
  ns: string
  scale: 'linear' | 'log'
  measure: (bench: Bench, conns: readonly number[]) => Point[]
}

const QUICK_LIMIT = 1 << 17
/** Connections when something else grows: as many as 10 k services or RSs need to have one each and more. */
const CONNS = 1 << 14
const MANY = [1, 10, 100, 1000, 10_000]
const SIZES = [10, 12, 14, 16, 17, 18, 20, 22].map(bits => 1 << bits)

const FIGURES: readonly Figure[] = [
  {
    name: 'connections',
    count: 'connections',
    ns: 'ns per packet',
    scale: 'linear',
    measure: (bench, conns) =>
      conns.map(count => ({ series: 'established traffic', count, ns: bench.established(count) })),
  },
  {
    name: 'services',
    count: 'services or RSs',
    ns: 'ns',
    scale: 'log',
    measure: bench =>
      MANY.flatMap(count => [
        ...pair(bench, 'services, an RS each', count, { services: count, realServers: 1 }),
        ...pair(bench, 'RSs of one service', count, { services: 1, realServers: count }),
        {
          series: 'life: RSs of one service, all but one down',
          count,
          ns: bench.life({ services: 1, realServers: count, lastOnly: true }),
        },
      ]),
  },
  {
    name: 'timers',
    count: 'connections',
    ns: 'ns',
    scale: 'log',
    measure: (_bench, conns) => conns.flatMap(timerPoints),
  },
]

/** Measures the figures whose name has `only` in it and writes docs/figures/engine-*.svg. => All points, by figure */
export async function drawGrowth(
  bench: Bench,
  only: string,
  quick: boolean,
): Promise<Record<string, Point[]>> {
  const folder = join(CHECKOUT, 'docs/figures')
  mkdirSync(folder, { recursive: true })
  const conns = SIZES.filter(count => !quick || count <= QUICK_LIMIT)
  // The first run is slow, for its code is not compiled yet.
  timers(1 << 16, 3)
  const growth: Record<string, Point[]> = {}
  for (const figure of FIGURES.filter(({ name }) => name.includes(only))) {
    const points = figure.measure(bench, conns)
    writeFileSync(join(folder, `engine-${figure.name}.svg`), await svg(chart(figure, points)))
    growth[figure.name] = points
  }
  return growth
}

function timerPoints(count: number): Point[] {
  const { idle, refiled, expired } = timers(count, lipsFor(count))
  return [
    { series: 'tick with nothing due', count, ns: idle },
    { series: 'filed again, per connection', count, ns: refiled },
    { series: 'expired with two RSTs, per connection', count, ns: expired },
  ]
}

function pair(
  bench: Bench,
  what: string,
  count: number,
  options: { services: number; realServers: number },
): Point[] {
  return [
    { series: `packet: ${what}`, count, ns: bench.established(CONNS, options) },
    { series: `life: ${what}`, count, ns: bench.life(options) },
  ]
}

function chart({ count, ns, scale }: Figure, values: Point[]): TopLevelSpec {
  return {
    width: 480,
    height: 300,
    background: 'white',
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: {
        field: 'count',
        type: 'quantitative',
        scale: { type: 'log' },
        axis: { title: count, format: '~s', tickCount: 6 },
      },
      y: {
        field: 'ns',
        type: 'quantitative',
        scale: scale === 'log' ? { type: 'log' } : { type: 'linear', zero: true },
        axis: { title: ns },
      },
      color: {
        field: 'series',
        type: 'nominal',
        legend: { title: null, orient: 'bottom', columns: 2, labelLimit: 0 },
      },
    },
  }
}
