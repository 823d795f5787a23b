/**
 * The listings of ipvsadm (fullnat semantics 9.1-9.3), column by column and with the trailing blanks of the original:
 * scripts cut them by columns and by blanks. Names are never resolved, with or without -n.
 */

import type { ConnInfo, RealServerInfo, ServiceInfo, TrafficInfo } from '../control/commands.ts'

const BANNER = 'IP Virtual Server version 0.0.0 (size=0)\n'

/** In the order of the states' numbers; the log spells the first, second and seventh otherwise. */
const STATES = [
  'TCP_NONE',
  'TCP_EST',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT',
  'TIME_WAIT',
  'TCP_CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'SYNACK',
]
/** As the original has it. */
const STATE_UNKNOWN = 'TCP_UNKOWN'

/** `ipvsadm -ln` */
export function formatServices(services: readonly ServiceInfo[]): string {
  let text = `${BANNER}Prot LocalAddress:Port Scheduler Flags\n`
  text += '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n'
  for (const service of services) {
    text += `${serviceName(service)} ${service.scheduler}${flags(service)}\n`
    for (const rs of service.realServers) {
      const [weight, active] = [pad(rs.weight, 6), pad(rs.activeConns, 10)]
      text += `${rsName(rs)} FullNat ${weight} ${active} ${pad(rs.inactiveConns, 10)}\n`
    }
  }
  return text
}

/** `ipvsadm -ln --stats`; a service's numbers are the sum over its real servers. */
export function formatStats(services: readonly ServiceInfo[]): string {
  const columns = ['Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes']
  let text = `${BANNER}${'Prot LocalAddress:Port'.padEnd(33)}`
  text += `${columns.map(column => ` ${column.padStart(8)}`).join('')}\n  -> RemoteAddress:Port\n`
  for (const service of services) {
    text += `${serviceName(service).padEnd(33)}${traffic(sum(service.realServers))}\n`
    for (const rs of service.realServers) text += `${rsName(rs)}${traffic(rs.stats)}\n`
  }
  return text
}

/** One row of `ipvsadm -lnc`, which has no header. */
export function formatConn(conn: ConnInfo): string {
  const state = (STATES[conn.state] ?? STATE_UNKNOWN).padEnd(11)
  const head = `[${conn.worker}]${conn.protocol.padEnd(3)} ${pad(`${conn.timeoutSec}s`, 6)} ${state}`
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

/** `TCP`, two blanks, address:port; at most 33 characters, as the statistics need it. */
function serviceName({ protocol, address, port }: ServiceInfo): string {
  return `${protocol.toUpperCase().padEnd(4)} ${address}:${port}`.slice(0, 33)
}

function rsName({ address, port }: RealServerInfo): string {
  return `  -> ${`${address}:${port}`.slice(0, 28).padEnd(28)}`
}

function flags({ connTimeout }: ServiceInfo): string {
  return connTimeout > 0 ? ` conn-timeout ${connTimeout}` : ''
}

function traffic({ conns, inPackets, outPackets, inBytes, outBytes }: TrafficInfo): string {
  return [conns, inPackets, outPackets, inBytes, outBytes].map(largeNumber).join('')
}

function sum(realServers: readonly RealServerInfo[]): TrafficInfo {
  const total = { conns: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 }
  for (const { stats } of realServers) {
    total.conns += stats.conns
    total.inPackets += stats.inPackets
    total.outPackets += stats.outPackets
    total.inBytes += stats.inBytes
    total.outBytes += stats.outBytes
  }
  return total
}

function pad(value: string | number, width: number): string {
  return String(value).padEnd(width)
}
