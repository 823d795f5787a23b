/** The answers of `tapvs whois` as text. */

import type { WhoisConn, WhoisGap, WhoisInfo } from '../../api/commands.ts'
import { countedLost } from '../../see/text/counted.ts'
import { timeText as timeOfUs } from '../../see/text/times.ts'
import { keepsClient, methodWords } from '../../see/words/forwarding.ts'
import { hostText } from '../../wire/ip-address.ts'
import type { Question } from './question.ts'

const HEAD = [
  'protocol',
  'client',
  'vip',
  'lip',
  'rs',
  'since',
  'until',
  'state',
  'worker',
  'forwarding',
]

/** `nowMs` decides which times need a date. */
export function formatWhois(info: WhoisInfo, question: Question, nowMs: number): string {
  const { conns, last, gaps } = info
  const lines = conns.length > 0 ? table(conns, nowMs) : [nobody(info, question, nowMs)]
  if (info.more) lines.push(`and more; only the last ${conns.length} are shown`)
  if (last) lines.push('the last one was:', ...table([last], nowMs))
  // Of all times together it only matters how far back they go.
  const ever = question.time?.fromMs === 0
  const told = gaps.filter(
    ({ why, from_ms: fromMs }) => !ever || why !== 'unknown' || fromMs === null,
  )
  lines.push(...told.map(gap => gapText(gap, nowMs)))
  return `${lines.join('\n')}\n`
}

function table(conns: readonly WhoisConn[], nowMs: number): string[] {
  const rows = [HEAD, ...conns.map(conn => row(conn, nowMs))]
  const widths = HEAD.map((_, i) => Math.max(...rows.map(cells => (cells[i] as string).length)))
  return rows.map(cells =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] as number))
      .join('  ')
      .trimEnd(),
  )
}

function row(conn: WhoisConn, nowMs: number): string[] {
  const { protocol, client, vip, lip, rs, check, opened_ms: openedMs, state, ended, worker } = conn
  const { name } = methodWords(conn)
  return [
    protocol,
    check ? 'health check' : client,
    check ? '-' : vip,
    // The real server sees the client itself.
    keepsClient(conn.forwarding) ? '-' : lip,
    rs,
    openedMs === null ? '-' : timeText(openedMs, nowMs),
    ended ? timeText(ended.at_ms, nowMs) : 'now',
    ended ? `${ended.how} (${state})` : state,
    `${worker}`,
    name,
  ]
}

function nobody(info: WhoisInfo, { address, port, time }: Question, nowMs: number): string {
  const { as, lips, gaps, last, since_ms: sinceMs } = info
  const endpoint = `${hostText(address)}:${port}`
  const when = time === null ? 'now' : spanText(time.fromMs, time.toMs, nowMs)
  const had = time === null ? 'has' : gaps.length > 0 ? 'is known to have had' : 'had'
  const text =
    as === 'lip'
      ? `nobody ${had} ${endpoint} ${when}`
      : `no client ${endpoint} ${had} a connection ${when}, and ${address} is no LIP (LIPs: ${lips.join(', ') || 'none'})`
  if (sinceMs === null || last !== null || gaps.length > 0) return text
  return `${text}; history reaches back to ${timeText(sinceMs, nowMs)}`
}

function spanText(fromMs: number, toMs: number, nowMs: number): string {
  if (fromMs === 0) return 'ever'
  const from = timeText(fromMs, nowMs).replace(/\.000(?=Z|[+-])/, '')
  return toMs - fromMs < 1000 ? `at ${from}` : `from ${from} to ${timeText(toMs, nowMs)}`
}

function gapText({ why, from_ms: fromMs, to_ms: toMs, records }: WhoisGap, nowMs: number): string {
  const to = timeText(toMs, nowMs)
  const from = fromMs === null ? '' : timeText(fromMs, nowMs)
  switch (why) {
    case 'unknown':
      return fromMs === null
        ? `history reaches back to ${to}; nothing is known of before`
        : `nothing is known from ${from} to ${to}: no history was written`
    case 'unfinished':
      return `what lived at ${to} is not in the file: the daemon that began at ${from} had told no end by then`
    case 'lost':
      return `${countedLost(records, 'record')} between ${from} and ${to}`
  }
}

/** To the ms, with the date if it is not that of `nowMs`. */
function timeText(ms: number, nowMs: number): string {
  return timeOfUs(ms * 1000, nowMs * 1000, 3)
}
