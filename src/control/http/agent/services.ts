/** /v2/vs: services and their LIPs, as dpvs-agent has them. */

import type { ServiceInfo } from '../../../api/commands.ts'
import type { Edit, ServiceFields } from '../../../api/edits.ts'
import { DEFAULT_SCHEDULER } from '../../../api/words.ts'
import { keyWith } from './match.ts'
import {
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
  serviceOf,
  errorText as text,
} from './route.ts'
import * as shapes from './shapes.ts'
import { afOf, PUT_ANSWERS, serviceKey, VS, vsOf } from './view.ts'

/** The agent has one word for on and auto: who says that it is on leaves auto as it is. */
function synProxyOf(
  asked: boolean | null | undefined,
  known: ServiceInfo | undefined,
): ServiceFields {
  if (!asked) return {}
  const { syn_proxy = 'on', syn_proxy_above } = known ?? {}
  return { syn_proxy, ...(syn_proxy_above && { syn_proxy_above }) }
}

/** Whom it takes and how many at once, as it is. */
function guardsOf(known: ServiceInfo): ServiceFields {
  const { connection_rate, connection_burst, client_rate, client_burst, acl_established } = known
  return {
    ...(connection_rate && { connection_rate }),
    ...(connection_burst && { connection_burst }),
    ...(client_rate && { client_rate }),
    ...(client_burst && { client_burst }),
    ...(acl_established && { acl_established }),
  }
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
    answers: { 200: text, 201: text, 460: text },
    wrong: BAD_FRONTEND,
    async handle({ control, params, body }) {
      const { SchedName, ConnTimeout, Timeout, ProxyProtocol, SynProxy, Quic } = body
      const service = keyWith(keyOf(params.VipPort, BAD_FRONTEND), body.Match)
      const known = await find(control, service)
      const fields = {
        scheduler: SchedName || DEFAULT_SCHEDULER,
        ...(ConnTimeout && { conn_timeout: ConnTimeout }),
        ...(Timeout && { persistence: Timeout }),
        ...(ProxyProtocol && ProxyProtocol !== 'disable' && { proxy_protocol: ProxyProtocol }),
        ...synProxyOf(SynProxy, known),
        ...(Quic && { quic: true }),
        // The agent has no words for these.
        ...(known && {
          when_down: known.when_down,
          persistence_prefix: known.persistence_prefix,
          one_packet: known.one_packet,
          ...guardsOf(known),
          hash_fallback: known.hash_fallback,
          hash_port: known.hash_port,
          hash_target: known.hash_target,
        }),
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
    answers: { 200: text, 404: text },
    async handle(call) {
      const service = await serviceOf(call)
      await edit(call.control, [{ edit: 'delete-service', service: serviceKey(service) }], 500)
      for (const rs of service.real_servers) call.control.told.forget(service, rs)
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
      const { local_addresses } = await serviceOf(call)
      const Items = local_addresses.map(({ address, arm, conns, conflicts }) => ({
        af: afOf({ address }),
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
      if (service.local_addresses.some(lip => lip.address === address && lip.arm === arm))
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
    answers: { 200: text, 460: text, 461: text },
    wrong: BAD_BACKEND,
    async handle(call) {
      const service = serviceKey(await serviceOf(call, BAD_FRONTEND))
      const { addr: address, device: arm } = call.body
      await edit(call.control, [{ edit: 'delete-lip', service, address, arm }], BAD_BACKEND)
      return done
    },
  }),
]
