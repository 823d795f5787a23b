/**
 * What translation made of a frame, field by field: everything that FullNAT changes by its name, and whatever else
 * differs too, so that a balancer that touches more than it should is found out.
 *
 * Both frames begin with the Ethernet header and may be cut short; then what both have is compared. A field that only one of
 * them has all of is passed over.
 */

import { macText } from '../../wire/address.ts'
import { ETH } from '../../wire/ethernet.ts'
import { ICMP, ICMP_TYPE } from '../../wire/icmp.ts'
import { ICMPV6, ICMPV6_TYPE } from '../../wire/icmpv6.ts'
import { hostText } from '../../wire/ip-address.ts'
import { headerLength, IP_OFFSET_BITS, IPV4 } from '../../wire/ipv4.ts'
import { IPV6 } from '../../wire/ipv6.ts'
import { Located } from '../../wire/locate.ts'
import { TCP } from '../../wire/tcp.ts'
import { UDP } from '../../wire/udp.ts'
import { addressesOf } from '../frame/located-text.ts'
import { flagLetters, hexText } from '../frame/options-text.ts'
import { tunnelled } from '../frame/tunnelled.ts'
import { headerChanges } from './header-changes.ts'
import type { Change } from './moment.ts'
import { type Options, optionChanges } from './option-changes.ts'
import { type Seen, see } from './seen.ts'

/** What differs, in the order of the headers. */
export function changesOf(before: Uint8Array, after: Uint8Array): Change[] {
  const a = see(before)
  const b = see(after)
  const changes: Change[] = []
  const compare = (what: string, at: number, bytes: number, text: (s: Seen) => string) => {
    if (a.there < at + bytes || b.there < at + bytes || same(a.pkt, at, b.pkt, at, bytes)) return
    changes.push({ what, before: text(a), after: text(b) })
  }
  compare('mac', ETH.DST, 12, ({ pkt }) => macs(pkt))
  if (a.ip === 0 || b.ip === 0) {
    compare('ethertype', ETH.TYPE, 2, ({ pkt }) => hexText(pkt, ETH.TYPE, ETH.HEADER))
    changes.push(...payloadChanges(a, ETH.HEADER, b, ETH.HEADER))
    return changes
  }
  changes.push(...packetChanges(a, b))
  return changes
}

/** The same of a frame that leaves in a tunnel: the header in front, and what was changed behind it. */
export function tunnelChanges(before: Uint8Array, after: Uint8Array): Change[] {
  const inside = tunnelled(after, after.length)
  if (inside === null) return changesOf(before, after)
  const added = { what: 'tunnelled', before: '', after: inside.outer }
  return [added, ...changesOf(before, inside.bytes)]
}

/** From the IP header on. */
function packetChanges(a: Seen, b: Seen): Change[] {
  const changes = ipChanges(a, b)
  // A piece and the whole, or two pieces, have nothing in common but their addresses.
  if (a.fragment !== b.fragment) return changes
  if (a.tcp && b.tcp) return [...changes, ...tcpChanges(a, b)]
  if (a.icmp > 0 && b.icmp > 0) return [...changes, ...icmpChanges(a, b)]
  if (a.l4 > 0 && b.l4 > 0 && !a.tcp && !b.tcp) changes.push(...udpChanges(a, b))
  return [...changes, ...streamChanges(a, behindHeaders(a), b, behindHeaders(b))]
}

/** What is in front of a payload, and the payload. */
function streamChanges(a: Seen, from: number, b: Seen, to: number): Change[] {
  const headers = headerChanges(a, from, b, to)
  return [...headers.changes, ...payloadChanges(a, headers.from, b, headers.to)]
}

function ipChanges(a: Seen, b: Seen): Change[] {
  const changes: Change[] = []
  const number = (what: string, before: number, after: number) => {
    if (before !== after) changes.push({ what, before: `${before}`, after: `${after}` })
  }
  const [old, now] = [ipFields(a), ipFields(b)]
  number('version', a.version, b.version)
  number('tos', old.tos, now.tos)
  number('length', old.length, now.length)
  if (a.version === b.version) number('ip_id', old.id, now.id)
  if (a.fragment !== b.fragment)
    changes.push({ what: 'fragment', before: pieceText(a), after: pieceText(b) })
  else if (a.version === b.version) number('fragment', old.fragment, now.fragment)
  number('ttl', old.ttl, now.ttl)
  // UOA is told as such, and each version has an ICMP of its own.
  if (a.uoa === b.uoa && (a.icmp === 0 || b.icmp === 0))
    number('protocol', old.protocol, now.protocol)
  if (a.version === 4 && b.version === 4)
    checksum(
      changes,
      'ip_checksum',
      { pkt: a.pkt, at: a.ip + IPV4.CHECKSUM },
      { pkt: b.pkt, at: b.ip + IPV4.CHECKSUM },
    )
  number('flow', old.flow, now.flow)
  const withPorts = a.l4 > 0 && b.l4 > 0
  for (const end of ['source', 'destination'] as const) {
    const before = endText(a, end, withPorts)
    const after = endText(b, end, withPorts)
    if (before !== after) changes.push({ what: end, before, after })
  }
  if (a.uoa !== b.uoa) {
    const what = a.uoa === '' ? 'uoa_added' : b.uoa === '' ? 'uoa_removed' : 'uoa'
    changes.push({ what, before: a.uoa, after: b.uoa })
  } else changes.push(...ipOptionChanges(a, b))
  return changes
}

