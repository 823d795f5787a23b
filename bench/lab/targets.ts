/** Ratios between tapvs and the others, and which of them are promised. */

import { ROWS, type Row } from './rows.ts'

/** Who is compared with the others: tapvs on TAPs, on NICs and over IPv6, each of them if it took part. */
export const SUBJECTS = ['tapvs', 'nic', 'ipv6', 'nat64'] as const
export type Subject = (typeof SUBJECTS)[number]

/** A ratio of medians, subject : contender, that is to be at least (latency: at most) the bound. */
export type Target = { subject: Subject; against: string; row: Row; bound: number }

const rowsOf = (...groups: Row['group'][]) => ROWS.filter(({ group }) => groups.includes(group))

const byKey = (wanted: string) => ROWS.filter(({ key }) => key === wanted)

const bounds = (
  [subject, against]: [Subject, string],
  rows: readonly Row[],
  bound: number,
): Target[] => rows.map(row => ({ subject, against, row, bound }))

/**
 * Why these: a balancer that does nothing cannot be beaten by much (limit); a TAP costs more than a veth, which kernel
 * NAT does not pay (nat); a proxy ends two TCP connections where a FullNAT translates one. A NIC's frames come by way of a
 * TAP, so it costs more than a TAP alone, and kernel NAT does the same work without leaving the kernel. Addresses of IPv6 are four times
 * as long, and NAT64 makes another header; the kernels on both sides, where most of the time goes, do the same as over IPv4.
 */
export const TARGETS: readonly Target[] = [
  ...bounds(['tapvs', 'limit'], rowsOf('redis', 'connections', 'bulk'), 1),
  ...bounds(['tapvs', 'limit'], byKey('p99'), 1.05),
  ...bounds(['tapvs', 'nat'], rowsOf('redis'), 0.8),
  ...bounds(['tapvs', 'nat'], rowsOf('connections'), 1.15),
  ...bounds(['tapvs', 'nat'], rowsOf('bulk'), 0.75),
  ...bounds(['nic', 'tapvs'], rowsOf('bulk'), 0.8),
  ...bounds(['nic', 'nat'], byKey('get-1'), 0.9),
  ...bounds(['nic', 'nat'], rowsOf('connections'), 0.95),
  ...bounds(['ipv6', 'tapvs'], rowsOf('redis', 'connections', 'bulk'), 0.9),
  ...bounds(['nat64', 'tapvs'], rowsOf('redis', 'connections', 'bulk'), 0.8),
  ...['haproxy', 'nginx'].flatMap(proxy => [
    ...bounds(['tapvs', proxy], rowsOf('redis'), 1.05),
    ...bounds(['tapvs', proxy], rowsOf('connections', 'bulk'), 1.4),
    ...bounds(['nic', proxy], rowsOf('redis', 'connections'), 1),
  ]),
]

export const targetOf = (subject: Subject, against: string, row: Row): Target | undefined =>
  TARGETS.find(
    target =>
      target.subject === subject && target.against === against && target.row.key === row.key,
  )

export function isMet({ row, bound }: Target, ratio: number): boolean {
  return row.better === 'more' ? ratio >= bound : ratio <= bound
}
