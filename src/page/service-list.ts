/**
 * The services as one list of lines of the same height, so that a thousand of them scroll as the connections do: each service,
 * and below it, while it is unfolded, its real servers and what there is to say of it.
 */

import type { RealServerInfo, ServiceInfo } from '../api/commands.ts'
import type { RsRow, ServiceRow } from '../see/numbers/rows.ts'
import { serviceFacts } from './service-facts.ts'

export type ServiceLine =
  | { kind: 'service'; row: ServiceRow; total: number; open: boolean; at: number; of: number }
  | { kind: 'rs'; row: RsRow; info: RealServerInfo; service: ServiceRow; at: number; of: number }
  | { kind: 'text'; service: ServiceRow; text: string; bad: boolean }

/** Lines that fit a window or two: so many are unfolded until somebody folds them. */
const UNFOLDED_MAX = 48
/** Letters of a line of text. */
const LETTERS = 130

/** Which services are unfolded: as it suits how many there are, but for those that somebody has turned. */
export interface Folding {
  /** null as it suits; else all or none. */
  all: boolean | null
  /** Names of services that are otherwise. */
  turned: ReadonlySet<string>
}

export const AS_IT_SUITS: Folding = { all: null, turned: new Set() }

/** Whether services are unfolded of which nobody has said anything. */
export function unfoldsAll(rows: readonly ServiceRow[], { all }: Folding): boolean {
  if (all !== null) return all
  return rows.reduce((sum, { realServers }) => sum + 2 + realServers.length, 0) <= UNFOLDED_MAX
}

/** The same with one service turned. */
export function turned(folding: Folding, name: string): Folding {
  const names = new Set(folding.turned)
  if (!names.delete(name)) names.add(name)
  return { ...folding, turned: names }
}

/** `chosen` are numbers of `rows`, which are those of `services`. */
export function serviceLines(
  services: readonly ServiceInfo[],
  rows: readonly ServiceRow[],
  chosen: readonly number[],
  folding: Folding,
): ServiceLine[] {
  const all = unfoldsAll(rows, folding)
  return chosen.flatMap((index, i): ServiceLine[] => {
    const [info, row] = [services[index], rows[index]]
    if (!info || !row) return []
    const open = all !== folding.turned.has(row.service)
    const total = info.real_servers.reduce((sum, { stats }) => sum + stats.conns, 0)
    const line: ServiceLine = { kind: 'service', row, total, open, at: i + 1, of: chosen.length }
    return open ? [line, ...unfolded(info, row)] : [line]
  })
}

function unfolded(info: ServiceInfo, service: ServiceRow): ServiceLine[] {
  const text = (words: string, bad = false) =>
    inLines(words).map((line): ServiceLine => ({ kind: 'text', service, text: line, bad }))
  const facts = serviceFacts(info)
  const of = service.realServers.length
  return [
    ...text(facts.map(fact => fact.text).join(' · ')),
    ...facts.flatMap(fact => (fact.title ? text(`${fact.text}: ${fact.title}`) : [])),
    ...service.realServers.flatMap((row, i): ServiceLine[] => {
      const rs = info.real_servers[i]
      if (!rs) return []
      return [
        { kind: 'rs', row, info: rs, service, at: i + 1, of },
        ...(row.reason === null ? [] : text(`${row.rs} is out: ${row.reason}`, true)),
      ]
    }),
    ...(of === 0 ? text('It has no real server.', true) : []),
  ]
}

/** Broken at spaces; a word that is longer than a line has one of its own. */
function inLines(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > LETTERS) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
