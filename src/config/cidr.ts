/** ADDRESS/LENGTH texts of the config, where a length that is left out is that of one address as in dpip, and netmasks. */

import { isIPv4 } from 'node:net'
import { ipv4Int, ipv4Text, prefixMask } from '../wire/address.ts'
import {
  IPV4_BITS,
  type IpAddress,
  inIpPrefix,
  ipAddress,
  ipNetwork,
  ipText,
  isIpv6Text,
  parseIp,
  parseIpPrefix,
} from '../wire/ip-address.ts'
import { IPV6_BITS } from '../wire/ipv6-address.ts'

const ANY6 = [0, 0, 0, 0] as const

/** An address of either family, as it is written here: of IPv6 in its one form (RFC 5952), so that the same is the same text everywhere. */
export function isAddress(text: string): boolean {
  const address = parseIp(text)
  return address !== undefined && ipText(address) === text
}

export function isCidr(text: string): boolean {
  return parseIpPrefix(text) !== undefined && isAddress(hostOf(text))
}

export function hostOf(cidr: string): string {
  return cidr.split('/')[0] as string
}

/** Bits that an address of the family of this one has. */
export function wholeLength(address: string): number {
  return isIpv6Text(address) ? IPV6_BITS : IPV4_BITS
}

export function lengthOf(cidr: string): number {
  return Number(cidr.split('/')[1] ?? wholeLength(cidr))
}

export interface Network {
  network: IpAddress
  prefixLength: number
}

/** The network around an address; `default` is 0.0.0.0/0, or ::/0 by a gateway of that family. */
export function networkOf(cidr: string, via?: string): Network {
  if (cidr === 'default')
    return { network: via !== undefined && isIpv6Text(via) ? ANY6 : 0, prefixLength: 0 }
  const prefixLength = lengthOf(cidr)
  return { network: ipNetwork(ipAddress(hostOf(cidr)), prefixLength), prefixLength }
}

export function networkText({ network, prefixLength }: Network): string {
  return `${ipText(network)}/${prefixLength}`
}

/** 255.255.255.0 or 24 => 24; undefined unless it is a netmask of 1-32 bits. */
export function maskLength(text: string): number | undefined {
  if (!isIPv4(text)) return /^([1-9]|[12]\d|3[0-2])$/.test(text) ? Number(text) : undefined
  const mask = ipv4Int(text)
  const length = Math.clz32(~mask)
  return length > 0 && prefixMask(length) === mask ? length : undefined
}

/** 24 => 255.255.255.0 */
export function maskText(length: number): string {
  return ipv4Text(prefixMask(length))
}

export function contains({ network, prefixLength }: Network, address: IpAddress): boolean {
  return inIpPrefix(address, { network, length: prefixLength })
}

/** Many of them; the question takes no longer for it. */
export class Networks {
  /** By family and their length: their addresses, of IPv6 as text. */
  readonly #byLength: readonly Map<number, Set<number | string>>[] = [new Map(), new Map()]

  constructor(networks: Iterable<Network>) {
    for (const { network, prefixLength } of networks) {
      const lengths = this.#of(network)
      const same = lengths.get(prefixLength) ?? new Set()
      lengths.set(prefixLength, same.add(keyOf(network)))
    }
  }

  /** The length of the longest one that contains it, or -1. */
  longest(address: IpAddress): number {
    let longest = -1
    for (const [length, networks] of this.#of(address)) {
      if (length > longest && networks.has(keyOf(ipNetwork(address, length)))) longest = length
    }
    return longest
  }

  /** Whether one of them contains it. */
  hold(address: IpAddress): boolean {
    return this.longest(address) >= 0
  }

  #of(address: IpAddress): Map<number, Set<number | string>> {
    return this.#byLength[typeof address === 'number' ? 0 : 1] as Map<number, Set<number | string>>
  }
}

function keyOf(network: IpAddress): number | string {
  return typeof network === 'number' ? network : network.join()
}
