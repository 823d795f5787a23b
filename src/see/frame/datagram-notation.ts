/** Datagrams in tcpdump's notation, for transcripts (notation.ts has that of segments). */

import { UDP } from '../../wire/udp.ts'
import { headerValues } from './header-values.ts'

export interface PrintedUdp {
  src: string
  sport: number
  dst: string
  dport: number
  ttl: number
  /** Bytes, as the header says. */
  payload: number
  hasChecksum: boolean
}

/** The whole datagram that a frame's first bytes begin, from the Ethernet header on; undefined if it is none. */
export function datagramIn(bytes: Uint8Array): PrintedUdp | undefined {
  const { ip, udp } = headerValues(bytes)
  if (ip === null || ip.version !== 4 || ip.more || ip.offset > 0) return undefined
  if (udp === null || udp.length === null || udp.length < UDP.HEADER) return undefined
  const { src, dst, ttl } = ip
  const { sport, dport, length, checksum } = udp
  const payload = length - UDP.HEADER
  return { src, sport, dst, dport, ttl, payload, hasChecksum: checksum !== 0 }
}

/** One line, with `[no cksum]` as tcpdump -v has it. */
export function printUdp({ src, sport, dst, dport, ttl, payload, hasChecksum }: PrintedUdp) {
  const ip = ttl === 64 ? '' : `(ttl ${ttl}) `
  const none = hasChecksum ? '' : '[no cksum] '
  return `${ip}${src}.${sport} > ${dst}.${dport}: ${none}UDP, length ${payload}`
}
