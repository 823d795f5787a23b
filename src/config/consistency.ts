/**
 * What the values of a config say about each other. Runs on a draft, so that a typing error in one place does not
 * hide a contradiction in another; what is missing from the draft was reported already and is passed over. Checks of
 * the kind "some arm must have it" wait until every arm could be read, or they would report what is not wrong.
 */

import { serviceName } from '../api/edits.ts'
import { DEFAULT_PROTOCOL } from '../api/protocols.ts'
import { ARMS_MAX, DESTS_MAX, LIPS_MAX } from '../engine/conn-layout.ts'
import { printable } from '../see/text/printable.ts'
import { hostText, ipAddress, ipText, isIpv6Text } from '../wire/ip-address.ts'
import { checkAcls, remarksOnAcl } from './acl-keys.ts'
import { checkProblems } from './check-keys.ts'
import { hostOf, Networks, networkOf, networkText } from './cidr.ts'
import type { Draft } from './draft.ts'
import { checkFamily, familyProblems, hasLip, isLinkLocalText } from './families.ts'
import type { ListFiles } from './list-files.ts'
import { once, twice } from './once.ts'
import { protocolProblems } from './protocol-keys.ts'
import { onLink, Reach } from './reach.ts'
import type { ConfigFile } from './schema.ts'
import { needsLip, serverProblems, wayProblems } from './server-keys.ts'
import {
  checkModules,
  remarksOnCookies,
  remarksOnDatagrams,
  remarksOnHashing,
} from './service-remarks.ts'
import { checkSnat } from './snat.ts'
import { checkOutside, lipsOfServices, snatAddresses } from './snat-addresses.ts'
import type { ConfigSource, Path } from './source.ts'
import { synProxyProblems } from './syn-proxy-keys.ts'
import { checkVlans } from './vlans.ts'

type Arms = NonNullable<Draft<ConfigFile>['arms']>
type Service = NonNullable<NonNullable<Draft<ConfigFile>['services']>[number]>

/** As many more are places of those that have gone. */
export const REAL_SERVERS_MAX = DESTS_MAX >> 1
/** Reached by NAT behind NICs: more would not fit into their program beside 4096 addresses (io/nic-ways-bpf.ts). */
export const NIC_SERVERS_MAX = 1024
/** One is for the health checks. */
export const CONFIG_ARMS_MAX = ARMS_MAX - 1
export const ADDRESSES_MAX = 4096

/** What looks like a mistake, with its place and with the name of its service. */
export interface Remarks {
  warnings: string[]
  named: string[]
}

/** Adds problems to `source`. */
export function checkConfig(
  draft: Draft<ConfigFile>,
  source: ConfigSource,
  files: ListFiles,
): Remarks {
  const arms = draft.arms ?? []
  const armsRead = source.isWhole(['arms'])
  const armRead = arms.map((_, i) => source.isWhole(['arms', i]))
  const services = draft.services ?? []
  if (armsRead && arms.length === 0)
    source.problem(['arms'], 'expected at least one arm, found none')
  if (arms.length > CONFIG_ARMS_MAX) {
    source.problem(
      ['arms', CONFIG_ARMS_MAX],
      `expected at most ${CONFIG_ARMS_MAX} arms, found ${arms.length}`,
    )
  }
  const own = checkAddresses(arms, source)
  checkArms(arms, armRead, source)
  checkVlans(arms, armsRead, source)

  checkServices(draft, own, armsRead, source)
  checkModules(services, source)
  checkSnat(draft.snat ?? [], arms, source)
  checkAcls(draft, source, files)
  const remarks: Remarks = { warnings: [], named: [] }
  if (!armsRead) return remarks
  const reach = new Reach(arms)
  for (const [i, service] of services.entries()) {
    const acl = remarksOnAcl(service, files, draft.ipsets ?? [])
    for (const [key, text] of [...acl, ...remarksOn(service, own), ...reach.remarksOn(service)]) {
      remarks.warnings.push(source.remark(['services', i, key], text))
      const { protocol = DEFAULT_PROTOCOL, address = '', port = 0 } = service ?? {}
      remarks.named.push(`${serviceName({ protocol, address, port })}: ${printable(text)}`)
    }
  }
  return remarks
}

