/** Addresses as ipvsadm and keepalived write them, of either family: here each is in its one form. */

import {
  bitsOf,
  type IpAddress,
  ipAddress,
  ipText,
  isIp,
  isIpv6Text,
  parseIp,
  parseIpPrefix,
} from '../../wire/ip-address.ts'
import { short } from './short.ts'

const RANGE_MAX = 4096
const TOO_MANY = `expected a range of 1-${RANGE_MAX} addresses`
const NO_IPSETS =
  'what is in an ipset stands elsewhere: give it to ipsets of the config, and name it in deny or allow'

/** Why `text` cannot be an address here; undefined if it can. */
export function addressProblem(text: string): string | undefined {
  return isIp(text) ? undefined : `expected an IP address, found ${short(text)}`
}

/** 10.0.0.1, 10.0.0.1-10.0.0.9, 10.0.0.1-9, 10.0.0.8/29, 2001:db8::1-a (the end of IPv6 is in hex) => each of them, or why not */
export function addressesOf(text: string): string[] | string {
  const prefix = text.includes('/') ? parseIpPrefix(text) : undefined
  if (prefix) return countedFrom(prefix.network, 2 ** (bitsOf(prefix.network) - prefix.length))
  const [first = '', last, ...rest] = text.split('-')
  const problem = addressProblem(rest.length > 0 ? text : first)
  if (problem) return problem
  const begin = ipAddress(first)
  if (last === undefined) return [ipText(begin)]
  const count = countTo(begin, endOf(first, last))
  if (count === undefined) return `expected the end of a range of addresses, found ${short(last)}`
  return countedFrom(begin, count)
}

/** What stands in a deny or allow list: networks as they are, ranges as their addresses. => why not */
export function listed(text: string): string[] | string {
  if (text.startsWith('ipset:')) return NO_IPSETS
  const prefix = text.includes('/') ? parseIpPrefix(text) : undefined
  return prefix ? [`${ipText(prefix.network)}/${prefix.length}`] : addressesOf(text)
}

/** A whole address, or what its last part is. */
function endOf(first: string, last: string): IpAddress | undefined {
  if (isIpv6Text(first) && /^[\da-f]{1,4}$/i.test(last)) {
    const [a, b, c, d] = ipAddress(first) as Exclude<IpAddress, number>
    return [a, b, c, (d & ~0xffff) | Number.parseInt(last, 16)]
  }
  return parseIp(/^\d{1,3}$/.test(last) ? first.replace(/\d+$/, last) : last)
}

/** => how many there are, both ends counted; 0 for more than a word tells; undefined if `end` is of the other family */
function countTo(begin: IpAddress, end: IpAddress | undefined): number | undefined {
  if (typeof begin === 'number')
    return typeof end === 'number' ? (end >>> 0) - (begin >>> 0) + 1 : undefined
  if (typeof end !== 'object') return undefined
  const isNear = begin.slice(0, 3).join() === end.slice(0, 3).join()
  return isNear ? (end[3] >>> 0) - (begin[3] >>> 0) + 1 : 0
}

function countedFrom(begin: IpAddress, count: number): string[] | string {
  if (count < 1 || count > RANGE_MAX) return TOO_MANY
  return Array.from({ length: count }, (_, i) => {
    if (typeof begin === 'number') return ipText((begin + i) | 0)
    const [a, b, c, d] = begin
    return ipText([a, b, c, (d + i) | 0])
  })
}
