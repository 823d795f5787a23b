/**
 * What translation made of a frame, field by field: everything that FullNAT changes by its name, and whatever else
 * differs too, so that a balancer that touches more than it should is found out.
 *
 * Both frames begin with the Ethernet header and may be cut short; then what both have is compared. A field that only one of
 * them has all of is passed over.
 */

import { ipv4Text, macText } from '../../wire/address.ts'
import { ETH } from '../../wire/ethernet.ts'
import { headerLength, IP_OFFSET_BITS, IPV4, PROTO } from '../../wire/ipv4.ts'
import { locate } from '../../wire/locate.ts'
import { TCP } from '../../wire/tcp.ts'
import { flagLetters, hexText } from '../frame/options-text.ts'
import type { Change } from './moment.ts'
import { type Options, optionChanges } from './option-changes.ts'

/** A frame and where its parts are; offsets are 0 where there is no such part. */
interface Seen {
  pkt: DataView
  ip: number
  /** TCP or UDP, whose ports are where the other's are; here only if they were captured. */
  l4: number
  tcp: boolean
  /** First byte behind the TCP header. */
  payload: number
  /** Where the packet ends, by its own length; the bytes may end earlier. */
  end: number
  /** Where its bytes end. */
  there: number
}

const UDP_HEADER = 8

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
  changes.push(...ipChanges(a, b))
  if (a.tcp && b.tcp) changes.push(...tcpChanges(a, b))
  else changes.push(...payloadChanges(a, behindPorts(a), b, behindPorts(b)))
  return changes
}

function see(bytes: Uint8Array): Seen {
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const there = bytes.length
  const seen: Seen = { pkt, ip: 0, l4: 0, tcp: false, payload: 0, end: there, there }
  const found = locate(pkt)
  if (found === undefined || found.version !== 4) return seen
  const { l3: ip, l4, protocol, end } = found
  if (l4 - ip < IPV4.HEADER || end < l4) return seen
  seen.ip = ip
  seen.end = end
  // Padding behind the packet is no part of it.
  seen.there = Math.min(there, seen.end)
  // Only a first fragment has the header of what is inside.
  if ((found.fragment & IP_OFFSET_BITS) !== 0) return seen
  seen.tcp = protocol === PROTO.TCP
  if ((!seen.tcp && protocol !== PROTO.UDP) || seen.there < l4 + 4) return seen
  seen.l4 = l4
  if (!seen.tcp || seen.there <= l4 + TCP.OFFSET) return seen
  const tcpHeader = (pkt.getUint8(l4 + TCP.OFFSET) & 0xf0) >>> 2
  if (tcpHeader >= TCP.HEADER && l4 + tcpHeader <= seen.end) seen.payload = l4 + tcpHeader
  return seen
}

function ipChanges(a: Seen, b: Seen): Change[] {
  const changes: Change[] = []
  const { pkt: old } = a
  const { pkt } = b
  const ip = a.ip
  const number = (what: string, before: number, after: number) => {
    if (before !== after) changes.push({ what, before: `${before}`, after: `${after}` })
  }
  const word = (what: string, at: number) =>
    number(what, old.getUint16(ip + at), pkt.getUint16(ip + at))
  const byte = (what: string, at: number) =>
    number(what, old.getUint8(ip + at), pkt.getUint8(ip + at))
  byte('tos', IPV4.TOS)
  word('length', IPV4.TOTAL_LENGTH)
  word('ip_id', IPV4.ID)
  word('fragment', IPV4.FRAGMENT)
  byte('ttl', IPV4.TTL)
  byte('protocol', IPV4.PROTOCOL)
  const at = ip + IPV4.CHECKSUM
  checksum(changes, 'ip_checksum', { pkt: old, at }, { pkt, at })
  const withPorts = a.l4 > 0 && b.l4 > 0
  for (const [what, address, port] of [
    ['source', IPV4.SRC, TCP.SPORT],
    ['destination', IPV4.DST, TCP.DPORT],
  ] as const) {
    const before = endText(a, address, withPorts ? port : -1)
    const after = endText(b, address, withPorts ? port : -1)
    if (before !== after) changes.push({ what, before, after })
  }
  const options = ip + IPV4.HEADER
  const [oldEnd, end] = [behindIp(a), behindIp(b)]
  if (a.there >= oldEnd && b.there >= end) {
    const before = hexText(old, options, oldEnd) || 'none'
    const after = hexText(pkt, options, end) || 'none'
    if (before !== after) changes.push({ what: 'ip_options', before, after })
  }
  return changes
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
  changes.push(...payloadChanges(a, a.payload, b, b.payload))
  return changes
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

/** address:port, or the address alone if there is no port. */
function endText({ pkt, ip, l4 }: Seen, address: number, port: number): string {
  const text = ipv4Text(pkt.getInt32(ip + address))
  return port < 0 ? text : `${text}:${pkt.getUint16(l4 + port)}`
}

function behindIp({ pkt, ip }: Seen): number {
  return ip + headerLength(pkt, ip)
}

/** Where a packet other than TCP goes on, its UDP header left out (a checksum there may change as well). */
function behindPorts(seen: Seen): number {
  return behindIp(seen) + (seen.l4 === 0 ? 0 : UDP_HEADER)
}
