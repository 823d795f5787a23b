/**
 * From one config to the next, as steps that a worker takes between two bursts, and as lines that an operator reads.
 * What is new comes first and what goes comes last, so that nothing that stays is ever without what it needs.
 */

import { type ServiceKey, serviceName } from '../api/edits.ts'
import type { Protocol } from '../api/protocols.ts'
import { FORWARDINGS } from '../api/words.ts'
import { hostText } from '../wire/ip-address.ts'
import { aclItem, listItem } from './acl-items.ts'
import * as acls from './acl-keys.ts'
import type { ConfigRoute } from './arms.ts'
import { checkWords } from './check-keys.ts'
import { wholeLength } from './cidr.ts'
import type { ConfigRealServer, ConfigService, ConfigValues } from './config.ts'
import { hashingWords, isUsualHashing, sumOf } from './hashing-words.ts'
import type { ListPart } from './list-parts.ts'
import { atOnce, type Pieces } from './pieces.ts'
import type { Places } from './places.ts'
import { controlSteps, restartKeys } from './restart-keys.ts'
import { allServices, type ConfigMatch } from './snat.ts'
import { givenSynProxy, synProxyWords } from './syn-proxy-keys.ts'

export interface ServiceChange extends acls.GivenRates, ReturnType<typeof givenSynProxy> {
  protocol: Protocol
  address: string
  port: number
  scheduler: ConfigService['scheduler']
  /** Left out if it is as usual, and in journals of before. */
  hashing?: ConfigService['hashing']
  /** A scheduler of the operator's own. */
  module?: { path: string; source: string }
  connTimeout: number
  whenDown: ConfigService['whenDown']
  persistence: ConfigService['persistence']
  /** Journals of before have none. */
  onePacket?: boolean
  quic?: boolean
  proxyProtocol?: ConfigService['proxyProtocol']
  /** Places of its LIPs. */
  lips: number[]
  /** The only arm that has it; left out for all. */
  onlyArm?: number
  /** Of a match service. */
  match?: ConfigMatch
}

/** An RS of the service at `vip`:`vport`. */
export interface RsChange extends ConfigRealServer {
  protocol: Protocol
  vip: string
  vport: number
  place: number
}

/** An RS of a service, as its changes name it. */
export interface RsKey {
  protocol: Protocol
  vip: string
  vport: number
  address: string
  port: number
}

/** Arms are named by index, addresses are text. What is put where it is already is changed. */
export type Change =
  | { put: 'address' | 'no-address'; arm: number; address: string; prefixLength: number }
  | { put: 'route' | 'no-route'; arm: number; route: ConfigRoute }
  | { put: 'neighbour' | 'no-neighbour'; arm: number; address: string; mac: string }
  /** A NIC has another MAC or MTU. */
  | { put: 'device'; arm: number; mac: string; mtu: number }
  | { put: 'lip' | 'no-lip'; address: string; place: number }
  | ListPart
  | { put: 'no-list'; name: string }
  /** By names of lists that are there; behind its service. */
  | ({ put: 'acl'; acl: acls.ConfigAcl } & ServiceKey)
  | ({ put: 'no-acl' } & ServiceKey)
  | { put: 'service'; service: ServiceChange }
  | ({ put: 'no-service' } & ServiceKey)
  | { put: 'rs'; rs: RsChange }
  /** `cut`: its connections end too. */
  | ({ put: 'no-rs'; cut?: boolean } & RsKey)
  /** The connections of the RS at this place end, both ends reset; or those that are left live on. */
  | { put: 'cut' | 'no-cut'; place: number }
  /** Seconds, in the order of State in tcp-state.ts. */
  | { put: 'timeouts'; timeouts: number[] }
  /** Seconds, in the order of UdpState in udp-state.ts. */
  | { put: 'udp-timeouts'; timeouts: number[] }

export interface Comparison {
  /** Keys that only a restart changes. */
  restart: string[]
  /** For people: `+ address 192.0.2.1/32 on ext0`. */
  steps: string[]
  /** Takes the places that the changes name; do it once, and carry the changes out. Throws RangeError if there are too few. */
  put(places: Places): Pieces<Change[]>
  /** To be done after that: removes what is gone and gives its places back. */
  remove(places: Places): Pieces<Change[]>
  /** Both at once. */
  changes(places: Places): Change[]
}