function* remarksOn(
  service: Service | null,
  own: ReadonlyMap<string, Own>,
): Generator<[key: string, text: string]> {
  if (service?.address !== undefined && !own.has(service.address))
    yield ['address', `${service.address} is no address of any arm: nobody answers ARP for it`]
  if (service?.local_addresses?.length === 0 && needsLip(service))
    yield ['local_addresses', 'no LIP: it takes no connection']
  yield* remarksOnHashing(service)
  yield* remarksOnDatagrams(service)
  yield* remarksOnCookies(service)
  if (service?.when_down !== 'all') return
  if (service.real_servers?.some(rs => rs?.backup))
    yield ['when_down', 'all: a backup takes nothing while checks fail, for then none counts']
  if (service.check?.type === 'none' && service.passive === undefined)
    yield ['when_down', 'all: without check and passive no real server is ever down']
}

interface Own {
  path: Path
  lip: boolean
}

/** Own addresses and LIPs by text; each may be there once. */
function checkAddresses(arms: Arms, source: ConfigSource): Map<string, Own> {
  const own = new Map<string, Own>()
  let lips = 0
  const perNetns = new Map<string, number>()
  for (const [i, arm] of arms.entries()) {
    const netns = arm?.netns ?? ''
    const add = (address: string, path: Path, lip: boolean) => {
      const first = own.get(address)
      if (first) twice(source, path, `address ${address}`, first.path)
      else own.set(address, { path, lip })
      const count = (perNetns.get(netns) ?? 0) + 1
      perNetns.set(netns, count)
      if (count === ADDRESSES_MAX + 1) {
        source.problem(
          path,
          `expected at most ${ADDRESSES_MAX} addresses per namespace, found more`,
        )
      }
      if (lip && ++lips === LIPS_MAX + 1) {
        source.problem(path, `expected at most ${LIPS_MAX} LIPs, found more`)
      }
    }
    for (const [j, cidr] of (arm?.addresses ?? []).entries()) {
      if (cidr !== null) add(hostOf(cidr), ['arms', i, 'addresses', j], false)
    }
    for (const [j, lip] of (arm?.local_addresses ?? []).entries()) {
      if (lip !== null) add(lip, ['arms', i, 'local_addresses', j], true)
    }
  }
  return own
}

/** Names, and each arm's routes. */
function checkArms(arms: Arms, armRead: boolean[], source: ConfigSource): void {
  const names = new Map<string, Path>()
  for (const [i, arm] of arms.entries()) {
    if (arm?.name !== undefined) once(source, names, arm.name, ['arms', i, 'name'], 'arm')
    if (arm?.kind === 'nic' && arm.mac !== undefined) {
      const path = ['arms', i, 'mac']
      source.problem(path, `expected none, for a nic keeps its own, found "${arm.mac}"`)
    }
    const near = new Networks(onLink(arm))
    const routes = new Map<string, Path>()
    for (const [j, route] of (arm?.routes ?? []).entries()) {
      if (route?.to === undefined) continue
      const path = ['arms', i, 'routes', j]
      const network = networkOf(route.to, route.via)
      const name = networkText(network)
      if (route.to !== 'default' && hostOf(route.to) !== ipText(network.network)) {
        source.problem([...path, 'to'], `expected a network, like ${name}, found "${route.to}"`)
      }
      once(source, routes, name, [...path, 'to'], 'route')
      if (route.via === undefined) continue
      const gateway = ipAddress(route.via)
      if (route.to !== 'default' && isIpv6Text(route.via) !== isIpv6Text(route.to)) {
        const family = isIpv6Text(route.to) ? 'IPv6' : 'IPv4'
        source.problem([...path, 'via'], `expected a gateway of ${family}, found "${route.via}"`)
      } else if (armRead[i] && !near.hold(gateway) && !isLinkLocalText(route.via)) {
        source.problem(
          [...path, 'via'],
          `expected a gateway on-link of ${arm?.name}, found "${route.via}", which no address prefix or on-link route of that arm holds`,
        )
      }
    }
  }
}

