/** ADDRESS/LENGTH texts of the config, where a length that is left out is 32 as in dpip, and netmasks. */

import { isIPv4 } from 'node:net'
import { inPrefix, ipv4Int, ipv4Text, prefixMask } from '../wire/address.ts'

export function isCidr(text: string): boolean {
  return /^[^/]+(\/(\d|[12]\d|3[0-2]))?$/.test(text) && isIPv4(hostOf(text))
}

export function hostOf(cidr: string): string {
  return cidr.split('/')[0] as string
}

export function lengthOf(cidr: string): number {
  return Number(cidr.split('/')[1] ?? 32)
}

export interface Network {
  network: number
  prefixLength: number
}

/** The network around an address; `default` is 0.0.0.0/0. */
export function networkOf(cidr: string): Network {
  if (cidr === 'default') return { network: 0, prefixLength: 0 }
  const prefixLength = lengthOf(cidr)
  return { network: ipv4Int(hostOf(cidr)) & prefixMask(prefixLength), prefixLength }
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

export function contains({ network, prefixLength }: Network, address: number): boolean {
  return inPrefix(address, network, prefixLength)
}

/** Many of them; the question takes no longer for it. */
export class Networks {
  /** By their length, from 0 to 32. */
  readonly #byLength = new Map<number, Set<number>>()

  constructor(networks: Iterable<Network>) {
    for (const { network, prefixLength } of networks) {
      const same = this.#byLength.get(prefixLength) ?? new Set()
      this.#byLength.set(prefixLength, same.add(network))
    }
  }

  /** The length of the longest one that contains it, or -1. */
  longest(address: number): number {
    let longest = -1
    for (const [length, networks] of this.#byLength) {
      if (length > longest && networks.has(address & prefixMask(length))) longest = length
    }
    return longest
  }

  /** Whether one of them contains it. */
  hold(address: number): boolean {
    for (const [length, networks] of this.#byLength) {
      if (networks.has(address & prefixMask(length))) return true
    }
    return false
  }
}
