/** Services and real servers in dpvs-agent's shape. */

import type { RealServerInfo, ServiceInfo, TrafficInfo } from '../../../api/commands.ts'
import type { ServiceKey } from '../../../api/edits.ts'
import { PROTOCOLS } from '../../../api/protocols.ts'
import { AF_INET } from '../../network/rtnetlink.ts'
import { errorText as text } from './shapes.ts'
import type { Told } from './told.ts'

const NO_TRAFFIC = { conns: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 }

function statsOf(stats: TrafficInfo, rates: TrafficInfo) {
  return {
    Conns: stats.conns,
    InPkts: stats.inPackets,
    InBytes: stats.inBytes,
    OutPkts: stats.outPackets,
    OutBytes: stats.outBytes,
    Cps: Math.round(rates.conns),
    InPps: Math.round(rates.inPackets),
    InBps: Math.round(rates.inBytes),
    OutPps: Math.round(rates.outPackets),
    OutBps: Math.round(rates.outBytes),
  }
}

function sum(of: readonly TrafficInfo[]): TrafficInfo {
  const total = { ...NO_TRAFFIC }
  for (const traffic of of) {
    for (const key of Object.keys(total) as (keyof TrafficInfo)[]) total[key] += traffic[key]
  }
  return total
}

/** A checker is shown the weights that the operator gave: those are what it is to restore. */
export function serversOf(service: ServiceInfo, told: Told, forChecker: boolean) {
  return {
    Items: service.realServers.map(rs => ({
      Spec: {
        ip: rs.address,
        port: rs.port,
        weight: forChecker ? told.weight(service, rs) : rs.weight,
        mode: 'FNAT',
        inhibited: rs.inhibited || told.inhibited(service, rs),
        overloaded: rs.upperThreshold > 0 && rs.activeConns + rs.inactiveConns >= rs.upperThreshold,
      },
      Stats: statsOf(rs.stats, rs.rates),
    })),
  }
}

export function vsOf(service: ServiceInfo, told: Told, forChecker: boolean) {
  const { protocol, address, port, scheduler, connTimeout, persistence, realServers } = service
  return {
    Af: AF_INET,
    Proto: PROTOCOLS[protocol].number,
    Addr: address,
    Port: port,
    SchedName: scheduler,
    Flags: '',
    Fwmark: 0,
    SynProxy: 'false',
    ExpireQuiescent: 'false',
    Quic: 'false',
    ProxyProto: 0,
    Timeout: persistence.timeout,
    ConnTimeout: connTimeout,
    Netmask: (~0 << (32 - persistence.prefix)) >>> 0,
    Bps: 0,
    LimitProportion: 0,
    Version: told.version(service),
    DestCheck: [],
    Stats: statsOf(sum(realServers.map(rs => rs.stats)), sum(realServers.map(rs => rs.rates))),
    RSs: serversOf(service, told, forChecker),
  }
}

export const VS = '/vs/:VipPort'
export const PUT_ANSWERS = { 200: text, 201: text, 460: text, 461: text }

export function serviceKey({ protocol, address, port }: ServiceInfo): ServiceKey {
  return { protocol, address, port }
}

export function isServer(rs: RealServerInfo, { address, port }: { address: string; port: number }) {
  return rs.address === address && rs.port === port
}