/** One object of a config. */
interface Item {
  /** What it is called in words, and the same in both configs if it is the same. */
  name: string
  /** What there is to change of it, and in words. */
  value: string
  put(places: Places): Change | Change[]
  remove(places: Places): Change
}

/** `before` null: from nothing. */
export function compare(before: ConfigValues | null, after: ConfigValues): Comparison {
  return atOnce(comparing(before, after))
}

/** The same, for configs of any size. */
export function* comparing(before: ConfigValues | null, after: ConfigValues): Pieces<Comparison> {
  const was = new Map<string, Item>()
  if (before) for (const item of items(before)) yield void was.set(item.name, item)
  const is = new Map<string, Item>()
  for (const item of items(after)) yield void is.set(item.name, item)
  const put: Item[] = []
  const steps: string[] = []
  for (const item of is.values()) {
    const { name, value } = item
    const known = was.get(name)
    if (known?.value !== value) {
      put.push(item)
      steps.push(known ? `~ ${name} ${known.value} => ${value}` : `+ ${name} ${value}`.trimEnd())
    }
    yield
  }
  const gone = [...was.values()].filter(({ name }) => !is.has(name)).toReversed()
  for (const { name } of gone) steps.push(`- ${name}`)
  return {
    restart: before ? restartKeys(before, after) : [],
    steps: before ? [...steps, ...controlSteps(before, after)] : steps,
    *put(places) {
      const changes: Change[] = []
      try {
        for (const item of put) yield void changes.push(...[item.put(places)].flat())
      } catch (error) {
        for (const item of put) if (!was.has(item.name)) item.remove(places)
        throw error
      }
      return changes
    },
    *remove(places) {
      const changes: Change[] = []
      for (const item of gone) yield void changes.push(item.remove(places))
      return changes
    },
    changes(places) {
      return [...atOnce(this.put(places)), ...atOnce(this.remove(places))]
    },
  }
}

function* items(config: ConfigValues): Generator<Item> {
  yield timeoutsItem('tcp', 'timeouts', config.tcp.timeouts)
  yield timeoutsItem('udp', 'udp-timeouts', config.udp.timeouts)
  for (const [index, arm] of config.arms.entries()) {
    const { name, addresses, localAddresses, routes, neighbours } = arm
    for (const cidr of addresses) yield addressItem(name, index, cidr.address, cidr.prefixLength)
    for (const lip of localAddresses) yield addressItem(name, index, lip, wholeLength(lip))
    for (const route of routes) yield routeItem(name, index, route)
    for (const { address, mac } of neighbours) yield neighbourItem(name, index, address, mac)
  }
  for (const arm of config.arms) for (const lip of arm.localAddresses) yield lipItem(lip)
  for (const [name, list] of Object.entries(config.lists)) yield listItem(name, list)
  for (const service of allServices(config)) {
    yield serviceItem(service, config.arms)
    if (acls.hasLists(service.acl)) yield aclItem(service, service.acl)
    for (const rs of service.realServers) yield rsItem(service, rs)
  }
}

function timeoutsItem(
  protocol: 'tcp' | 'udp',
  kind: 'timeouts' | 'udp-timeouts',
  timeouts: number[],
): Item {
  const put = (): Change => ({ put: kind, timeouts })
  return { name: `${protocol}.timeouts`, value: timeouts.join(' '), put, remove: put }
}

function addressItem(arm: string, index: number, address: string, prefixLength: number): Item {
  const what = { arm: index, address, prefixLength }
  return {
    name: `address ${address}/${prefixLength} on ${arm}`,
    value: '',
    put: () => ({ put: 'address', ...what }),
    remove: () => ({ put: 'no-address', ...what }),
  }
}

