/** A device's address and route of IPv6 (native/netns6.c). */

import type { Ipv6 } from '../wire/ipv6-address.ts'
import { loadAddon } from './addon.ts'
import { bytesOf } from './groups.ts'

interface Addon {
  setUpDevice6(
    name: string,
    netns: string,
    addresses: Uint8Array,
    prefixLength: number,
    networkLength: number,
  ): void
}

const addon = loadAddon<Addon>()

export interface Addresses6 {
  own: Ipv6
  prefixLength: number
  network: Ipv6
  networkLength: number
  gateway: Ipv6
}

/**
 * Gives device `name` in the namespace file `netns`, which is up, an address that is good at once, and leads `network` out of it by way of
 * `gateway`. Throws NativeError: EACCES where IPv6 is off on the device, EINVAL where its MTU is below 1280.
 */
export function setUpDevice6(name: string, netns: string, addresses: Addresses6): void {
  const { own, network, gateway, prefixLength, networkLength } = addresses
  addon.setUpDevice6(name, netns, bytesOf([own, network, gateway]), prefixLength, networkLength)
}
