/** Services and real servers in dpvs-agent's shape. */

import type { RealServerInfo, ServiceInfo, TrafficInfo } from '../../../api/commands.ts'
import { isMatch, type ServiceKey } from '../../../api/edits.ts'
import { familyOfMatch, parseMatch } from '../../../api/match.ts'
import { PROTOCOLS } from '../../../api/protocols.ts'
import { IPV4_BITS, isIpv6Text } from '../../../wire/ip-address.ts'
import { AF_INET, AF_INET6 } from '../../network/rtnetlink.ts'
import { matchOf } from './match.ts'
import { MODES, errorText as text } from './shapes.ts'
import type { Told } from './told.ts'

const NO_TRAFFIC = { conns: 0, in_packets: 0, out_packets: 0, in_bytes: 0, out_bytes: 0 }

function statsOf(stats: TrafficInfo, rates: TrafficInfo) {
  return {
    Conns: stats.conns,
    InPkts: stats.in_packets,
    InBytes: stats.in_bytes,
    OutPkts: stats.out_packets,
    OutBytes: stats.out_bytes,
    Cps: Math.round(rates.conns),
    InPps: Math.round(rates.in_packets),
    InBps: Math.round(rates.in_bytes),
    OutPps: Math.round(rates.out_packets),
    OutBps: Math.round(rates.out_bytes),
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
    Items: service.real_servers.map(rs => ({
      Spec: {
        ip: rs.address,
        port: rs.port,
        weight: forChecker ? told.weight(service, rs) : rs.weight,
        mode: MODES[rs.forwarding],
        inhibited: rs.inhibited || told.inhibited(service, rs),
        overloaded:
          rs.upper_threshold > 0 && rs.active_conns + rs.inactive_conns >= rs.upper_threshold,
      },
      Stats: statsOf(rs.stats, rs.rates),
    })),
  }
}

/** Linux's number of the family, of a match service that of what it takes. */
export function afOf({ address }: { address: string }): number {
  const keys = isMatch({ address }) ? parseMatch(address) : undefined
  if (typeof keys === 'object') return familyOfMatch(keys) === 'ipv6' ? AF_INET6 : AF_INET
  return isIpv6Text(address) ? AF_INET6 : AF_INET
}

/** The version, and in the bits above it whether a client's own header is believed. */
const PROXY_NUMBERS = { off: 0, v1: 1, v2: 2, 'v1-insecure': 0x11, 'v2-insecure': 0x12 } as const

export function vsOf(service: ServiceInfo, told: Told, forChecker: boolean) {
  const { protocol, address, port, scheduler } = service
  const { conn_timeout, persistence, real_servers } = service
  const Match = matchOf(service)
  return {
    Af: afOf(service),
    Proto: PROTOCOLS[protocol].number,
    Addr: address,
    Port: port,
    SchedName: scheduler,
    Flags: '',
    Fwmark: 0,
    SynProxy: service.syn_proxy === undefined ? 'false' : 'true',
    ExpireQuiescent: 'false',
    Quic: service.quic === undefined ? 'false' : 'true',
    ProxyProto: PROXY_NUMBERS[service.proxy_protocol],
    Timeout: persistence,
    ConnTimeout: conn_timeout,
    Netmask: netmaskOf(service),
    Bps: 0,
    LimitProportion: 0,
    ...(Match && { Match }),
    Version: told.version(service),
    DestCheck: [],
    Stats: statsOf(sum(real_servers.map(rs => rs.stats)), sum(real_servers.map(rs => rs.rates))),
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

/** Of IPv4 the mask as a number, of IPv6 its length. */
function netmaskOf({ address, persistence_prefix: length }: ServiceInfo): number {
  return isIpv6Text(address) ? length : (~0 << (IPV4_BITS - length)) >>> 0
}