function routeItem(arm: string, index: number, route: ConfigRoute): Item {
  return {
    name: `route ${route.to}/${route.prefixLength} on ${arm}`,
    value: route.via === null ? 'on-link' : `via ${route.via}`,
    put: () => ({ put: 'route', arm: index, route }),
    remove: () => ({ put: 'no-route', arm: index, route }),
  }
}

function neighbourItem(arm: string, index: number, address: string, mac: string): Item {
  return {
    name: `neighbour ${address} on ${arm}`,
    value: mac,
    put: () => ({ put: 'neighbour', arm: index, address, mac }),
    remove: () => ({ put: 'no-neighbour', arm: index, address, mac }),
  }
}

function lipItem(address: string): Item {
  return {
    name: `LIP ${address}`,
    value: '',
    put: places => ({ put: 'lip', address, place: places.lips.take(address) }),
    remove: places => ({ put: 'no-lip', address, place: places.lips.leave(address) }),
  }
}

function serviceItem(service: ConfigService, arms: ConfigValues['arms']): Item {
  const { protocol, address, port, scheduler, connTimeout, whenDown, persistence } = service
  const { localAddresses, onePacket, quic, hashing, module, proxyProtocol } = service
  const words: string[] = [scheduler, ...hashingWords(service)]
  if (module) words.push(`scheduler_module ${module.path} ${sumOf(module.source)}`)
  if (connTimeout > 0) words.push(`conn_timeout ${connTimeout}`)
  if (persistence.timeout > 0)
    words.push(`persistence ${persistence.timeout} /${persistence.prefix}`)
  if (whenDown !== 'drop') words.push(`when_down ${whenDown}`)
  if (onePacket) words.push('one_packet')
  if (quic) words.push('quic')
  if (proxyProtocol !== 'off') words.push(`proxy_protocol ${proxyProtocol}`)
  words.push(...synProxyWords(service), ...acls.rateWords(service), ...checkWords(service))
  words.push(`from ${localAddresses.join(' ') || 'no LIP'}`)
  // Where its addresses are, which criteria need not say.
  if (service.match) words.push(`on ${arms[service.match.out]?.name}`)
  return {
    name: `service ${serviceName(service)}`,
    value: words.join(' '),
    put: places => {
      const lips = localAddresses.map(lip => places.lips.take(lip))
      const given = { ...(!isUsualHashing(hashing) && { hashing }), ...(module && { module }) }
      const own = {
        connTimeout,
        persistence,
        ...acls.givenRates(service),
        ...givenSynProxy(service),
      }
      const matched = service.match && { match: service.match }
      const fields = {
        ...{ scheduler, ...matched, ...given, ...own, whenDown, onePacket },
        ...(quic && { quic }),
        proxyProtocol,
        lips,
      }
      return { put: 'service', service: { protocol, address, port, ...fields } }
    },
    remove: () => ({ put: 'no-service', protocol, address, port }),
  }
}

function rsItem(service: ConfigService, rs: ConfigRealServer): Item {
  const { protocol, address: vip, port: vport } = service
  const { address, port, weight, upperThreshold, lowerThreshold, backup, forwarding } = rs
  const name = rsName(service, rs)
  const limits = upperThreshold > 0 ? ` thresholds ${lowerThreshold} ${upperThreshold}` : ''
  const way = forwarding === FORWARDINGS[0] ? '' : ` forwarding ${forwarding}`
  return {
    name,
    value: `weight ${weight}${limits}${backup ? ' backup' : ''}${way}`,
    put: places => ({
      put: 'rs',
      rs: { ...rs, protocol, vip, vport, place: places.dests.take(name) },
    }),
    remove: places => {
      places.dests.leave(name)
      const cut = service.check.onDown === 'reset'
      return { put: 'no-rs', protocol, vip, vport, address, port, ...(cut && { cut }) }
    },
  }
}

/** What the place of an RS is taken for. */
export function rsName(
  service: ServiceKey,
  { address, port }: { address: string; port: number },
): string {
  return `RS ${hostText(address)}:${port} of ${serviceName(service)}`
}

/** The same, of what a change names. */
export function rsNameOf({ protocol, vip, vport, address, port }: RsKey): string {
  return rsName({ protocol, address: vip, port: vport }, { address, port })
}
