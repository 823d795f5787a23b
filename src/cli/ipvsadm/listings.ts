/**
 * The listings of ipvsadm (semantics 9.1-9.4), column by column and with the trailing blanks of the original:
 * scripts cut them by columns and by blanks. Names are never resolved, with or without -n.
 */

import type { ConnInfo, RealServerInfo, ServiceInfo, TrafficInfo } from '../../api/commands.ts'
import { isMatch, type ServiceKey, serviceName as wholeName } from '../../api/edits.ts'
import type { AnyStateName } from '../../api/names.ts'
import { PROTOCOLS } from '../../api/protocols.ts'
import { type AclList, HASH_KEYS } from '../../api/words.ts'
import { maskText } from '../../config/cidr.ts'
import { compareIp, hostText, IPV4_BITS, isIpv6Text } from '../../wire/ip-address.ts'
import { IPV6_BITS } from '../../wire/ipv6-address.ts'
import { RATE_OPTIONS } from './options.ts'
import { schedFlags } from './scheduling.ts'

const BANNER = 'IP Virtual Server version 0.0.0 (size=0)\n'

/** The log spells the first, second and seventh otherwise. */
const STATES: Record<AnyStateName, string> = {
  NONE: 'TCP_NONE',
  ESTABLISHED: 'TCP_EST',
  SYN_SENT: 'SYN_SENT',
  SYN_RECV: 'SYN_RECV',
  FIN_WAIT: 'FIN_WAIT',
  TIME_WAIT: 'TIME_WAIT',
  CLOSE: 'TCP_CLOSE',
  CLOSE_WAIT: 'CLOSE_WAIT',
  LAST_ACK: 'LAST_ACK',
  LISTEN: 'LISTEN',
  SYNACK: 'SYNACK',
  UDP_NONE: 'UDP_NONE',
  UDP_ONEWAY: 'UDP_ONEWAY',
  UDP_NORM: 'UDP_NORM',
  ICMP_NONE: 'ICMP_NONE',
  ICMP_ONEWAY: 'ICMP_ONEWAY',
  ICMP_NORM: 'ICMP_NORM',
}
/** Of a daemon of another version; as the original has it. */
const STATE_UNKNOWN = 'TCP_UNKOWN'

/** The seven characters of the column Forward. */
const FORWARD = {
  fullnat: 'FullNat',
  nat: 'Masq   ',
  dr: 'Route  ',
  tunnel: 'Tunnel ',
  snat: 'SNAT   ',
} as const

/** `ipvsadm -ln` */
export function formatServices(services: readonly ServiceInfo[]): string {
  let text = `${BANNER}Prot LocalAddress:Port Scheduler Flags\n`
  text += '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n'
  for (const service of services) {
    text += `${serviceName(service)} ${service.scheduler}${flags(service)}\n`
    for (const rs of service.real_servers) {
      const [weight, active] = [pad(rs.weight, 6), pad(rs.active_conns, 10)]
      text += `${rsName(rs)} ${FORWARD[rs.forwarding]} ${weight} ${active} ${pad(rs.inactive_conns, 10)}${rsFlags(rs)}\n`
    }
  }
  return text
}

/** `ipvsadm -ln --stats`; a service's numbers are the sum over its real servers. With `exact` in full (-X). */
export function formatStats(services: readonly ServiceInfo[], exact = false): string {
  const columns = ['Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes']
  return formatTraffic(services, columns, exact, rs => rs.stats)
}

/** `ipvsadm -ln --rate`: the same per second. */
export function formatRates(services: readonly ServiceInfo[], exact = false): string {
  const columns = ['CPS', 'InPPS', 'OutPPS', 'InBPS', 'OutBPS']
  return formatTraffic(services, columns, exact, rs => rs.rates)
}

function formatTraffic(
  services: readonly ServiceInfo[],
  columns: readonly string[],
  exact: boolean,
  numbersOf: (rs: RealServerInfo) => TrafficInfo,
): string {
  let text = `${BANNER}${'Prot LocalAddress:Port'.padEnd(33)}`
  text += `${columns.map(column => ` ${column.padStart(8)}`).join('')}\n  -> RemoteAddress:Port\n`
  for (const service of services) {
    const all = service.real_servers.map(numbersOf)
    text += `${serviceName(service).padEnd(33)}${traffic(sum(all), exact)}\n`
    for (const [i, rs] of service.real_servers.entries())
      text += `${rsName(rs)}${traffic(all[i] as TrafficInfo, exact)}\n`
  }
  return text
}

