/** /v2/vs: services, their LIPs and their real servers, as dpvs-agent has them. */

import type { RealServerInfo, ServiceInfo, TrafficInfo } from '../../commands.ts'
import type { Edit, ServiceKey } from '../../edits.ts'
import {
  AgentError,
  type AgentRoute,
  ask,
  BAD_BACKEND,
  BAD_FRONTEND,
  created,
  done,
  edit,
  find,
  keyOf,
  route,
  STALE,
  serviceOf,
} from './route.ts'
import * as shapes from './shapes.ts'
import type { Told } from './told.ts'

const AF_INET = 2
const IPPROTO_TCP = 6

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
function serversOf(service: ServiceInfo, told: Told, forChecker: boolean) {
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

function vsOf(service: ServiceInfo, told: Told, forChecker: boolean) {
  const { address, port, scheduler, connTimeout, realServers } = service
  return {
    Af: AF_INET,
    Proto: IPPROTO_TCP,
    Addr: address,
    Port: port,
    SchedName: scheduler,
    Flags: '',
    Fwmark: 0,
    SynProxy: 'false',
    ExpireQuiescent: 'false',
    Quic: 'false',
    ProxyProto: 0,
    Timeout: 0,
    ConnTimeout: connTimeout,
    Netmask: 0xffff_ffff,
    Bps: 0,
    LimitProportion: 0,
    Version: told.version(service),
    DestCheck: [],
    Stats: statsOf(sum(realServers.map(rs => rs.stats)), sum(realServers.map(rs => rs.rates))),
    RSs: serversOf(service, told, forChecker),
  }
}

const VS = '/vs/:VipPort'
const text = shapes.errorText
const PUT_ANSWERS = { 200: text, 201: text, 460: text, 461: text, 500: text }

/** What becomes of one real server that a request names: an edit, or nothing if it is so already. */
function put(
  service: ServiceInfo,
  item: shapes.RsIn,
  told: Told,
): { edits: Edit[]; isNew: boolean; settle(): void } {
  const key = serviceKey(service)
  const server = { address: item.ip, port: item.port || service.port }
  const known = service.realServers.find(rs => isServer(rs, server))
  const weight = item.weight ?? (known ? told.weight(service, known) : 1)
  const inhibited = item.inhibited ?? false
  // What the checkers found stays, unless the operator changes his mind.
  if (known && !inhibited && told.weight(service, known) === weight)
    return { edits: [], isNew: false, settle() {} }
  const runs = inhibited ? 0 : weight
  const action = known ? 'edit-server' : 'add-server'
  return {
    edits: [{ edit: action, service: key, server, weight: runs }],
    isNew: !known,
    settle: () =>
      inhibited ? told.add(service, { ...server, weight }) : told.forget(service, server),
  }
}

function serviceKey({ protocol, address, port }: ServiceInfo): ServiceKey {
  return { protocol, address, port }
}

function isServer(rs: RealServerInfo, { address, port }: { address: string; port: number }) {
  return rs.address === address && rs.port === port
}

export const SERVICE_ROUTES: AgentRoute[] = [
  route({
    id: 'agentServices',
    method: 'GET',
    path: '/vs',
    summary: 'All services',
    flags: ['stats', 'snapshot', 'healthcheck'],
    answers: { 200: shapes.vsListOut, 204: null },
    async handle({ control, query }) {
      const services = await ask(control, { verb: 'services' })
      if (services.length === 0) return { status: 204 }
      const forChecker = query.healthcheck === 'true'
      const Items = services.map(service => vsOf(service, control.told, forChecker))
      return { status: 200, body: { Items } }
    },
  }),
  route({
    id: 'agentService',
    method: 'GET',
    path: VS,
    summary: 'One service',
    flags: ['stats', 'snapshot', 'healthcheck'],
    answers: { 200: shapes.vsListOut, 404: text },
    async handle(call) {
      const service = await serviceOf(call)
      const vs = vsOf(service, call.control.told, call.query.healthcheck === 'true')
      return { status: 200, body: { Items: [vs] } }
    },
  }),
  route({
    id: 'agentPutService',
    method: 'PUT',
    path: VS,
    summary: 'Add a service, or set what it has',
    body: shapes.vsIn,
    answers: PUT_ANSWERS,
    wrong: BAD_FRONTEND,
    async handle({ control, params, body: { SchedName, ConnTimeout } }) {
      const service = keyOf(params.VipPort, BAD_FRONTEND)
      const known = await find(control, service)
      const fields = {
        scheduler: SchedName || 'wrr',
        ...(ConnTimeout && { conn_timeout: ConnTimeout }),
        // The agent has no word for it.
        ...(known && { when_down: known.whenDown }),
      } as const
      const action = known ? 'edit-service' : 'add-service'
      await edit(control, [{ edit: action, service, ...fields }], BAD_FRONTEND)
      return known ? done : created
    },
  }),
  route({
    id: 'agentDeleteService',
    method: 'DELETE',
    path: VS,
    summary: 'Delete a service',
    answers: { 200: text, 404: text, 500: text },
    async handle(call) {
      const service = await serviceOf(call)
      await edit(call.control, [{ edit: 'delete-service', service: serviceKey(service) }], 500)
      for (const rs of service.realServers) call.control.told.forget(service, rs)
      return done
    },
  }),
  route({
    id: 'agentLips',
    method: 'GET',
    path: `${VS}/laddr`,
    summary: 'The LIPs of a service',
    flags: ['stats', 'snapshot'],
    answers: { 200: shapes.laddrListOut, 404: text },
    async handle(call) {
      const { localAddresses } = await serviceOf(call)
      const Items = localAddresses.map(({ address, arm, conns, conflicts }) => ({
        af: AF_INET,
        addr: address,
        device: arm,
        conns,
        portConflict: conflicts,
      }))
      return { status: 200, body: { Items } }
    },
  }),
  route({
    id: 'agentPutLip',
    method: 'PUT',
    path: `${VS}/laddr`,
    summary: 'Give a service a LIP',
    body: shapes.laddrIn,
    answers: PUT_ANSWERS,
    wrong: BAD_BACKEND,
    async handle(call) {
      const service = await serviceOf(call, BAD_FRONTEND)
      const { addr: address, device: arm } = call.body
      if (service.localAddresses.some(lip => lip.address === address && lip.arm === arm))
        return done
      const add: Edit = { edit: 'add-lip', service: serviceKey(service), address, arm }
      await edit(call.control, [add], BAD_BACKEND)
      return created
    },
  }),
  route({
    id: 'agentDeleteLip',
    method: 'DELETE',
    path: `${VS}/laddr`,
    summary: 'Take a LIP from a service',
    body: shapes.laddrIn,
    answers: { 200: text, 460: text, 461: text, 500: text },
    wrong: BAD_BACKEND,
    async handle(call) {
      const service = serviceKey(await serviceOf(call, BAD_FRONTEND))
      const { addr: address, device: arm } = call.body
      await edit(call.control, [{ edit: 'delete-lip', service, address, arm }], BAD_BACKEND)
      return done
    },
  }),
  route({
    id: 'agentServers',
    method: 'GET',
    path: `${VS}/rs`,
    summary: 'The real servers of a service',
    flags: ['stats', 'snapshot'],
    answers: { 200: shapes.rsListOut, 404: text },
    async handle(call) {
      const service = await serviceOf(call)
      return { status: 200, body: serversOf(service, call.control.told, false) }
    },
  }),
  ...(['PUT', 'POST'] as const).map(method =>
    route({
      id: method === 'PUT' ? 'agentPutServers' : 'agentPostServers',
      method,
      path: `${VS}/rs`,
      summary:
        method === 'PUT'
          ? 'Add or change real servers'
          : 'Make these the real servers, and no others',
      body: shapes.rsListIn,
      answers: PUT_ANSWERS,
      wrong: BAD_BACKEND,
      async handle(call) {
        const { told } = call.control
        const service = await serviceOf(call, BAD_FRONTEND)
        const items = call.body.Items ?? []
        const puts = items.map(item => put(service, item, told))
        const named = (rs: RealServerInfo) =>
          items.some(({ ip, port }) => isServer(rs, { address: ip, port: port || service.port }))
        const gone = method === 'POST' ? service.realServers.filter(rs => !named(rs)) : []
        const edits = [
          ...puts.flatMap(each => each.edits),
          ...gone.map(rs => deletion(service, rs)),
        ]
        await edit(call.control, edits, BAD_BACKEND)
        for (const each of puts) each.settle()
        for (const rs of gone) told.forget(service, rs)
        return puts.some(({ isNew }) => isNew) ? created : done
      },
    }),
  ),
  route({
    id: 'agentDeleteServers',
    method: 'DELETE',
    path: `${VS}/rs`,
    summary: 'Delete real servers',
    body: shapes.rsListIn,
    answers: { 200: text, 404: text, 460: text, 461: text, 500: text },
    wrong: BAD_BACKEND,
    async handle(call) {
      const service = await serviceOf(call)
      const servers = (call.body.Items ?? []).map(({ ip, port }) => ({
        address: ip,
        port: port || service.port,
      }))
      const edits = servers.map(server => deletion(service, server))
      await edit(call.control, edits, BAD_BACKEND)
      for (const server of servers) call.control.told.forget(service, server)
      return done
    },
  }),
  route({
    id: 'agentHealth',
    method: 'PUT',
    path: `${VS}/rs/health`,
    summary:
      'What a health checker found of the real servers of that version; unknown ones are passed over',
    flags: ['version'],
    body: shapes.rsListIn,
    answers: { 200: text, 270: shapes.vsOut, 460: text, 461: text, 500: text },
    wrong: BAD_BACKEND,
    async handle(call) {
      const { told } = call.control
      const service = await serviceOf(call, BAD_FRONTEND)
      if (call.query.version === undefined)
        throw new AgentError(BAD_FRONTEND, 'a version is needed: the Version of GET /v2/vs')
      if (call.query.version !== told.version(service))
        return { status: STALE, body: vsOf(service, told, true) }
      const found = (call.body.Items ?? []).flatMap(item => {
        const server = { address: item.ip, port: item.port || service.port }
        const rs = service.realServers.find(known => isServer(known, server))
        return rs ? [{ item, server, rs }] : []
      })
      const edits = found.map(({ item, server, rs }): Edit => {
        const runs = item.inhibited ? 0 : (item.weight ?? told.weight(service, rs))
        return { edit: 'edit-server', service: serviceKey(service), server, weight: runs }
      })
      await edit(call.control, edits, BAD_BACKEND)
      for (const { item, rs } of found) {
        const weight = item.weight ?? told.weight(service, rs)
        told.tell(service, rs, weight, item.inhibited ?? false)
      }
      return done
    },
  }),
]

function deletion(
  service: ServiceInfo,
  { address, port }: { address: string; port: number },
): Edit {
  return { edit: 'delete-server', service: serviceKey(service), server: { address, port } }
}
