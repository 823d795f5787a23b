/**
 * Groups that a NIC lets in. A question for the MAC of an address of IPv6 goes to the group of its last 24 bits, not to all as ARP
 * does, and a NIC takes in no group that nobody on the host is in. So sockets of ours are: the kernel has the NIC take them in,
 * and tells switches that look who is in which (MLD), for as long as the descriptor is open.
 */

import type { Ipv6 } from '../wire/ipv6-address.ts'
import { loadAddon } from './addon.ts'
import { closeFd } from './native.ts'

interface Addon {
  joinGroups(netns: string, ifindex: number, groups: Uint8Array): number
}

const addon = loadAddon<Addon>()

const BYTES = 16
/** Of a socket: the kernel's memory for what else a socket needs (net.core.optmem_max, 20 KiB) has room for some 400. */
const GROUPS_MOST = 256

/** The solicited-node groups of the addresses, each once (RFC 4291 2.7.1). */
export function groupsOf(addresses: Iterable<Ipv6>): Ipv6[] {
  const last = new Set([...addresses].map(([, , , d]) => d | 0xff00_0000))
  return [...last].map(d => [0xff02_0000, 0, 1, d])
}

/**
 * Has the device with this ifindex, in the namespace file `netns` ('' is the current one), take in the groups. => sockets, the caller's.
 * Throws NativeError: EAFNOSUPPORT in a kernel without IPv6, EINVAL on a device without it, one with an MTU below 1280.
 */
export function joinGroups(netns: string, ifindex: number, groups: readonly Ipv6[]): number[] {
  const fds: number[] = []
  try {
    for (let from = 0; from < groups.length; from += GROUPS_MOST)
      fds.push(addon.joinGroups(netns, ifindex, bytesOf(groups.slice(from, from + GROUPS_MOST))))
    return fds
  } catch (error) {
    for (const fd of fds) closeFd(fd)
    throw error
  }
}

/** One behind the other, as on the wire. */
export function bytesOf(addresses: readonly Ipv6[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(addresses.length * BYTES))
  for (const [i, word] of addresses.flat().entries()) view.setInt32(4 * i, word)
  return new Uint8Array(view.buffer)
}
