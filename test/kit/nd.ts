/** Frames of neighbour discovery, and the seed's appliance in IPv6. */

import { ethernet, icmpv6, ip, ipv6, mac } from './frame.ts'

/** SEED_CONFIG of stand.ts in IPv6. */
export const SEED6_CONFIG = `
arms:
  - name: dpdk0
    addresses: ['2001:db8:10::1/128']
    routes: [{ to: '2001:db8:10::/64' }]
  - name: dpdk1
    addresses: ['2001:db8:168::3/128']
    local_addresses: ['2001:db8:168::7']
    routes: [{ to: '2001:db8:168::/64' }]
services:
  - address: '2001:db8:10::1'
    port: 6379
    protocol: tcp
    scheduler: wrr
    real_servers: [{ address: '2001:db8:168::2', weight: 100 }]
`

/** The same with clients that speak IPv6 and an RS that speaks IPv4. */
export const SEED64_CONFIG = `
arms:
  - name: dpdk0
    addresses: ['2001:db8:10::1/128']
    routes: [{ to: '2001:db8:10::/64' }]
  - name: dpdk1
    addresses: [192.168.168.3/32]
    local_addresses: [192.168.168.7]
    routes: [{ to: 192.168.168.0/24 }]
services:
  - address: '2001:db8:10::1'
    port: 6379
    protocol: tcp
    scheduler: wrr
    real_servers: [{ address: 192.168.168.2, weight: 100 }]
`

/** A packet with a neighbour advertisement, or with type 135 a solicitation, of `target`; with these flags, and a MAC if one is given. */
export function advertisement(
  ends: { src: string; dst: string },
  target: string,
  link: string | null,
  flags = 0,
  type = 136,
  hopLimit = 255,
): Uint8Array {
  const option = link === null ? [] : [type === 136 ? 2 : 1, 1, ...mac(link)]
  const body = Uint8Array.from([flags, 0, 0, 0, ...ip(target), ...option])
  return ipv6({ ...ends, next: 58, hopLimit }, icmpv6(ends, type, 0, body))
}

/** What answers an arm that has asked for an address, to its first one. */
export function answer(
  { mac: own, addresses }: { mac: string; addresses: readonly { address: string }[] },
  address: string,
  link: string,
): Uint8Array {
  const dst = addresses.find(each => each.address.includes(':'))?.address ?? '::'
  const packet = advertisement({ src: address, dst }, address, link, 0x60)
  return ethernet(own, link, 0x86dd, packet)
}
