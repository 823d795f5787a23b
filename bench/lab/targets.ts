/** Ratios between tapvs and the others, and which of them are promised. */

import { ROWS, type Row } from './rows.ts'

/** A ratio of medians, tapvs : contender, that is to be at least (latency: at most) the bound. */
export type Target = { against: string; row: Row; bound: number }

const rowsOf = (...groups: Row['group'][]) => ROWS.filter(({ group }) => groups.includes(group))

const bounds = (against: string, rows: readonly Row[], bound: number): Target[] =>
  rows.map(row => ({ against, row, bound }))

const P99 = ROWS.filter(({ key }) => key === 'p99')

/**
 * Why these: a balancer that does nothing cannot be beaten by much (limit); a TAP costs more than a veth, which kernel
 * NAT does not pay (nat); a proxy ends two TCP connections where a FullNAT translates one.
 */
export const TARGETS: readonly Target[] = [
  ...bounds('limit', rowsOf('redis', 'connections', 'bulk'), 1),
  ...bounds('limit', P99, 1.05),
  ...bounds('nat', rowsOf('redis'), 0.8),
  ...bounds('nat', rowsOf('connections'), 1.15),
  ...bounds('nat', rowsOf('bulk'), 0.75),
  ...['haproxy', 'nginx'].flatMap(proxy => [
    ...bounds(proxy, rowsOf('redis'), 1.05),
    ...bounds(proxy, rowsOf('connections', 'bulk'), 1.4),
  ]),
]

export const targetOf = (against: string, row: Row): Target | undefined =>
  TARGETS.find(target => target.against === against && target.row.key === row.key)

export function isMet({ row, bound }: Target, ratio: number): boolean {
  return row.better === 'more' ? ratio >= bound : ratio <= bound
}