/** What both versions have in their headers; what one has not is 0, and so is the flow label of IPv4. */
function ipFields({ pkt, ip, version, fragment, end }: Seen) {
  const length = end - ip
  if (version === 6) {
    const first = pkt.getInt32(ip)
    const tos = (first >>> 20) & 0xff
    const [ttl, protocol] = [pkt.getUint8(ip + IPV6.HOP_LIMIT), pkt.getUint8(ip + IPV6.NEXT)]
    return { tos, length, id: 0, fragment, ttl, protocol, flow: first & 0xfffff }
  }
  return {
    tos: pkt.getUint8(ip + IPV4.TOS),
    length,
    id: pkt.getUint16(ip + IPV4.ID),
    fragment: pkt.getUint16(ip + IPV4.FRAGMENT),
    ttl: pkt.getUint8(ip + IPV4.TTL),
    protocol: pkt.getUint8(ip + IPV4.PROTOCOL),
    flow: 0,
  }
}

/** Options of IPv4, and extension headers. */
function ipOptionChanges(a: Seen, b: Seen): Change[] {
  const [oldEnd, end] = [behindIp(a), behindIp(b)]
  if (a.there < oldEnd || b.there < end) return []
  const before = hexText(a.pkt, a.ip + fixedHeader(a), oldEnd) || 'none'
  const after = hexText(b.pkt, b.ip + fixedHeader(b), end) || 'none'
  return before === after ? [] : [{ what: 'ip_options', before, after }]
}

function fixedHeader({ version }: Seen): number {
  return version === 6 ? IPV6.HEADER : IPV4.HEADER
}

function tcpChanges(a: Seen, b: Seen): Change[] {
  const changes: Change[] = []
  if (a.l4 === 0 || b.l4 === 0) return changes
  const both = (offset: number, bytes: number) =>
    a.there >= a.l4 + offset + bytes && b.there >= b.l4 + offset + bytes
  for (const [what, offset] of [
    ['seq', TCP.SEQ],
    ['ack', TCP.ACK],
  ] as const) {
    if (!both(offset, 4)) continue
    const before = a.pkt.getUint32(a.l4 + offset)
    const after = b.pkt.getUint32(b.l4 + offset)
    if (before === after) continue
    changes.push({ what, before: `${before}`, after: `${after}`, delta: (after - before) | 0 })
  }
  if (both(TCP.OFFSET, 2)) {
    const before = a.pkt.getUint16(a.l4 + TCP.OFFSET) & 0xfff
    const after = b.pkt.getUint16(b.l4 + TCP.OFFSET) & 0xfff
    if (before !== after)
      changes.push({ what: 'flags', before: flagLetters(before), after: flagLetters(after) })
  }
  for (const [what, offset] of [
    ['window', TCP.WINDOW],
    ['urgent', TCP.URGENT],
  ] as const) {
    if (!both(offset, 2)) continue
    const before = a.pkt.getUint16(a.l4 + offset)
    const after = b.pkt.getUint16(b.l4 + offset)
    if (before !== after) changes.push({ what, before: `${before}`, after: `${after}` })
  }
  if (both(TCP.CHECKSUM, 2))
    checksum(
      changes,
      'tcp_checksum',
      { pkt: a.pkt, at: a.l4 + TCP.CHECKSUM },
      { pkt: b.pkt, at: b.l4 + TCP.CHECKSUM },
    )
  if (a.payload === 0 || b.payload === 0) return changes
  if (both(TCP.HEADER, 0)) changes.push(...optionChanges(optionsOf(a), optionsOf(b)))
  changes.push(...streamChanges(a, a.payload, b, b.payload))
  return changes
}

/** Length and checksum; its ports are with the addresses. */
function udpChanges(a: Seen, b: Seen): Change[] {
  const changes: Change[] = []
  if (a.there < a.l4 + UDP.HEADER || b.there < b.l4 + UDP.HEADER) return changes
  const before = a.pkt.getUint16(a.l4 + UDP.LENGTH)
  const after = b.pkt.getUint16(b.l4 + UDP.LENGTH)
  if (before !== after) changes.push({ what: 'udp_length', before: `${before}`, after: `${after}` })
  const [at, to] = [a.l4 + UDP.CHECKSUM, b.l4 + UDP.CHECKSUM]
  checksum(changes, 'udp_checksum', { pkt: a.pkt, at }, { pkt: b.pkt, at: to })
  return changes
}