/** `ipvsadm -ln --thresholds` */
export function formatThresholds(services: readonly ServiceInfo[]): string {
  const columns = ['Uthreshold', 'Lthreshold', 'ActiveConn', 'InActConn']
  return formatGauges(services, columns, [10, 10, 10, 10], rs => [
    rs.upper_threshold,
    rs.lower_threshold,
    rs.active_conns,
    rs.inactive_conns,
  ])
}

/** Rows of real servers only; a service has but its name. */
function formatGauges(
  services: readonly ServiceInfo[],
  columns: readonly string[],
  widths: readonly number[],
  numbersOf: (rs: RealServerInfo) => number[],
): string {
  const cells = (values: readonly (string | number)[]) =>
    values.map((value, i) => ` ${pad(value, widths[i] as number)}`).join('')
  let text = `${BANNER}${'Prot LocalAddress:Port'.padEnd(33)}${cells(columns)}\n`
  text += '  -> RemoteAddress:Port\n'
  for (const service of services) {
    text += `${serviceName(service)}\n`
    for (const rs of service.real_servers) text += `${rsName(rs)}${cells(numbersOf(rs))}\n`
  }
  return text
}

/** `ipvsadm -G`; CONFLICTS are SYNs and datagrams that found no lport. */
export function formatLips(services: readonly ServiceInfo[]): string {
  let text = 'VIP:VPORT            TOTAL    SNAT_IP              CONFLICTS  CONNS     \n'
  for (const { address, port, local_addresses: localAddresses } of services) {
    // The blank after the last column is the original's, and so is that it does not say the protocol.
    text += `${pad(`${hostText(address)}:${port}`, 20)} ${pad(localAddresses.length, 8)} \n`
    for (const lip of localAddresses)
      text += `${pad('', 30)}${pad(lip.address, 20)} ${pad(lip.conflicts, 10)} ${pad(lip.conns, 10)}\n`
  }
  return text
}

/** A row of `-B` and `-W`. */
export interface AclRow {
  service: ServiceKey
  prefix: string
  hits: number
}

/** `ipvsadm -B` (deny) and `-W` (allow); with `stats` there is one column more, what each prefix has met. */
export function formatAcl(list: AclList, rows: readonly AclRow[], stats: boolean): string {
  const line = (protocol: string, vip: string, subject: string, hits: string | number) =>
    `${pad(protocol, 8)} ${pad(vip, 30)} ${pad(subject, 30)}${stats ? ` ${hits}` : ''}\n`
  let text = line('PROTO', 'VIP:VPORT', list === 'deny' ? 'BLACKLIST' : 'WHITELIST', 'HITS')
  for (const { service, prefix, hits } of rows) {
    const { protocol, address, port } = service
    text += line(PROTOCOLS[protocol].label, `${hostText(address)}:${port}`, prefix, hits)
  }
  return text
}

/** `ipvsadm --timeout`, in LVS's words; of UDP, that of connections that were answered. */
export function formatTimeouts(timeouts: Record<string, number>): string {
  const { established = 0, fin_wait: finWait = 0, udp_normal: udp = 0 } = timeouts
  return `Timeout (tcp tcpfin udp): ${established} ${finWait} ${udp}\n`
}

/** By protocol, address and port, and so the real servers and LIPs of each. */
export function sortServices(services: readonly ServiceInfo[]): ServiceInfo[] {
  return services
    .map(service => ({
      ...service,
      real_servers: service.real_servers.toSorted(byEndpoint),
      local_addresses: service.local_addresses.toSorted((a, b) => byAddress(a.address, b.address)),
    }))
    .sort((a, b) => matchesLast(a, b) || a.protocol.localeCompare(b.protocol) || byEndpoint(a, b))
}

/** One row of `ipvsadm -lnc`, which has no header. */
export function formatConn(conn: ConnInfo): string {
  const state = (STATES[conn.state] ?? STATE_UNKNOWN).padEnd(11)
  const head = `[${conn.worker}]${conn.protocol.padEnd(3)} ${pad(`${conn.timeout_sec}s`, 6)} ${state}`
  return `${head} ${pad(conn.client, 18)} ${pad(conn.vip, 18)} ${pad(conn.lip, 18)} ${conn.rs}\n`
}

/** A number in a column of nine: as it is below 1e8, else in thousands (K), and so on; cut, not rounded. */
export function largeNumber(value: number): string {
  const scaled = (divisor: number, unit: string) =>
    `${String(Math.trunc(value / divisor)).padStart(8)}${unit}`
  if (value < 1e8) return String(value).padStart(9)
  if (value < 1e9) return scaled(1e3, 'K')
  if (value < 1e11) return scaled(1e6, 'M')
  if (value < 1e14) return scaled(1e9, 'G')
  return scaled(1e12, 'T')
}

