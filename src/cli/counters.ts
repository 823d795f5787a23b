/** `tapvs counters`: what the arms carried, and every drop and event with what it means to whoever reads it. */

import type { ArmInfo, CountersInfo } from '../api/commands.ts'
import { linkWords } from '../api/link-state.ts'
import { DROP_WORDS } from '../see/drop-words.ts'

/** What else happened, by the name of the event. */
export const EVENT_WORDS: Record<string, string> = {
  conns_opened: 'connections opened',
  conns_expired: 'connections that ended',
  toa_added: 'segments that carry the client address to the real server',
  toa_no_room: 'segments without room for TOA among the TCP options',
  toa_mtu: 'segments that TOA would have made larger than the MTU',
  toa_forged: 'TOA options of clients, made void',
  rst_on_expiry: 'RSTs to both ends of established connections that timed out',
  rst_bare_ack: 'RSTs to ACKs without a connection',
  arp_replies: 'ARP requests answered',
  arp_requests: 'ARP requests sent',
  arp_gratuitous: 'gratuitous ARP sent for our addresses',
  neigh_learned: 'ARP replies learned from',
  neigh_moved: 'neighbours that changed their MAC',
  neigh_failed: 'neighbours that did not answer',
  icmp_echo_replies: 'pings answered',
  syn_reused: 'SYNs that began another connection in the place of one that was over',
  trace_lost: 'log records lost because the log was too slow',
  rx_errors: 'failed reads from an arm',
  arm_reattached: 'arms that came back',
  handed_over: 'packets read by one worker and handed to the one that owns them',
  rst_no_rs: 'RSTs to SYNs that no real server could take (when_down: reject)',
  rst_on_cut:
    'RSTs to both ends of connections that were cut: their real server is down, gone or drained',
  syn_rescheduled:
    'SYNs sent again that went to another real server, as the first had not answered and takes no more',
  rst_on_reuse: 'RSTs to real servers whose client had begun another connection',
}

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
    arm.rxPackets,
    arm.rxBytes,
    arm.rxDrops,
    arm.txPackets,
    arm.txBytes,
    arm.txDrops,
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
