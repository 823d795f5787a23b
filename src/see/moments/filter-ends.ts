/** Addresses and ports in a filter, and what of a frame or a connection they fit. */

import {
  endpointParts,
  hostText,
  type IpAddress,
  type IpPrefix,
  inIpPrefix,
  ipText,
  isIp,
  isIpv6Text,
  parseIp,
  parseIpPrefix,
} from '../../wire/ip-address.ts'
import type { HeaderEnds, Headers } from '../frame/headers.ts'

/** A line that names the word at fault. */
export class FilterError extends Error {}

export interface End {
  prefix: IpPrefix
  /** null for any. */
  port: number | null
  /** As connections have it: `A:P`, or `A:` for any port; null for a network. */
  text: string | null
}

const PORT_MAX = 65_535

export function hostOf(text: string): End {
  return addressedAs(text, text, null)
}

/** A network, or a single address. */
export function netOf(text: string): End {
  const prefix = parseIpPrefix(text)
  if (prefix === undefined) throw new FilterError(`filter: '${text}' is no network`)
  return { prefix, port: null, text: null }
}

/** ADDRESS or ADDRESS:PORT, of IPv6 in brackets. */
export function endOf(text: string): End {
  const parts = endpointParts(text)
  // In the words for an end, as everybody leaves out brackets once.
  if (parts === undefined || (parts.port === undefined && text.includes(':') && !isIp(parts.host)))
    throw new FilterError(`filter: '${text}' is no ADDRESS:PORT`)
  const { host, port } = parts
  return addressedAs(text, host, port === undefined ? null : portOf(port))
}

function addressedAs(text: string, host: string, port: number | null): End {
  const prefix = host.includes('/') ? undefined : parseIpPrefix(host)
  if (prefix === undefined)
    throw new FilterError(`filter: '${host}' is no ${isIpv6Text(text) ? 'IPv6' : 'IPv4'} address`)
  return { prefix, port, text: `${hostText(ipText(prefix.network))}:${port ?? ''}` }
}

export function portOf(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : PORT_MAX + 1
  if (port > PORT_MAX) throw new FilterError(`filter: '${text}' is no port`)
  return port
}

/** Whether an end of a connection is it. */
export function isEnd(ends: string, { port, text, prefix }: End): boolean {
  if (text !== null) return port === null ? ends.startsWith(text) : ends === text
  const { host = '' } = endpointParts(ends) ?? {}
  return isIn(parseIp(host), prefix)
}

/** Whether a text is it: an end, or an address alone. */
export function isNamed(value: string, end: End): boolean {
  return isEnd(value, end) || (end.port === null && isIn(parseIp(value), end.prefix))
}

export function isIpv6End(end: string): boolean {
  return end.startsWith('[')
}

/** A frame's own ends, or those that it quotes. It is asked for each word and moment, so it makes nothing. */
export function eitherEnds(headers: Headers | null, fits: (ends: HeaderEnds) => boolean): boolean {
  if (headers === null) return false
  return fits(headers) || (headers.quoted !== null && fits(headers.quoted))
}

export function isOwnEnd(headers: HeaderEnds, source: boolean, { prefix, port }: End): boolean {
  const [a, p] = source
    ? [headers.source, headers.sourcePort]
    : [headers.destination, headers.destinationPort]
  return isIn(a, prefix) && (port === null || p === port)
}

function isIn(address: IpAddress | null | undefined, prefix: IpPrefix): boolean {
  return address !== null && address !== undefined && inIpPrefix(address, prefix)
}
