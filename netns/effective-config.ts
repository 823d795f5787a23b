// The config the lab's daemon runs with: the chosen file with what the lab decides put in its place
// (namespaces, control socket, real servers). Edited as a YAML document, so its comments stay and the
// result is as readable as the source. Whether it is right is for the daemon to say, with path and line.

import { readFileSync } from 'node:fs'
import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml'
import { endpointParts, hostText, isIpv6Text } from '../src/wire/ip-address.ts'
import { UsageError } from './lab-error.ts'
import {
  type Arm,
  CONFIG_NETNS,
  DEFAULT_CONFIG,
  type Netns,
  type Paths,
  REDIS_PORT,
  WAYS_OUT,
  type Wanted,
} from './topology.ts'

/** => the text of the effective config; `box` has the arms' NICs, if that is what the arms are */
export function effectiveConfig(
  wanted: Wanted,
  arms: readonly Arm[],
  box: Netns | undefined,
  paths: Paths,
): string {
  const source = wanted.config ?? DEFAULT_CONFIG
  const config = parse(source)
  for (const arm of items(config, 'arms')) {
    const named = arms.find(({ side }) => CONFIG_NETNS[side] === arm.get('netns'))
    if (!named) continue
    arm.set('netns', (box ?? named).netns)
    arm.delete('kind')
    if (box === undefined) continue
    arm.set('kind', 'nic')
    arm.delete('mac') // a NIC has its own
  }
  config.setIn(['control', 'socket'], paths.socket)
  if (wanted.workers !== undefined) config.setIn(['workers', 'count'], wanted.workers)
  if (wanted.ui !== undefined) config.setIn(['control', 'ui', 'port'], wanted.ui)
  // A config of the user's own says itself where its services point; --rs then only starts servers.
  if (wanted.realServers !== undefined && wanted.config === undefined) {
    const servers = arms.find(arm => arm.side === 'rs')?.addresses ?? []
    const service = items(config, 'services').find(s => s.get('port') === REDIS_PORT)
    service?.set(
      'real_servers',
      config.createNode(servers.map(address => ({ address, port: REDIS_PORT, weight: 100 }))),
    )
  }
  if (wanted.ipv6 && wanted.config === undefined) addIpv6(config, arms)
  if (wanted.mode !== undefined && wanted.config === undefined)
    setMode(config, wanted.mode, wanted.ipv6 ?? false)
  if (wanted.nat64 && wanted.config === undefined) addNat64(config, wanted.ipv6 ?? false, arms)
  const head = ` Made by the lab from ${source}; the next \`lab up\` writes it anew.\n`
  config.commentBefore = config.commentBefore ? `${head}\n${config.commentBefore}` : head
  return config.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** All real servers of redis, of both families; by SNAT they stay as they are, and hosts beside them speak to anybody outside. */
function setMode(config: Document, mode: string, ipv6: boolean): void {
  if (mode === 'snat') {
    for (const way of WAYS_OUT.slice(0, ipv6 ? 2 : 1)) addWayOut(config, way)
    return
  }
  for (const service of items(config, 'services')) {
    const servers = service.get('real_servers')
    if (service.get('port') !== REDIS_PORT || !isSeq(servers)) continue
    for (const rs of servers.items) if (isMap(rs)) rs.set('forwarding', mode)
  }
}

/** An address outside, and what takes it. */
function addWayOut(config: Document, { hosts, outside }: (typeof WAYS_OUT)[number]): void {
  const arm = items(config, 'arms').findIndex(arm => arm.get('name') === 'ext0')
  append(config, ['arms', arm, 'local_addresses'], outside)
  for (const protocol of ['tcp', 'udp', 'icmp']) {
    const addresses = [{ address: outside }]
    append(config, ['snat'], { protocol, source: hosts, out: 'ext0', addresses })
  }
}

/** To a list that may not be there yet. */
function append(config: Document, path: (string | number)[], value: unknown): void {
  if (isSeq(config.getIn(path))) config.addIn(path, config.createNode(value))
  else config.setIn(path, config.createNode([value]))
}

/** The same in IPv6 beside each: VIP, LIP and routes. */
export function addIpv6Addresses(config: Document): void {
  for (const arm of items(config, 'arms')) {
    const own = IPV6[arm.get('name') as keyof typeof IPV6]
    if (!own) continue
    arm.addIn(['addresses'], own.address)
    arm.addIn(['routes'], config.createNode({ to: own.net }))
    if ('lip' in own) arm.addIn(['local_addresses'], own.lip)
  }
}

/** And the service of redis. */
function addIpv6(config: Document, arms: readonly Arm[]): void {
  addIpv6Addresses(config)
  const servers = arms.find(arm => arm.side === 'rs')?.addresses6 ?? []
  addRedis(config, IPV6.ext0.address.split('/')[0] as string, servers)
}

/** A VIP of IPv6 before the real servers of IPv4, and the clients' network if IPv6 has not brought it. */
function addNat64(config: Document, hasIpv6: boolean, arms: readonly Arm[]): void {
  const arm = items(config, 'arms').find(arm => arm.get('name') === 'ext0')
  arm?.addIn(['addresses'], `${VIP64}/128`)
  if (!hasIpv6) arm?.addIn(['routes'], config.createNode({ to: IPV6.ext0.net }))
  const servers = arms.find(arm => arm.side === 'rs')?.addresses ?? []
  addRedis(config, VIP64, servers)
}

function addRedis(config: Document, address: string, servers: readonly string[]): void {
  config.addIn(
    ['services'],
    config.createNode({
      address,
      port: REDIS_PORT,
      scheduler: 'wrr',
      real_servers: servers.map(address => ({ address, port: REDIS_PORT, weight: 100 })),
    }),
  )
}

const VIP64 = '2001:db8:10::64'
/** By device of an arm. */
const IPV6 = {
  ext0: { address: '2001:db8:10::1/128', net: '2001:db8:10::/64' },
  int0: { address: '2001:db8:168::3/128', net: '2001:db8:168::/64', lip: '2001:db8:168::7' },
} as const

/** What the lab itself has to know of a config: read leniently, the daemon is the judge. */
export type Appliance = {
  vips: string[]
  lips: string[]
  internal: string[]
  mtu: Map<string, number>
}

export function readAppliance(file: string): Appliance {
  const config = parse(file)
  const arms = items(config, 'arms').map(arm => arm.toJSON() as Record<string, unknown>)
  const services = items(config, 'services').map(s => s.toJSON() as Record<string, unknown>)
  const vips = [
    ...new Set(services.map(({ address, port }) => `${hostText(`${address}`)}:${port}`)),
  ]
  const serviceAddresses = new Set(services.map(({ address }) => String(address)))
  const own = arms.flatMap(arm => strings(arm.addresses))
  return {
    vips,
    lips: [...new Set(arms.flatMap(arm => strings(arm.local_addresses)))],
    internal: own.filter(cidr => !serviceAddresses.has(cidr.split('/')[0] ?? '')),
    mtu: new Map(
      arms.flatMap(({ name, mtu }) => (typeof mtu === 'number' ? [[String(name), mtu]] : [])),
    ),
  }
}

/** The addresses of the services in a config, those of IPv6 if `ipv6` says so. */
export function vipsOf(file: string, ipv6: boolean): string[] {
  const hosts = readAppliance(file).vips.map(vip => endpointParts(vip)?.host ?? vip)
  return [...new Set(hosts)].filter(host => ipv6 || !isIpv6Text(host))
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function items(config: Document, key: string): YAMLMap[] {
  const list = config.get(key)
  return isSeq(list) ? list.items.filter(item => isMap(item)) : []
}

function parse(file: string): Document {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new UsageError(`cannot read the config ${file}`)
  }
  const config: Document = parseDocument(text)
  const [error] = config.errors
  if (error) throw new UsageError(`${file}: ${error.message.split('\n')[0]}`)
  if (!isMap(config.contents)) throw new UsageError(`${file} is no config: config/lab.yaml is one`)
  return config
}
