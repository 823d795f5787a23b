/**
 * What a NIC brings us beside what is for our addresses: which packets of RSs and of hosts inside, by where they go to. Nothing for
 * an address of the host's, and nothing that is not for a single host; of what goes out by SNAT only what our routes lead to the arm outside
 * that it is for, for all other is dropped here and may be the host's to route.
 */

import { PROTOCOLS } from '../../api/protocols.ts'
import { type ConfigArm, deviceOf } from '../../config/arms.ts'
import { hostOf, lengthOf, wholeLength } from '../../config/cidr.ts'
import type { ConfigMatch } from '../../config/snat.ts'
import type { NicWays, WaysByFamily } from '../../io/nic-ways-bpf.ts'
import { common, joined, numberOf, prefixRange, type Range, without } from '../../io/ranges.ts'
import { IPV4_BITS, type IpAddress, ipAddress, isIpv6Text } from '../../wire/ip-address.ts'
import { NEXT } from '../../wire/ipv6.ts'
import { IPV6_BITS } from '../../wire/ipv6-address.ts'
import type { Ours } from '../network/device.ts'
import type { NatServer, WayOut, WaysOf } from './ways.ts'

/** Of a device: the arms on it, by index. */
export type OnDevice = readonly { arm: number; vlan: number }[]

type Arms = readonly Pick<ConfigArm, 'addresses' | 'routes'>[]

/** What all NICs go by. */
export interface Around {
  arms: Arms
  /** Addresses of the host of the NIC. */
  hosts: readonly string[]
}

/** Addresses that are not of one host, or of one link only (RFC 1122 3.2.1.3, RFC 3927, RFC 4291 2.4). */
const NOBODY: Record<4 | 6, readonly string[]> = {
  4: ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'],
  6: ['::/96', 'fe80::/10', 'ff00::/8'],
}

/** What the NIC of arm `owner` takes by addresses, which are all of ours, and the arms on it. */
export function onNic(
  arms: readonly ConfigArm[],
  owner: number,
  addresses: Iterable<string>,
): Pick<Ours, 'addresses' | 'vlans'> & { on: OnDevice } {
  const on = arms.flatMap(({ vlan }, arm) =>
    deviceOf(arms, arm) === owner ? [{ arm, vlan: vlan?.id ?? 0 }] : [],
  )
  const vlans = on.flatMap(({ vlan }) => (vlan > 0 ? [vlan] : []))
  return { addresses: Array.from(addresses, ipAddress), vlans, on }
}

export function takenBy(on: OnDevice, { servers, out }: WaysOf, around: Around): WaysByFamily {
  const of = (family: 4 | 6): NicWays | undefined => {
    const isOf = ({ address }: NatServer) => isIpv6Text(address) === (family === 6)
    const own = servers.filter(isOf)
    const rules = out.filter(rule => familyOf(rule) === family)
    if (own.length === 0 && rules.length === 0) return undefined
    const reach = new Reach(family, around)
    const here = own.filter(({ address }) => on.some(({ arm }) => arm === reach.armOf(address)))
    const answers = Object.entries(PROTOCOLS).flatMap(([name, { number }]) => {
      const all = here.filter(({ protocol }) => protocol === name)
      const ends = all.map(({ address, port }) => ({ address: ipAddress(address), port }))
      return ends.length === 0 ? [] : [{ protocol: number, servers: ends, to: reach.hosts }]
    })
    const outward = rules.flatMap(rule => outwardOf(rule, on, reach))
    return answers.length + outward.length === 0 ? undefined : { answers, outward }
  }
  return { four: of(4), six: of(6) }
}

function outwardOf({ protocol, match }: WayOut, on: OnDevice, reach: Reach): NicWays['outward'] {
  const { in: inArm, out } = match
  const arms = on.filter(({ arm }) => arm !== out && (inArm < 0 || arm === inArm))
  const { source, destination } = rangesOf(match)
  const to = common([destination], reach.by(out))
  if (arms.length === 0 || to.length === 0) return []
  const isAll = arms.length === on.length
  const vlans = isAll ? {} : { vlans: arms.map(({ vlan }) => vlan) }
  // Pings are of another protocol over IPv6; all of it that fits comes, and the engine drops what is no echo.
  const isPing6 = protocol === 'icmp' && match.six !== undefined
  const number = isPing6 ? NEXT.ICMPV6 : PROTOCOLS[protocol].number
  return [{ protocol: number, from: [source], to, ...vlans }]
}

function rangesOf(match: ConfigMatch) {
  const { source, destination } = match.six ?? match
  const range = ([first, last]: readonly [IpAddress, IpAddress]): Range => [
    numberOf(first),
    numberOf(last),
  ]
  return { source: range(source), destination: range(destination) }
}

function familyOf({ match }: WayOut): 4 | 6 {
  return match.six ? 6 : 4
}

/** Of its routes, and of its addresses but those that stand for themselves. */
function networksOf({ routes, addresses }: Arms[number]): { to: string; length: number }[] {
  const own = addresses.filter(({ address, prefixLength: n }) => n < wholeLength(address))
  return [
    ...routes.map(({ to, prefixLength }) => ({ to, length: prefixLength })),
    ...own.map(({ address, prefixLength }) => ({ to: address, length: prefixLength })),
  ]
}

/** Where the routes of one family lead. */
class Reach {
  /** All that is a single host, and not that of the NIC. Our own are taken before. */
  readonly hosts: readonly Range[]
  /** The longest last, and of equal ones those of the first arm. */
  readonly #by = new Map<number, readonly Range[]>()
  readonly #routes: { arm: number; length: number; range: Range }[]

  constructor(family: 4 | 6, { arms, hosts }: Around) {
    const bits = family === 4 ? IPV4_BITS : IPV6_BITS
    const isOf = (text: string) => isIpv6Text(text) === (family === 6)
    const one = (address: string): Range => prefixRange(address, bits, bits)
    const nobody = NOBODY[family].map(cidr => prefixRange(hostOf(cidr), lengthOf(cidr), bits))
    const known = hosts.filter(isOf).map(one)
    this.hosts = without([[0n, (1n << BigInt(bits)) - 1n]], [...nobody, ...known])
    const routes = arms.flatMap((of, arm) =>
      networksOf(of)
        .filter(({ to }) => isOf(to))
        .map(({ to, length }) => ({ arm, length, range: prefixRange(to, length, bits) })),
    )
    this.#routes = routes.sort((a, b) => a.length - b.length || b.arm - a.arm)
  }

  armOf(address: string): number | undefined {
    const number = numberOf(ipAddress(address))
    return this.#routes.findLast(({ range: [first, last] }) => first <= number && number <= last)
      ?.arm
  }

  /** Hosts that the arm leads to. */
  by(arm: number): readonly Range[] {
    const known = this.#by.get(arm)
    if (known) return known
    let led: Range[] = []
    for (const { arm: of, range } of this.#routes)
      led = of === arm ? joined([...led, range]) : without(led, [range])
    const all = common(this.hosts, led)
    this.#by.set(arm, all)
    return all
  }
}
