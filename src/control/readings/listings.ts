/** What is set up and what is counted of it, put together for those who ask. */

import type {
  AddressInfo,
  ArmInfo,
  CountersInfo,
  LocalAddressInfo,
  RealServerInfo,
  RouteInfo,
  ServiceInfo,
} from '../../api/commands.ts'
import { isMatch } from '../../api/edits.ts'
import { ACL_ESTABLISHED, SYN_PROXY } from '../../api/words.ts'
import type { ConfigRate } from '../../config/acl-keys.ts'
import { rsName } from '../../config/changes.ts'
import { lengthOf, networkOf, networkText, wholeLength } from '../../config/cidr.ts'
import type { Config, ConfigRealServer, ConfigService } from '../../config/config.ts'
import type { Places } from '../../config/places.ts'
import { allServices } from '../../config/snat.ts'
import { Handshake } from '../../engine/handshake-cells.ts'
import { compareIp } from '../../wire/ip-address.ts'
import type { Arms } from '../threads/arms.ts'
import { aclSizes } from './acl-page.ts'
import type { Rates } from './rates.ts'
import type { Readings } from './readings.ts'

/** What an RS gets: nothing while it is inhibited, else a weight of at most the configured one. */
export interface RsHealth {
  inhibited: boolean
  weight: number
}

/** Everything that listings are made of. */
export interface Sources {
  config: Config
  places: Places
  readings: Readings
  /** By the name of the RS. */
  health: ReadonlyMap<string, RsHealth>
  /** Why they keep it from new connections. */
  reasons: ReadonlyMap<string, string>
  rates: Rates
}

/** Sorted by address and port, and so are the real servers of each, as ipvsadm lists them; or in the order of the config. */
export function services(from: Sources, sorted = true): ServiceInfo[] {
  const inOrder = <T extends Endpoint>(all: T[]) => (sorted ? all.sort(byAddress) : all)
  return inOrder(
    allServices(from.config).map(service => ({
      protocol: service.protocol,
      address: service.address,
      port: service.port,
      scheduler: service.scheduler,
      hash_fallback: service.hashing.fallback,
      hash_port: service.hashing.port,
      hash_target: service.hashing.byId ? 'qid' : 'sip',
      ...(service.module && { scheduler_module: service.module.path }),
      conn_timeout: service.connTimeout,
      when_down: service.whenDown,
      persistence: service.persistence.timeout,
      persistence_prefix: service.persistence.prefix,
      one_packet: service.onePacket,
      ...(service.quic && { quic: true as const }),
      proxy_protocol: service.proxyProtocol,
      ...guardsOf(service),
      ...cookiesOf(from, service),
      ...aclSizes(from, service),
      local_addresses: service.localAddresses.map(lip => localAddress(from, lip)),
      real_servers: inOrder(service.realServers.map(rs => realServer(from, service, rs))),
    })),
  )
}

/** Its rates, and what a change of its lists does, where they are not what every service has. */
function guardsOf(service: ConfigService) {
  const { connectionRate, clientRate, acl } = service
  const { established } = acl
  return {
    ...(connectionRate && { connection_rate: connectionRate.perSecond }),
    ...(hasBurst(connectionRate) && { connection_burst: connectionRate.burst }),
    ...(clientRate && { client_rate: clientRate.perSecond }),
    ...(hasBurst(clientRate) && { client_burst: clientRate.burst }),
    ...(established !== ACL_ESTABLISHED[0] && { acl_established: established }),
  }
}

/** When its SYNs are answered by cookies, and whether they are now. */
function cookiesOf({ places, readings }: Sources, service: ConfigService) {
  const { synProxy, synProxyAbove, realServers } = service
  if (synProxy === SYN_PROXY[0]) return {}
  const dests = realServers.map(rs => places.dests.find(rsName(service, rs)))
  return {
    syn_proxy: synProxy,
    ...(synProxy === 'auto' && { syn_proxy_above: synProxyAbove }),
    syn_proxy_workers: readings.synProxyWorkers(dests),
  }
}

