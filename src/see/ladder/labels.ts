/** What the ladder's arrows are labelled with, and what is said below them. */

import { FLAG } from '../../wire/tcp.ts'
import { DROP_WORDS } from '../drops/drops.ts'
import { changeText, movedBy } from '../moments/change-words.ts'
import type { Change } from '../moments/moment.ts'
import type { ConnEnds } from '../words/ends.ts'
import { methodWords } from '../words/forwarding.ts'
import type { Brief } from './brief.ts'
import { HELD } from './conns.ts'
import type { PacketRow } from './ladder.ts'
import type { Leg } from './leg.ts'

/** Labels of a leg, the most telling first, the shortest last. */
export function legLabels(leg: Leg, ascii: boolean): string[] {
  const { segment, seq, ack } = leg
  if (!segment) return leg.brief === null ? [leg.words] : datagramLabels(leg, leg.brief, ascii)
  const { payload, bits } = segment
  const words = [segment.flags]
  if (payload > 0) words.push(`${seq}:${(seq + payload) >>> 0}`)
  else if (bits & (FLAG.SYN | FLAG.FIN | FLAG.RST)) words.push(`${seq}`)
  if (bits & FLAG.ACK) words.push(`ack ${ack}`)
  if (payload > 0) words.push(`len ${payload}`)
  if (leg.gsoSize > 0) {
    const segments = Math.ceil(payload / leg.gsoSize)
    words.push(`${segments}${ascii ? 'x' : '×'}${leg.gsoSize}`)
  }
  const short = words.join(' ')
  const win = `${short} win ${segment.window}`
  return segment.options === '' ? [win, short] : [`${win} <${segment.options}>`, win, short]
}

/** Several datagrams that came as one frame are told like segments. */
function datagramLabels({ gsoSize }: Leg, { labels }: Brief, ascii: boolean): string[] {
  if (gsoSize === 0) return labels
  const [first = '', ...rest] = labels
  return [`${first} ${ascii ? 'x' : '×'}${gsoSize}`, first, ...rest]
}

/** Headers' addresses are in the ladder's own columns, and checksums follow from all else. */
const IN_COLUMNS: ReadonlySet<string> = new Set([
  'mac',
  'source',
  'destination',
  'length',
  'ip_checksum',
  'tcp_checksum',
  'icmp_checksum',
  'quoted_ip_checksum',
])

export function changesText(changes: readonly Change[]): string[] {
  return changes.filter(change => !isInColumns(change)).map(oneChange)
}

/** A checksum of UDP that was there before and still is follows as well; one that was made, or left out, does not. */
function isInColumns({ what, before, after }: Change): boolean {
  if (what.endsWith('udp_checksum')) return before !== '0000' && after !== '0000'
  return IN_COLUMNS.has(what)
}

function oneChange(change: Change): string {
  const { what, delta = 0 } = change
  switch (what) {
    case 'seq':
    case 'ack':
      return `${what} ${movedBy(what, delta)}`
    case 'quoted_ack':
      return `quoted ack ${movedBy('seq', delta)}`
    case 'quoted_seq':
      return `quoted seq ${movedBy('ack', delta)}`
    case 'sack':
      return `sack edges ${movedBy(what, delta)}`
    default:
      return changeText(change)
  }
}

const OWN: Readonly<Record<string, string>> = {
  rst_on_expiry: 'the appliance resets it: the connection has expired',
  rst_on_cut: 'the appliance resets it: its connections to this RS are cut',
  rst_on_reuse: 'the appliance resets it: the client has begun another connection',
  arp_request: 'the appliance asks',
  arp_reply: 'the appliance answers',
  arp_gratuitous: 'the appliance announces itself',
  nd_solicit: 'the appliance asks',
  nd_advert: 'the appliance answers',
  nd_unsolicited: 'the appliance announces itself',
  mld_report: 'the appliance joins a group',
  echo_reply: 'the appliance answers',
  icmp_frag_needed: 'the appliance says that it is too big',
  icmp_too_big: 'the appliance says that it is too big',
  icmp_unreachable: 'the appliance says that it cannot be reached',
  icmp_time_exceeded: 'the appliance says that its time is up',
  icmp_error: 'the appliance says what is wrong with it',
  uoa: 'the appliance tells the RS of the client ahead',
  syn_cookie: 'the appliance answers with a cookie, and keeps nothing',
  syn_proxy: 'the appliance, in the place of the client',
  rst: 'the appliance refuses',
  added: 'the balancer sent it of its own',
  left_twice: 'left a second time',
}

/** What an analysis of captures finds missing. */
const MISSING: Readonly<Record<string, string>> = {
  lost_in: 'lost, never reached the RS',
  lost_out: 'lost, never reached the client',
  outside: 'outside the time of the other capture',
}

/** The line below a connection's ends: of FullNAT none, as long as both sides are of one family. */
export function methodLegend(ends: ConnEnds): string[] {
  const { name, about } = methodWords(ends)
  return name === 'FullNAT' ? [] : `${name}: ${about}`.split(' ')
}

/** Who sent it to whom, of what belongs to no connection: no heading says it. */
export function whoText({ conn, outer, inner }: PacketRow): string[] {
  const leg = outer ?? inner
  const ends = leg?.segment ?? leg?.brief
  return conn === 0 && ends ? [`from ${ends.source} to ${ends.destination}`] : []
}

export function fateText(row: PacketRow): string[] {
  const reason = row.reason ?? ''
  const why = DROP_WORDS[reason] ? `${reason}: ${DROP_WORDS[reason]}` : reason
  switch (row.fate) {
    case 'piece':
      return ['a further piece of it']
    case 'parked':
      if (row.conn === 0) return ['waits for the rest of its datagram']
      return [
        reason === HELD
          ? 'held until the RS has answered'
          : 'parked until the MAC of the next hop is known',
      ]
    case 'released':
      return [reason === HELD ? 'released, the RS has answered' : 'released, the next hop is known']
    case 'dropped':
      return [MISSING[reason] ?? `dropped, ${why}`]
    case 'unsent':
      return [`not sent, ${why}`]
    case 'kept':
      return ['for the appliance itself']
    case 'own':
      return [OWN[reason] ?? 'made by the appliance']
    case 'unseen':
      return ['what left is not on record']
    default:
      return []
  }
}
