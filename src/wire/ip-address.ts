/** Addresses of either family, prefixes and endpoints as text; the packet path never comes here. */

import { inPrefix, ipv4Int, ipv4Text, prefixMask } from './address.ts'
import {
  IPV6_BITS,
  type Ipv6,
  inIpv6Prefix,
  ipv6Network,
  ipv6Text,
  parseIpv6,
} from './ipv6-address.ts'

/** Of IPv4 an int32, of IPv6 its words. */
export type IpAddress = number | Ipv6

export const IPV4_BITS = 32
const PORT_MAX = 65_535

/** => undefined for what is no address of either family */
export function parseIp(text: string): IpAddress | undefined {
  if (text.includes(':')) return parseIpv6(text)
  try {
    return ipv4Int(text)
  } catch {
    return undefined
  }
}

/** Throws TypeError on what is no address of either family. */
export function ipAddress(text: string): IpAddress {
  const address = parseIp(text)
  if (address === undefined) throw new TypeError(`not an IP address: ${text}`)
  return address
}

export function isIp(text: string): boolean {
  return parseIp(text) !== undefined
}

export function ipText(address: IpAddress): string {
  return typeof address === 'number' ? ipv4Text(address) : ipv6Text(address)
}

/** An address of IPv6 in its one form; any other text as it is. */
export function canonicalIp(text: string): string {
  const words = text.includes(':') ? parseIpv6(text) : undefined
  return words === undefined ? text : ipv6Text(words)
}

/** The text of an address is one of IPv6: nothing else has a colon. */
export function isIpv6Text(text: string): boolean {
  return text.includes(':')
}

/** An address as it is written before a port: of IPv6 in brackets. */
export function hostText(address: string): string {
  return isIpv6Text(address) ? `[${address}]` : address
}

/** 192.0.2.1:80, [2001:db8::1]:80 */
export function ipEndpointText(address: IpAddress, port: number): string {
  return `${hostText(ipText(address))}:${port}`
}

/** The same of texts. */
export function endpointText({ address, port }: { address: string; port: number }): string {
  return `${hostText(address)}:${port}`
}

/** HOST, HOST:PORT, [HOST] and [HOST]:PORT taken apart, as text: what the two are is not asked. */
export interface EndpointParts {
  host: string
  port?: string
}

/** => undefined if it has no such form: an IPv6 address with a port needs brackets, and nothing else has them */
export function endpointParts(text: string): EndpointParts | undefined {
  const bracketed = /^\[([^[\]]*)\](?::(.*))?$/s.exec(text)
  const plain = /^([^:[\]]*)(?::([^:]*))?$/s.exec(text)
  const [, host, port] = bracketed ?? plain ?? []
  if (host === undefined || (bracketed !== null && !isIpv6Text(host)))
    return parseIpv6(text) === undefined ? undefined : { host: text }
  return port === undefined ? { host } : { host, port }
}

export interface IpEndpoint {
  address: IpAddress
  port: number
}

/** => undefined unless it is an address and a port of 0-65535 in decimals */
export function parseIpEndpoint(text: string): IpEndpoint | undefined {
  const { host = '', port = '' } = endpointParts(text) ?? {}
  const address = parseIp(host)
  if (address === undefined || !/^(0|[1-9]\d{0,4})$/.test(port) || Number(port) > PORT_MAX)
    return undefined
  return { address, port: Number(port) }
}

export interface IpPrefix {
  /** What is behind the prefix is cleared. */
  network: IpAddress
  length: number
}

/** How many bits an address of its family has. */
export function bitsOf(address: IpAddress): number {
  return typeof address === 'number' ? IPV4_BITS : IPV6_BITS
}

/** ADDRESS or ADDRESS/LENGTH. => undefined for anything else */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const [host = '', digits, more] = text.split('/')
  const address = parseIp(host)
  if (address === undefined || more !== undefined) return undefined
  const length = digits === undefined ? bitsOf(address) : Number(digits)
  if (digits !== undefined && !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined
  return length > bitsOf(address) ? undefined : { network: ipNetwork(address, length), length }
}

export function ipNetwork(address: IpAddress, length: number): IpAddress {
  return typeof address === 'number' ? address & prefixMask(length) : ipv6Network(address, length)
}

/** True if `address` lies in the prefix; one of the other family never does. */
export function inIpPrefix(address: IpAddress, { network, length }: IpPrefix): boolean {
  if (typeof address === 'number')
    return typeof network === 'number' && inPrefix(address, network, length)
  return typeof network !== 'number' && inIpv6Prefix(address, network, length)
}

export function ipPrefixText({ network, length }: IpPrefix): string {
  return `${ipText(network)}/${length}`
}

export function isSameIp(a: IpAddress, b: IpAddress): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a === b
  return a.every((word, at) => word === b[at as 0])
}

/** Of texts of addresses: as numbers, those of IPv4 first. => as Array.sort has it */
export function compareIp(a: string, b: string): number {
  const [one, other] = [wordsOf(ipAddress(a)), wordsOf(ipAddress(b))]
  const at = one.findIndex((word, i) => word !== other[i])
  return at < 0 ? one.length - other.length : (one[at] as number) - (other[at] as number)
}

function wordsOf(address: IpAddress): number[] {
  return typeof address === 'number' ? [-1, address >>> 0] : address.map(word => word >>> 0)
}

/** The address of IPv6 whose first byte is at `at`, as text. */
export function ipv6TextAt(pkt: DataView, at: number): string {
  return ipv6Text(ipv6At(pkt, at))
}

export function ipv6At(pkt: DataView, at: number): Ipv6 {
  return [pkt.getInt32(at), pkt.getInt32(at + 4), pkt.getInt32(at + 8), pkt.getInt32(at + 12)]
}