function hasBurst(rate: ConfigRate | null): rate is ConfigRate {
  return rate !== null && rate.burst !== rate.perSecond
}

interface Endpoint {
  address: string
  port: number
}

function byAddress(a: Endpoint, b: Endpoint): number {
  // Match services come last, as their packets are looked up last.
  if (isMatch(a) || isMatch(b))
    return Number(isMatch(a)) - Number(isMatch(b)) || a.address.localeCompare(b.address)
  return compareIp(a.address, b.address) || a.port - b.port
}

function localAddress({ config, places, readings }: Sources, address: string): LocalAddressInfo {
  const place = places.lips.find(address)
  return {
    address,
    arm: config.arms.find(arm => arm.localAddresses.includes(address))?.name ?? '',
    conflicts: readings.lportMisses(place),
    conns: readings.lportsUsed(place),
  }
}

function realServer(
  { places, readings, health, reasons, rates }: Sources,
  service: ConfigService,
  rs: ConfigRealServer,
): RealServerInfo {
  const name = rsName(service, rs)
  const place = places.dests.find(name)
  const inhibited = health.get(name)?.inhibited ?? false
  const reason = reasons.get(name)
  return {
    address: rs.address,
    port: rs.port,
    weight: rs.weight,
    upper_threshold: rs.upperThreshold,
    lower_threshold: rs.lowerThreshold,
    backup: rs.backup,
    forwarding: rs.forwarding,
    active_conns: readings.activeConns(place),
    inactive_conns: readings.inactiveConns(place),
    inhibited,
    ...(inhibited && reason !== undefined && { reason }),
    stats: readings.traffic(place),
    rates: rates.of(name),
  }
}

/** In the order of the file, LIPs behind the other addresses of their arm. */
export function addresses({ config, places, readings }: Sources): AddressInfo[] {
  return config.arms.flatMap(arm => [
    ...arm.addresses.map(({ address, prefixLength }) => ({
      address,
      prefix_length: prefixLength,
      arm: arm.name,
    })),
    ...arm.localAddresses.map(address => {
      const place = places.lips.find(address)
      const lports = {
        used: readings.lportsUsed(place),
        free: readings.lportsFree(place),
        misses: readings.lportMisses(place),
      }
      const lports_of_workers = readings.lportsOfWorkers(place)
      return {
        address,
        prefix_length: wholeLength(address),
        arm: arm.name,
        lports,
        lports_of_workers,
      }
    }),
  ])
}

/** Longest prefix first; an address shorter than /32 brings a route of its own. */
export function routes({ config }: Sources): RouteInfo[] {
  const all = config.arms.flatMap(({ name, mtu, addresses: own, routes: added }) => [
    ...own.flatMap(({ address, prefixLength }) => {
      if (prefixLength === wholeLength(address)) return []
      const to = networkText(networkOf(`${address}/${prefixLength}`))
      return [{ to, via: null, arm: name, mtu }]
    }),
    ...added.map(({ to, prefixLength, via }) => ({
      to: `${to}/${prefixLength}`,
      via,
      arm: name,
      mtu,
    })),
  ])
  return all.sort((a, b) => lengthOf(b.to) - lengthOf(a.to))
}

/** Of all workers, or of those whose readings they are. */
export function counters(
  { config, readings }: Pick<Sources, 'config' | 'readings'>,
  arms: Pick<Arms, 'state' | 'queues'>,
): CountersInfo {
  return {
    arms: config.arms.map(
      ({ name, kind, mac, mtu, vlan }, index): ArmInfo => ({
        name,
        ...(kind === 'nic' && { kind }),
        mac,
        mtu,
        ...(vlan && { vlan }),
        ...arms.state(index),
        queues: arms.queues(index),
        ...readings.arm(index),
      }),
    ),
    drops: readings.drops(),
    events: readings.events(),
    conns: readings.conns(),
    states: readings.states(),
    neighbours: readings.neighbours(),
    handshakes: {
      rs: readings.handshake(Handshake.RS),
      client: readings.handshake(Handshake.CLIENT),
    },
    frames: readings.frames(),
  }
}
