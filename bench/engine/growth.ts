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

export interface Growth {
  connections: Point[]
  services: Point[]
  timers: Point[]
}

const QUICK_LIMIT = 1 << 17
/** Connections when something else grows: as many as 10 k services or RSs need to have one each and more. */
const CONNS = 1 << 14
const MANY = [1, 10, 100, 1000, 10_000]

export function measureGrowth(bench: Bench, quick: boolean): Growth {
  const conns = [10, 12, 14, 16, 17, 18, 20, 22]
    .map(bits => 1 << bits)
    .filter(count => !quick || count <= QUICK_LIMIT)
  // The first run is slow for its code is not compiled yet.
  timers(1 << 12, 3)
  return {
    connections: conns.map(count => ({
      series: 'established traffic',
      count,
      ns: bench.established(count),
    })),
    services: MANY.flatMap(count => [
      ...pair(bench, 'services, an RS each', count, { services: count, realServers: 1 }),
      ...pair(bench, 'RSs of one service', count, { services: 1, realServers: count }),
    ]),
    timers: conns.flatMap(count => {
      const { idle, refiled, expired } = timers(count, lipsFor(count))
      return [
        { series: 'tick with nothing due', count, ns: idle },
        { series: 'filed again, per connection', count, ns: refiled },
        { series: 'expired with two RSTs, per connection', count, ns: expired },
      ]
    }),
  }
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

/** Writes docs/figures/engine-*.svg. */
export async function drawGrowth(growth: Growth): Promise<void> {
  const folder = join(CHECKOUT, 'docs/figures')
  mkdirSync(folder, { recursive: true })
  const draw = async (name: string, spec: TopLevelSpec) =>
    writeFileSync(join(folder, `engine-${name}.svg`), await svg(spec))
  await draw('connections', chart(growth.connections, 'connections', 'ns per packet', 'linear'))
  await draw('services', chart(growth.services, 'services or RSs', 'ns', 'log'))
  await draw('timers', chart(growth.timers, 'connections', 'ns', 'log'))
}

function chart(values: Point[], count: string, ns: string, scale: 'linear' | 'log'): TopLevelSpec {
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
        legend: { title: null, orient: 'bottom', columns: 2 },
      },
    },
  }
}
