/** /v2/vs/{VipPort}/rs: real servers, and what health checkers find of them. */

import type { RealServerInfo, ServiceInfo } from '../../../api/commands.ts'
import type { Edit } from '../../../api/edits.ts'
import { ALL_FORWARDINGS, type AnyForwarding } from '../../../api/words.ts'
import {
  AgentError,
  type AgentRoute,
  BAD_BACKEND,
  BAD_FRONTEND,
  created,
  done,
  edit,
  route,
  STALE,
  serviceOf,
  errorText as text,
} from './route.ts'
import * as shapes from './shapes.ts'
import type { Told } from './told.ts'
import { isServer, PUT_ANSWERS, serversOf, serviceKey, VS, vsOf } from './view.ts'

/** What becomes of one real server that a request names: an edit, or nothing if it is so already. */
function put(
  service: ServiceInfo,
  item: shapes.RsIn,
  told: Told,
): { edits: Edit[]; isNew: boolean; settle(): void } {
  const key = serviceKey(service)
  const server = { address: item.ip, port: item.port || service.port }
  const known = service.real_servers.find(rs => isServer(rs, server))
  const weight = item.weight ?? (known ? told.weight(service, known) : 1)
  const inhibited = item.inhibited ?? false
  const forwarding = wayOf(item.mode)
  const keepsWay = forwarding === undefined || forwarding === known?.forwarding
  // What the checkers found stays, unless the operator changes his mind.
  if (known && keepsWay && !inhibited && told.weight(service, known) === weight)
    return { edits: [], isNew: false, settle() {} }
  const runs = inhibited ? 0 : weight
  const action = known ? 'edit-server' : 'add-server'
  return {
    edits: [
      { edit: action, service: key, server, weight: runs, ...(forwarding && { forwarding }) },
    ],
    isNew: !known,
    settle: () =>
      inhibited ? told.add(service, { ...server, weight }) : told.forget(service, server),
  }
}

/** How real servers in this mode are reached; undefined if nothing is said of it. */
function wayOf(mode: shapes.RsIn['mode']): AnyForwarding | undefined {
  return ALL_FORWARDINGS.find(way => shapes.MODES[way] === mode)
}

export const SERVER_ROUTES: AgentRoute[] = [
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
        const gone = method === 'POST' ? service.real_servers.filter(rs => !named(rs)) : []
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
    answers: { 200: text, 404: text, 461: text },
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
    answers: { 200: text, 270: shapes.vsOut, 460: text, 461: text },
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
        const rs = service.real_servers.find(known => isServer(known, server))
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
