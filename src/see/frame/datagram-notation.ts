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
  /** The client as UOA tells it, `ADDRESS:PORT`, and in which of its forms. */
  uoa: { client: string; form: 'opp' | 'ipo' } | null
}

const FORMS = { header: 'opp', option: 'ipo' } as const

/** The whole datagram that a frame's first bytes begin, from the Ethernet header on; undefined if it is none. */
export function datagramIn(bytes: Uint8Array): PrintedUdp | undefined {
  const { ip, udp, packet } = headerValues(bytes)
  if (ip === null || (ip.version !== 4 && ip.version !== 6) || ip.more || ip.offset > 0)
    return undefined
  if (udp === null || udp.length === null || udp.length < UDP.HEADER) return undefined
  const { src, dst, ttl } = ip
  const { sport, dport, length, checksum } = udp
  const payload = length - UDP.HEADER
  const told = packet?.uoa ?? null
  const uoa = told && { client: told.client, form: FORMS[told.place] }
  return { src, sport, dst, dport, ttl, payload, hasChecksum: checksum !== 0, uoa }
}

/** One line, with `[no cksum]` as tcpdump -v has it, and UOA behind it. */
export function printUdp(datagram: PrintedUdp): string {
  const { src, sport, dst, dport, ttl, payload, hasChecksum, uoa } = datagram
  const ip = ttl === 64 ? '' : `(ttl ${ttl}) `
  const none = hasChecksum ? '' : '[no cksum] '
  const client = uoa === null ? '' : `, uoa ${uoa.form} ${dotted(uoa.client)}`
  return `${ip}${src}.${sport} > ${dst}.${dport}: ${none}UDP, length ${payload}${client}`
}

/** ADDRESS.PORT of ADDRESS:PORT, without the brackets of IPv6. */
function dotted(endpoint: string): string {
  return endpoint.replace(/^\[?(.*?)\]?:(\d+)$/, '$1.$2')
}