function checkServices(
  { arms = [], services = [], snat }: Draft<ConfigFile>,
  own: Map<string, Own>,
  armsRead: boolean,
  source: ConfigSource,
): void {
  const all = [...own].filter(([, { lip }]) => lip).map(([address]) => address)
  const lips = lipsOfServices(all, snat)
  const outside = snatAddresses(snat)
  const known = lips.length === 0 ? 'there is none' : lips.slice(0, 4).join(', ')
  const reach = new Reach(arms)
  if (armsRead) noLip(services, lips, source)
  const seen = new Map<string, Path>()
  let realServers = 0
  let taken = 0
  for (const [i, service] of services.entries()) {
    if (!service) continue
    const path = ['services', i]
    if (service.address !== undefined && service.port !== undefined) {
      const { protocol = DEFAULT_PROTOCOL, address, port } = service
      once(source, seen, serviceName({ protocol, address, port }), path, 'service')
    }
    if (armsRead) checkLips(service, path, own, known, source)
    checkOutside(service, path, outside, source)
    for (const [key, text] of problemsOf(service)) source.problem([...path, ...key], text)
    const rss = new Map<string, Path>()
    for (const [j, rs] of (service.real_servers ?? []).entries()) {
      if (++realServers === REAL_SERVERS_MAX + 1) {
        source.problem(
          [...path, 'real_servers', j],
          `expected at most ${REAL_SERVERS_MAX} real servers, found more`,
        )
      }
      if (rs?.address === undefined) continue
      const rsPath = [...path, 'real_servers', j]
      for (const [key, text] of serverProblems(service, rs)) source.problem([...rsPath, key], text)
      const address = rs.address
      const port = rs.port ?? service.port
      if (port !== undefined)
        once(source, rss, `${hostText(address)}:${port}`, rsPath, 'real server')
      checkFamily(service, address, [...rsPath, 'address'], source)
      if (own.has(address)) {
        source.problem(
          [...rsPath, 'address'],
          `expected another host, found our own address "${address}"`,
        )
      } else if (armsRead) {
        const arm = reach.armTowards(ipAddress(address))
        for (const [key, text] of wayProblems(rs, address, arm))
          source.problem([...rsPath, key], text)
        const isTaken = rs.forwarding === 'nat' && arm?.kind === 'nic'
        if (isTaken && ++taken === NIC_SERVERS_MAX + 1) {
          const found = `expected at most ${NIC_SERVERS_MAX} behind NICs by nat, found more`
          source.problem([...rsPath, 'forwarding'], found)
        }
      }
    }
  }
}

function problemsOf(service: Service): [key: string[], text: string][] {
  return [
    ...protocolProblems(service),
    ...familyProblems(service),
    ...synProxyProblems(service),
    ...checkProblems(service),
  ]
}

/** Once, and not of each service: it is one LIP that is missing. */
function noLip(
  services: readonly (Service | null)[],
  lips: readonly string[],
  source: ConfigSource,
): void {
  const without = services.flatMap((service, i) =>
    // An empty list is a service that is being set up: ipvsadm adds it first, and its LIPs afterwards.
    service?.local_addresses === undefined && service && needsLip(service) && !hasLip(service, lips)
      ? [i]
      : [],
  )
  const [first, ...more] = without
  if (first === undefined) return
  const others = more.length === 0 ? '' : ` (and so for ${more.length} more services)`
  source.problem(
    ['services', first],
    `expected a LIP to reach its real servers from, found no local_addresses in any arm${others}`,
  )
}

function checkLips(
  service: Service,
  path: Path,
  own: Map<string, Own>,
  known: string,
  source: ConfigSource,
): void {
  const seen = new Map<string, Path>()
  for (const [j, lip] of (service.local_addresses ?? []).entries()) {
    if (lip === null) continue
    const lipPath = [...path, 'local_addresses', j]
    checkFamily(service, lip, lipPath, source)
    if (!once(source, seen, lip, lipPath, 'LIP') || own.get(lip)?.lip) continue
    source.problem(lipPath, `expected a LIP of some arm (${known}), found "${lip}"`)
  }
}
