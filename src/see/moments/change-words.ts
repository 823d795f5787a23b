/**
 * Changes in words and back: `source A to B, seq +10 to 20, TOA added A:P, timestamp to NOPs (TS val 1 ecr 0)`. MACs and
 * checksums, which always change, are only named.
 */

import { byWord } from '../text/by-word.ts'
import type { Change } from './moment.ts'

/** Changes told without their values. */
const NAMED: Readonly<Record<string, string>> = byWord({
  mac: 'MACs rewritten',
  ip_checksum: 'IP checksum adjusted',
  tcp_checksum: 'TCP checksum adjusted',
  udp_checksum: 'UDP checksum adjusted',
  icmp_checksum: 'ICMP checksum adjusted',
})

/** Names that people write otherwise than programs do. */
const NAMES: Readonly<Record<string, string>> = byWord({
  mss: 'MSS',
  ttl: 'TTL',
  tos: 'TOS',
  ip_id: 'IP ID',
  version: 'IP version',
  flow: 'flow label',
  udp_length: 'UDP length',
  icmp_type: 'ICMP type',
  icmp_mtu: 'ICMP MTU',
  proxy_header: 'PROXY header',
})
/** A datagram came without a checksum, or has to go without. */
const NO_CHECKSUM = '0000'
const MADE = 'UDP checksum computed'
const LEFT_OUT = 'UDP checksum left out'
const QUOTED = { what: 'quoted_', words: 'quoted ' }

const NOPS = 'to NOPs'

export function changesText(changes: readonly Change[]): string {
  return changes.map(changeText).join(', ')
}

/** The words of one change. */
export function changeText(change: Change): string {
  const { what, before, after, delta } = change
  if (what.startsWith(QUOTED.what))
    return `${QUOTED.words}${quotedText({ ...change, what: what.slice(QUOTED.what.length) })}`
  if (what === 'udp_checksum' && before === NO_CHECKSUM) return MADE
  if (what === 'udp_checksum' && after === NO_CHECKSUM) return LEFT_OUT
  const named = NAMED[what]
  if (named !== undefined) return named
  if (what === 'tunnelled') return `in a tunnel ${after}`
  if (what === 'toa_added') return `TOA added ${after}`
  if (what === 'uoa_added') return `UOA added ${after}`
  if (what === 'uoa_removed') return `UOA removed ${before}`
  if (what === 'toa_voided') return `forged TOA ${NOPS} (${before})`
  if (what === 'timestamp_removed') return `timestamp ${NOPS} (${before})`
  const name = NAMES[what] ?? what
  if (delta !== undefined) return `${name} ${movedBy(what, delta)} to ${after}`
  return `${name} ${before} to ${after}`
}

/** What is quoted goes back to whom it came from: what was added then is taken off again. */
function quotedText(change: Change): string {
  const { what, after, delta } = change
  if (delta === undefined || what === 'sack') return changeText(change)
  return `${what} ${movedBy(what === 'seq' ? 'ack' : 'seq', delta)} to ${after}`
}

/** What FullNAT adds to the client's numbers it takes off what acknowledges them: one number modulo 2^32 for both. */
export function movedBy(what: string, delta: number): string {
  return what === 'seq' ? `+${delta >>> 0}` : `-${-delta >>> 0}`
}

/** Values that the words leave out are ''. */
export function parseChanges(text: string): Change[] {
  return text.split(', ').map(parseChange)
}

function parseChange(text: string): Change {
  if (text.startsWith(QUOTED.words)) {
    const change = parseChange(text.slice(QUOTED.words.length))
    return { ...change, what: `${QUOTED.what}${change.what}` }
  }
  if (text === MADE) return { what: 'udp_checksum', before: NO_CHECKSUM, after: '' }
  if (text === LEFT_OUT) return { what: 'udp_checksum', before: '', after: NO_CHECKSUM }
  const named = Object.keys(NAMED).find(what => NAMED[what] === text)
  if (named !== undefined) return { what: named, before: '', after: '' }
  const tunnel = /^in a tunnel (.*)$/.exec(text)
  if (tunnel) return { what: 'tunnelled', before: '', after: tunnel[1] as string }
  const toa = /^TOA added (.*)$/.exec(text)
  if (toa) return { what: 'toa_added', before: '', after: toa[1] as string }
  const uoa = /^UOA (added|removed) (.*)$/.exec(text)
  if (uoa)
    return uoa[1] === 'added'
      ? { what: 'uoa_added', before: '', after: uoa[2] as string }
      : { what: 'uoa_removed', before: uoa[2] as string, after: '' }
  const nops = /^(forged TOA|timestamp) to NOPs \((.*)\)$/.exec(text)
  if (nops) {
    const [, kind, before = ''] = nops
    if (kind === 'timestamp') return { what: 'timestamp_removed', before, after: '10 NOPs' }
    // An end of IPv6 has brackets; what is no whole TOA is hex.
    const bytes = before.startsWith('[') ? 20 : before.includes(':') ? 8 : before.length / 2
    return { what: 'toa_voided', before, after: `${bytes} NOPs` }
  }
  const moved = /^(seq|ack|sack) ([+-]\d+) to (.*)$/.exec(text)
  if (moved) {
    const [, what = '', by, after = ''] = moved
    const delta = Number(by) | 0
    const back = after.replace(/\d+/g, number => String((Number(number) - delta) >>> 0))
    return { what, before: back, after, delta }
  }
  const [, name = '', before = '', after = ''] =
    /^((?:IP|UDP|ICMP|PROXY|flow) \S+|\S+) (.*) to (.*)$/.exec(text) ?? ['', text]
  return { what: Object.keys(NAMES).find(what => NAMES[what] === name) ?? name, before, after }
}
