/** `tapvs counters`: what the arms carried, and every drop and event with its meaning. */

import type { ArmInfo, CountersInfo } from '../../api/commands.ts'
import { linkWords } from '../../api/link-state.ts'
import { DROP_WORDS } from '../../see/drops/drops.ts'
import { EVENT_WORDS } from '../../see/words/event-words.ts'

/** With `all`, zeros too. */
export function formatCounters(counters: CountersInfo, options: { all: boolean }): string {
  const { arms, drops, events, conns, frames } = counters
  const parts = [formatArms(arms)]
  parts.push(
    `connections ${conns.used} of ${conns.capacity}, buffers free ${frames.free} of ${frames.slots}\n`,
  )
  parts.push(formatList('drops', drops, DROP_WORDS, options.all))
  parts.push(formatList('events', events, EVENT_WORDS, options.all))
  return parts.filter(part => part !== '').join('\n')
}

const ARM_COLUMNS = ['rx packets', 'rx bytes', 'rx drops', 'tx packets', 'tx bytes', 'tx drops']

function formatArms(arms: readonly ArmInfo[]): string {
  const rows = arms.map(arm => [
    arm.rx_packets,
    arm.rx_bytes,
    arm.rx_drops,
    arm.tx_packets,
    arm.tx_bytes,
    arm.tx_drops,
  ])
  const nameWidth = Math.max(3, ...arms.map(({ name }) => name.length))
  const widths = ARM_COLUMNS.map((column, i) =>
    Math.max(column.length, ...rows.map(row => String(row[i]).length)),
  )
  const line = (name: string, cells: readonly (string | number)[], up: string) => {
    const numbers = cells.map((cell, i) => String(cell).padStart(widths[i] as number))
    return `${[name.padEnd(nameWidth), ...numbers, up].join('  ').trimEnd()}\n`
  }
  return (
    line('arm', ARM_COLUMNS, '') +
    arms
      .map((arm, i) => line(arm.name, rows[i] as number[], arm.up ? '' : `DOWN ${linkWords(arm)}`))
      .join('')
  )
}

function formatList(
  title: string,
  numbers: Record<string, number>,
  words: Record<string, string>,
  all: boolean,
): string {
  const rows = Object.entries(numbers).filter(([, number]) => all || number !== 0)
  if (rows.length === 0) return ''
  const nameWidth = Math.max(...rows.map(([name]) => name.length))
  const width = Math.max(...rows.map(([, number]) => String(number).length))
  const lines = rows.map(([name, number]) =>
    `  ${name.padEnd(nameWidth)}  ${String(number).padStart(width)}  ${words[name] ?? ''}`.trimEnd(),
  )
  return `${title}\n${lines.join('\n')}\n`
}