/** `TCP`, two blanks, address:port; of IPv4 at most 33 characters, as the statistics need it. */
function serviceName({ protocol, address, port }: ServiceInfo): string {
  if (isMatch({ address })) return wholeName({ protocol, address, port })
  const name = `${PROTOCOLS[protocol].label.padEnd(4)} ${hostText(address)}:${port}`
  return isIpv6Text(address) ? name : name.slice(0, 33)
}

/** What is longer than its column is cut off of IPv4 only. */
function rsName({ address, port }: RealServerInfo): string {
  const name = `${hostText(address)}:${port}`
  return `  -> ${(isIpv6Text(address) ? name : name.slice(0, 28)).padEnd(28)}`
}

/** What keeps new connections from it: the checks, as many connections as it may have, or that others take them. */
function rsFlags(rs: RealServerInfo): string {
  const { inhibited, upper_threshold: upper, active_conns, inactive_conns, backup } = rs
  const overload = upper > 0 && active_conns + inactive_conns >= upper
  return `${inhibited ? ' inhibited' : ''}${overload ? ',overload' : ''}${backup ? ' backup' : ''}`
}

/** `when-down` and the rates are words of ours; what DPVS does has none. */
function flags(service: ServiceInfo): string {
  const { scheduler, hash_target: target, scheduler_module: module } = service
  const flags = schedFlags(service)
  // DPVS shows the target of every conhash.
  const hash = HASH_KEYS.hash_target.includes(scheduler) ? ` ${target}` : ''
  const own = module === undefined ? '' : ` module ${module}`
  return `${flags === undefined ? '' : ` (${flags})`}${hash}${own}${otherFlags(service)}`
}

function otherFlags(service: ServiceInfo): string {
  const { address, persistence, persistence_prefix: prefix, conn_timeout: connTimeout } = service
  const { when_down: whenDown, one_packet: onePacket, proxy_protocol: proxyProtocol } = service
  const words: (string | number)[] = []
  if (persistence > 0) words.push('persistent', persistence)
  if (persistence > 0 && isIpv6Text(address) && prefix < IPV6_BITS) words.push('mask', prefix)
  if (persistence > 0 && !isIpv6Text(address) && prefix < IPV4_BITS)
    words.push('mask', maskText(prefix))
  if (onePacket) words.push('ops')
  // DPVS has no auto, and one word.
  if (service.syn_proxy) words.push('synproxy')
  if (service.syn_proxy === 'auto') words.push('auto', 'above', service.syn_proxy_above ?? 0)
  if (connTimeout > 0) words.push('conn-timeout', connTimeout)
  if (proxyProtocol !== 'off') words.push(`pp${proxyProtocol}`)
  if (service.quic) words.push('quic')
  if (whenDown !== 'drop') words.push('when-down', whenDown)
  for (const [name, field] of Object.entries(RATE_OPTIONS)) {
    const value = service[field]
    if (value !== undefined) words.push(name, value)
  }
  return words.map(word => ` ${word}`).join('')
}

function traffic(numbers: TrafficInfo, exact: boolean): string {
  const { conns, in_packets, out_packets, in_bytes, out_bytes } = numbers
  const cells = [conns, in_packets, out_packets, in_bytes, out_bytes]
  // In full, a number may be wider than its column; a blank keeps it apart from the one before.
  return cells.map(exact ? value => ` ${String(value).padStart(8)}` : largeNumber).join('')
}

function sum(all: readonly TrafficInfo[]): TrafficInfo {
  const total = { conns: 0, in_packets: 0, out_packets: 0, in_bytes: 0, out_bytes: 0 }
  for (const each of all) {
    total.conns += each.conns
    total.in_packets += each.in_packets
    total.out_packets += each.out_packets
    total.in_bytes += each.in_bytes
    total.out_bytes += each.out_bytes
  }
  return total
}

interface Endpoint {
  address: string
  port: number
}

/** What a match service goes by is no address. */
function matchesLast(a: Endpoint, b: Endpoint): number {
  return Number(isMatch(a)) - Number(isMatch(b))
}

function byEndpoint(a: Endpoint, b: Endpoint): number {
  return byAddress(a.address, b.address) || a.port - b.port
}

function byAddress(a: string, b: string): number {
  if (isMatch({ address: a })) return a.localeCompare(b)
  return compareIp(a, b)
}

function pad(value: string | number, width: number): string {
  return String(value).padEnd(width)
}
