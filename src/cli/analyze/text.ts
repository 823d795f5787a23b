/** The report of an analysis for people: summary, what the balancer does, connections, findings. */

import type { CaptureReport, ConnReport, DelayReport, Report } from '../../see/analyze/report.ts'
import { micros } from '../../see/analyze/units.ts'
import { instantText } from '../../see/text/times.ts'

/** Connections in the table without --all. */
const SHOWN = 40

export function reportText(report: Report, all: boolean): string {
  const parts = [summary(report)]
  if (report.connections.length > 0) {
    parts.push(translation(report.connections))
    parts.push(connections(report.connections, all ? report.connections.length : SHOWN))
  }
  parts.push(findings(report))
  return `${parts.join('\n')}`
}

/** A word in the margin and what belongs to it. */
function entry(name: string, text: string): string {
  return `${name.padEnd(12)} ${text}\n`
}

function summary({ captures, clock, delays, connections, alone }: Report): string {
  const lines = captures.map((capture, i) =>
    entry(
      captures.length === 1 ? 'capture' : (['client side', 'RS side'][i] ?? ''),
      captureText(capture),
    ),
  )
  if (!clock.same && clock.segments > 0) {
    const bound =
      clock.bound === null
        ? ', one way only: at most that much'
        : `, give or take ${duration(clock.bound)}`
    const ahead = clock.offset < 0 ? 'behind' : 'ahead of'
    const text = `the RS side's clock is ${Math.abs(clock.offset).toFixed(6)} s ${ahead} the client side's${bound}`
    lines.push(entry('clocks', `${text} (${clock.segments} segments)`))
  }
  if (delays.bothUs !== null)
    lines.push(entry('delay', `${micros(delays.bothUs)} there and back at least`))
  const above = clock.same ? '' : ' above the fastest'
  for (const [name, delay] of [
    ['in', delays.in],
    ['out', delays.out],
  ] as const) {
    if (delay !== null) lines.push(entry('', `${name.padEnd(3)} ${delayText(delay)}${above}`))
  }
  const sure = ['certain', 'likely', 'guess'].flatMap(kind => {
    const count = connections.filter(({ sureness }) => sureness === kind).length
    return count > 0 ? [`${count} ${kind}`] : []
  })
  const one = alone.outer.length + alone.inner.length
  const paired = `${connections.length} on both sides${sure.length > 0 ? ` (${sure.join(', ')})` : ''}`
  lines.push(entry('connections', `${paired}, ${one} on one side only`))
  return lines.join('')
}

function captureText({ name, packets, segments, flows, begins, lasts }: CaptureReport): string {
  const from = instantText(begins * 1e6, 3)
  return `${name}: ${packets} packets, ${segments} TCP segments in ${flows} flows, from ${from}, ${lasts.toFixed(1)} s`
}

function delayText({ segments, p50Us, p90Us, p99Us, maxUs }: DelayReport): string {
  return `${micros(p50Us)} median, ${micros(p90Us)} 90 %, ${micros(p99Us)} 99 %, ${micros(maxUs)} most of ${segments} segments`
}

function duration(seconds: number): string {
  return micros(seconds * 1e6)
}

/** What all connections have in common, each line with how many have it. */
function translation(conns: readonly ConnReport[]): string {
  const lines = ['what the balancer does\n']
  const say = (name: string, of: (conn: ConnReport) => string | null) => {
    const counts = new Map<string, number>()
    for (const conn of conns) {
      const text = of(conn)
      if (text !== null) counts.set(text, (counts.get(text) ?? 0) + 1)
    }
    const told = [...counts].toSorted((a, b) => b[1] - a[1]).slice(0, 3)
    const parts = told.map(([text, count]) =>
      count === conns.length ? text : `${text} (${count})`,
    )
    if (counts.size > 3) parts.push(`and ${counts.size - 3} others`)
    if (parts.length > 0) lines.push(`  ${name.padEnd(14)} ${parts.join('; ')}\n`)
  }
  say('client seq', conn =>
    conn.clientDelta === 0 ? 'left as it is' : 'moved by a number of each connection',
  )
  say('RS seq', conn =>
    conn.rsDelta === 0 ? 'left as it is' : 'moved by a number of each connection',
  )
  say('TOA', toaText)
  say('MSS', ({ mss }) => mssText('SYN', mss.syn, mssText('SYN+ACK', mss.synAck, null)))
  say(
    'timestamps',
    conn =>
      conn.timestamps &&
      (conn.timestamps === 'absent' ? 'none in the SYN' : `${conn.timestamps} in the SYN`),
  )
  say(
    'TTL',
    ({ ttl }) => [side('in', ttl.in), side('out', ttl.out)].filter(Boolean).join(', ') || null,
  )
  say('window', ({ changes }) =>
    changes.window ? `changed in ${changes.window} segments` : 'left as it is',
  )
  say('MACs in', ({ macs }) => macs && `${macs.before}, then ${macs.after}`)
  return lines.join('')
}

function toaText({ toa, client }: ConnReport): string {
  if (toa.segments === 0) return 'none'
  return toa.names.every(name => name === client)
    ? 'names the client'
    : `names ${toa.names.join(' ')}`
}

function mssText(name: string, mss: [number, number] | null, rest: string | null): string | null {
  if (mss === null) return rest
  const text = mss[0] === mss[1] ? `${name} ${mss[0]}` : `${name} ${mss[0]} -> ${mss[1]}`
  return rest === null ? text : `${text}, ${rest}`
}

function side(name: string, ttls: readonly string[]): string {
  return ttls.length === 0 ? '' : `${name} ${ttls.slice(0, 3).join(' ')}`
}

function connections(conns: readonly ConnReport[], shown: number): string {
  const head = [
    '#',
    'client',
    'VIP',
    'LIP',
    'RS',
    'sure',
    'client seq',
    'in',
    'out',
    'lost in',
    'out',
  ]
  const rows = conns
    .slice(0, shown)
    .map(conn => [
      `${conn.id}`,
      conn.client,
      conn.vip,
      conn.lip,
      conn.rs,
      conn.sureness,
      `+${conn.clientDelta}`,
      `${conn.in.entered}`,
      `${conn.out.entered}`,
      `${conn.in.lost}`,
      `${conn.out.lost}`,
    ])
  const table = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...table.map(row => (row[column] ?? '').length)))
  const lines = table.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  if (conns.length > shown) lines.push(`and ${conns.length - shown} more; --all shows them`)
  return `${lines.join('\n')}\n`
}

function findings({ findings: found, alone, connections }: Report): string {
  const lost = found.some(({ weight }) => weight !== 'note')
  const lines = ['findings\n']
  if (connections.length === 0) {
    lines.push('  no connection was found on both sides, so there is nothing to compare\n')
  } else if (!lost) {
    const text = alone.outer.length + alone.inner.length > 0 ? 'of the paired connections ' : ''
    lines.push(`  ${text}nothing was lost, added twice or changed that FullNAT leaves alone\n`)
  }
  for (const { weight, text, conns, examples } of found) {
    const which = conns.length > 0 && examples.length === 0 ? `: ${conns.join(' ')}` : ''
    lines.push(`  ${weight.padEnd(5)} ${text}${which}\n`)
    for (const example of examples) lines.push(`          ${example}\n`)
  }
  return lines.join('')
}
