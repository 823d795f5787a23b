/** Which arm leads where, of a draft; and what is remarkable about the LIPs of a service then. */

import { type IpAddress, ipAddress, isIpv6Text } from '../wire/ip-address.ts'
import { lengthOf, type Network, Networks, networkOf, wholeLength } from './cidr.ts'
import type { Draft } from './draft.ts'
import type { ConfigFile } from './schema.ts'

type Arm = NonNullable<Draft<ConfigFile>['arms']>[number]
type Service = NonNullable<Draft<ConfigFile>['services']>[number]

/** What an arm reaches without a gateway. */
export function onLink(arm: Arm | undefined): Network[] {
  const networks: Network[] = []
  for (const cidr of arm?.addresses ?? []) {
    // A /32 brings no route, nor does a /128.
    if (cidr !== null && lengthOf(cidr) < wholeLength(cidr)) networks.push(networkOf(cidr))
  }
  for (const route of arm?.routes ?? []) {
    if (route?.to !== undefined && route.via === undefined) networks.push(networkOf(route.to))
  }
  return networks
}

/** All that it has a route to. */
function networksOf(arm: Arm): Network[] {
  const routes = (arm?.routes ?? []).flatMap(route =>
    route?.to === undefined ? [] : [networkOf(route.to, route.via)],
  )
  return [...onLink(arm), ...routes]
}

export class Reach {
  readonly #arms: readonly Arm[]
  readonly #networks: readonly Networks[]

  constructor(arms: readonly Arm[]) {
    this.#arms = arms
    this.#networks = arms.map(arm => new Networks(networksOf(arm)))
  }

  /** The arm whose longest prefix leads to an address; of several the first. */
  armTowards(address: IpAddress): Arm | undefined {
    let best: Arm | undefined
    let length = -1
    for (const [i, networks] of this.#networks.entries()) {
      const own = networks.longest(address)
      if (own <= length) continue
      length = own
      best = this.#arms[i]
    }
    return best
  }

  /** An RS answers to a LIP, and finds it by ARP on its own arm only. Told once for each arm. */
  *remarksOn(service: Service): Generator<[key: string, text: string]> {
    const chosen = service?.local_addresses
    if (chosen?.length === 0) return
    const lipsOf = (arm: Arm) => arm?.local_addresses ?? []
    const told = new Set<Arm>()
    for (const rs of service?.real_servers ?? []) {
      if (rs?.address === undefined) continue
      const arm = this.armTowards(ipAddress(rs.address))
      if (!arm || told.has(arm)) continue
      told.add(arm)
      const isOne = (lip: string) =>
        (chosen?.includes(lip) ?? true) && isIpv6Text(lip) === isIpv6Text(rs.address as string)
      if (lipsOf(arm).some(lip => lip !== null && isOne(lip))) continue
      const where = `none of its LIPs is on ${arm.name}, which leads to ${rs.address}`
      yield ['local_addresses', `${where}: it must have a route to them by ${arm.name}`]
    }
  }
}
