/** `tapvs counters`: what the arms carried, and every drop and event with what it means to whoever reads it. */

import type { ArmInfo, CountersInfo } from '../control/commands.ts'

/** What happened to a frame, by the name of its drop reason. */
export const DROP_WORDS: Record<string, string> = {
  eth_runt: 'shorter than an Ethernet header',
  eth_otherhost: 'for the MAC of another station',
  eth_not_unicast: 'multicast or broadcast that is no ARP',
  eth_vlan: 'VLAN-tagged; arms carry untagged frames',
  eth_type: 'neither IPv4 nor ARP',
  vnet_header: 'offload header that contradicts the frame',
  arp_header: 'malformed ARP, or not of Ethernet and IPv4',
  arp_not_ours: 'ARP for an address that is not of this arm',
  arp_unsolicited: 'ARP reply that nobody asked for, from an unknown neighbour',
  arp_claims_ours: 'ARP that claims one of our addresses for another MAC',
  ip_header: 'malformed IPv4 header',
  ip_checksum: 'wrong IPv4 header checksum',
  ip_truncated: 'shorter than its IPv4 total length',
  ip_fragment: 'IPv4 fragment; fragments are not reassembled',
  ip_ttl: 'TTL is used up',
  ip_protocol: 'protocol that is neither TCP nor ICMP',
  ip_source: 'source address that cannot be a client (our own, loopback, multicast)',
  ip_too_big: 'larger than the MTU of the arm it has to leave on',
  icmp_header: 'malformed ICMP',
  icmp_checksum: 'wrong ICMP checksum',
  icmp_type: 'ICMP other than an echo request',
  icmp_not_ours: 'ICMP to an address that is not ours',
  tcp_header: 'malformed TCP header',
  tcp_no_service: 'TCP to an address and port without a service',
  tcp_no_conn: 'no connection, and no SYN that could open one',
  tcp_no_rs: 'SYN to a service without a real server of weight above 0',
  conn_table_full: 'SYN while connections.table_size connections are in use',
  lport_exhausted: 'SYN while every LIP of the service is out of lports towards its real server',
  neigh_table_full: 'next hop that found the neighbour table full',
  neigh_queue_full: 'behind neighbours.unres_queue_length packets that wait for the same next hop',
  neigh_unresolved: 'waited for a next hop that never answered ARP',
  tx_queue_full: 'the device queue was full',
  tx_arm_down: 'the arm to leave on is down or gone',
  tx_error: 'refused by the kernel for another reason',
  no_buffer: 'no free buffer',
  impaired: 'lost on purpose, by impair in the config',
  hand_over_full: 'for another worker, which is too far behind to take it',
  stopping: 'SYN while the daemon stops and only lets its connections end',
}

/** What else happened, by the name of the event. */
export const EVENT_WORDS: Record<string, string> = {
  conns_opened: 'connections opened',
  conns_expired: 'connections that reached their timeout',
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
  syn_reused: 'SYNs that reopened a connection about to expire',
  trace_lost: 'log records lost because the log was too slow',
  rx_errors: 'failed reads from an arm',
  arm_reattached: 'arms that came back',
  handed_over: 'packets read by one worker and handed to the one that owns them',
  rst_no_rs: 'RSTs to SYNs that no real server could take (when_down: reject)',
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
    arms.map((arm, i) => line(arm.name, rows[i] as number[], arm.up ? '' : 'DOWN')).join('')
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