/** Type and code, what else an error says, and what became of the packet that it quotes. */
function icmpChanges(a: Seen, b: Seen): Change[] {
  const changes: Change[] = []
  const word = (what: string, at: number) => {
    const before = a.pkt.getUint16(a.icmp + at)
    const after = b.pkt.getUint16(b.icmp + at)
    if (before !== after) changes.push({ what, before: `${before}`, after: `${after}` })
  }
  word('icmp_type', ICMP.TYPE)
  const [before, after] = [mtuOf(a), mtuOf(b)]
  const haveMtu = before !== undefined && after !== undefined
  // The MTU of IPv6 has the place of the ID.
  if (!haveMtu || a.version === 4) word('icmp_id', ICMP.ID)
  if (!haveMtu) word('icmp_seq', ICMP.SEQUENCE)
  else if (before !== after)
    changes.push({ what: 'icmp_mtu', before: `${before}`, after: `${after}` })
  const [at, to] = [a.icmp + ICMP.CHECKSUM, b.icmp + ICMP.CHECKSUM]
  checksum(changes, 'icmp_checksum', { pkt: a.pkt, at }, { pkt: b.pkt, at: to })
  const [from, behind] = [a.icmp + ICMP.HEADER, b.icmp + ICMP.HEADER]
  if (a.quoted === null || b.quoted === null || a.quoted.ip === 0 || b.quoted.ip === 0)
    return [...changes, ...payloadChanges(a, from, b, behind)]
  for (const change of packetChanges(a.quoted, b.quoted))
    changes.push({ ...change, what: `quoted_${change.what}` })
  return changes
}

/** What an error of a kind that may carry the MTU says there. */
function mtuOf({ pkt, icmp, version }: Seen): number | undefined {
  const type = pkt.getUint8(icmp + ICMP.TYPE)
  if (version === 6)
    return type === ICMPV6_TYPE.TOO_BIG ? pkt.getUint32(icmp + ICMPV6.MTU) : undefined
  return type === ICMP_TYPE.UNREACHABLE ? pkt.getUint16(icmp + ICMP.MTU) : undefined
}

/** `whole`, or the part that it is: `1480+`, where the offset is in bytes and more follow. */
function pieceText({ fragment }: Seen): string {
  if (fragment === 0) return 'whole'
  return `${(fragment & IP_OFFSET_BITS) * 8}${fragment > IP_OFFSET_BITS ? '+' : ''}`
}

function optionsOf({ pkt, l4, payload, there }: Seen): Options {
  return { pkt, from: l4 + TCP.HEADER, end: payload, there: Math.min(there, payload) }
}

/** What follows the headers: as many bytes of it as both have, and how many there are in all. */
function payloadChanges(a: Seen, from: number, b: Seen, to: number): Change[] {
  const [before, after] = [Math.max(0, a.end - from), Math.max(0, b.end - to)]
  const both = Math.max(0, Math.min(a.there - from, b.there - to))
  let at = 0
  while (at < both && a.pkt.getUint8(from + at) === b.pkt.getUint8(to + at)) at++
  // Without an IPv4 header there is no telling a cut frame from a short one.
  if (at === both && (before === after || a.ip === 0 || b.ip === 0)) return []
  const text = (pkt: DataView, begin: number, bytes: number) =>
    at === both
      ? `${bytes} bytes`
      : `${bytes} bytes (${hexText(pkt, begin + at, begin + Math.min(both, at + 8))} at ${at})`
  return [{ what: 'payload', before: text(a.pkt, from, before), after: text(b.pkt, to, after) }]
}

interface Field {
  pkt: DataView
  at: number
}

function checksum(changes: Change[], what: string, a: Field, b: Field): void {
  const before = hexText(a.pkt, a.at, a.at + 2)
  const after = hexText(b.pkt, b.at, b.at + 2)
  if (before !== after) changes.push({ what, before, after })
}

function same(a: DataView, from: number, b: DataView, to: number, bytes: number): boolean {
  for (let i = 0; i < bytes; i++) if (a.getUint8(from + i) !== b.getUint8(to + i)) return false
  return true
}

/** `source > destination` */
function macs(pkt: DataView): string {
  const text = (at: number) => macText(pkt.getUint16(at), pkt.getInt32(at + 2))
  return `${text(ETH.SRC)} > ${text(ETH.DST)}`
}

/** address:port, or the address alone. */
function endText(seen: Seen, end: 'source' | 'destination', withPort: boolean): string {
  const { pkt, ip, l4, version } = seen
  const text = addressesOf(pkt, { l3: ip, isIpv6: version === 6 })[end]
  if (!withPort) return text
  return `${hostText(text)}:${pkt.getUint16(l4 + (end === 'source' ? TCP.SPORT : TCP.DPORT))}`
}

/** Behind options of IPv4, and behind extension headers. */
function behindIp({ pkt, ip, version, there }: Seen): number {
  if (version === 4) return ip + headerLength(pkt, ip)
  const found = new Located()
  return found.readIpv6(pkt, ip, there) ? found.l4 : ip + IPV6.HEADER
}

/** Where a packet other than TCP goes on behind what is compared by itself. */
function behindHeaders(seen: Seen): number {
  return seen.payload > 0 && !seen.tcp ? seen.payload : behindIp(seen)
}
