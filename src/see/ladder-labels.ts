/** What the ladder's arrows are labelled with, and what is said below them. */

import { FLAG } from '../wire/tcp.ts'
import type { Leg, PacketRow } from './ladder.ts'
import type { Change } from './moment.ts'

/** Labels of a leg, the most telling first, the shortest last. */
export function legLabels(leg: Leg, ascii: boolean): string[] {
  const { segment, seq, ack } = leg
  if (!segment) return [leg.words]
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

/** Headers' addresses are in the ladder's own columns, and checksums follow from all else. */
const IN_COLUMNS: ReadonlySet<string> = new Set([
  'mac',
  'source',
  'destination',
  'length',
  'ip_checksum',
  'tcp_checksum',
])

export function changesText(changes: readonly Change[], ascii: boolean): string[] {
  const arrow = ascii ? '->' : '→'
  return changes.filter(({ what }) => !IN_COLUMNS.has(what)).map(change => oneChange(change, arrow))
}

function oneChange({ what, before, after, delta }: Change, arrow: string): string {
  switch (what) {
    // What FullNAT adds to the client's numbers it takes off what acknowledges them: said the same way.
    case 'seq':
      return `seq +${(delta ?? 0) >>> 0}`
    case 'ack':
      return `ack -${-(delta ?? 0) >>> 0}`
    case 'sack':
      return `sack edges -${-(delta ?? 0) >>> 0}`
    case 'toa_added':
      return `TOA ${after} added`
    case 'toa_voided':
      return `forged TOA ${before} made void`
    case 'timestamp_removed':
      return 'timestamp removed'
    default:
      return `${what.replaceAll('_', ' ')} ${before || 'none'} ${arrow} ${after || 'none'}`
  }
}

const OWN: Readonly<Record<string, string>> = {
  rst_on_expiry: 'the appliance resets it: the connection has expired',
  arp_request: 'the appliance asks',
  arp_reply: 'the appliance answers',
}

export function fateText(row: PacketRow, reasons: Readonly<Record<string, string>>): string[] {
  const reason = row.reason ?? ''
  const why = reasons[reason] ? `${reason}: ${reasons[reason]}` : reason
  switch (row.fate) {
    case 'parked':
      return ['parked until the MAC of the next hop is known']
    case 'released':
      return ['released, the next hop is known']
    case 'dropped':
      return [`dropped, ${why}`]
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
