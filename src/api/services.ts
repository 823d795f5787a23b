/** Services, their real servers and their LIPs. */

import type * as z from 'zod'
import * as answers from './answers.ts'
import { arm, change, dryRun, how } from './change.ts'
import {
  type EditOf,
  isMatch,
  isService,
  type ServerFields,
  type ServerKey,
  type ServiceFields,
  type ServiceKey,
  serviceName,
} from './edits.ts'
import { HttpError } from './errors.ts'
import { address, anyProtocol, object, serviceAddress, wholeText } from './fields.ts'
import { type Operation, operation } from './operation.ts'
import { Refused } from './refused.ts'
import {
  newLip,
  newServer,
  newService,
  serverChange,
  serverFields,
  serviceChange,
  serviceFields,
  withItsPort,
} from './service-bodies.ts'

const SERVICE = '/v1/services/:protocol/:address/:port'
const SERVER = `${SERVICE}/servers/:server_address/:server_port`

const serviceShape = { protocol: anyProtocol, address: serviceAddress, port: wholeText(0, 65_535) }
const serviceParams = withItsPort(object(serviceShape))
const serverParams = withItsPort(
  object({ ...serviceShape, server_address: address, server_port: wholeText(0, 65_535) }),
)

const keyOf = ({ protocol, address, port }: ServiceKey): ServiceKey => ({ protocol, address, port })
const serverOf = (params: { server_address: string; server_port: number }): ServerKey => ({
  address: params.server_address,
  port: params.server_port,
})

const fieldsOf =
  <F extends object>(fields: Record<keyof F, unknown>) =>
  (body: Partial<F>): F =>
    Object.fromEntries(
      Object.keys(fields).flatMap(key => {
        const value = body[key as keyof F]
        return value === undefined ? [] : [[key, value]]
      }),
    ) as F
const serviceFieldsOf = fieldsOf<ServiceFields>(serviceFields)
const serverFieldsOf = fieldsOf<ServerFields>(serverFields)

type NewServer = z.output<typeof newServer>
const serverKeyOf = ({ address, port }: NewServer): ServerKey =>
  port === undefined ? { address } : { address, port }
type Lip = z.output<typeof newLip>
const lipOf = ({ address, arm }: Lip) => ({ address, arm })

/** Those of a match service follow from its real servers: what GET gives is passed over. */
function lipsIn(service: ServiceKey, { local_addresses: lips }: { local_addresses?: Lip[] }) {
  return isMatch(service) ? undefined : lips
}

/** Throws HttpError if the body is about another object than the path. */
function mustBe(key: object, body: object): void {
  for (const [name, value] of Object.entries(key)) {
    const other = (body as Record<string, unknown>)[name]
    if (other !== undefined && other !== value)
      throw new HttpError(400, `body.${name}: expected ${value} as in the path, found ${other}`)
  }
}

function addServer(service: ServiceKey, server: NewServer): EditOf<'add-server'> {
  return { edit: 'add-server', service, server: serverKeyOf(server), ...serverFieldsOf(server) }
}

function editService(
  service: ServiceKey,
  body: z.output<typeof serviceChange>,
): EditOf<'edit-service'> {
  mustBe(service, body)
  const { real_servers: servers } = body
  const lips = lipsIn(service, body)
  return {
    edit: 'edit-service',
    service,
    ...serviceFieldsOf(body),
    ...(lips && { local_addresses: lips.map(lipOf) }),
    ...(servers && {
      real_servers: servers.map(server => ({ ...serverKeyOf(server), ...serverFieldsOf(server) })),
    }),
  }
}

export const SERVICE_OPERATIONS: Operation[] = [
  operation({
    id: 'service',
    method: 'GET',
    path: SERVICE,
    tag: 'services',
    summary: 'One service',
    refuses: [404],
    params: serviceParams,
    query: object({}),
    answer: answers.service,
    request: () => ({ verb: 'services' }),
    pick: (services, { params }) => {
      const found = services.find(service => isService(service, params))
      if (!found) throw Refused.missing('service', serviceName(params))
      return found
    },
  }),
  change({
    id: 'addService',
    method: 'POST',
    path: '/v1/services',
    tag: 'services',
    summary: 'Add a service, with its LIPs and real servers if they are given',
    refuses: [404, 409, 422],
    query: how,
    body: newService,
    status: 201,
    edits: ({ body }) => {
      const service = keyOf(body)
      const { real_servers: servers = [] } = body
      const lips = lipsIn(service, body) ?? []
      return [
        { edit: 'add-service', service, ...serviceFieldsOf(body) },
        ...lips.map(lip => ({ edit: 'add-lip' as const, service, ...lipOf(lip) })),
        ...servers.map(server => addServer(service, server)),
      ]
    },
  }),
  change({
    id: 'editService',
    method: 'PUT',
    path: SERVICE,
    tag: 'services',
    summary: 'Set what a service has; what is left out takes its default',
    refuses: [404, 409, 422],
    params: serviceParams,
    query: how,
    body: serviceChange,
    edits: ({ params, body }) => [editService(keyOf(params), body)],
  }),
  change({
    id: 'deleteService',
    method: 'DELETE',
    path: SERVICE,
    tag: 'services',
    summary: 'Delete a service; its connections live on until they end',
    refuses: [404],
    params: serviceParams,
    query: how,
    edits: ({ params }) => [{ edit: 'delete-service', service: keyOf(params) }],
  }),
  change({
    id: 'clearServices',
    method: 'DELETE',
    path: '/v1/services',
    tag: 'services',
    summary: 'Delete all services',
    query: how,
    edits: () => [{ edit: 'clear' }],
  }),
  change({
    id: 'addServer',
    method: 'POST',
    path: `${SERVICE}/servers`,
    tag: 'services',
    summary: 'Add a real server',
    refuses: [404, 409, 422],
    params: serviceParams,
    query: how,
    body: newServer,
    status: 201,
    edits: ({ params, body }) => [addServer(keyOf(params), body)],
  }),
  change({
    id: 'editServer',
    method: 'PATCH',
    path: SERVER,
    tag: 'services',
    summary: 'Change a real server; what is left out keeps its value',
    refuses: [404, 422],
    params: serverParams,
    query: how,
    body: serverChange,
    edits: ({ params, body }) => {
      const server = serverOf(params)
      mustBe(server, body)
      const service = keyOf(params)
      return [{ edit: 'edit-server', service, server, ...serverFieldsOf(body) }]
    },
  }),
  change({
    id: 'deleteServer',
    method: 'DELETE',
    path: SERVER,
    tag: 'services',
    summary: 'Delete a real server; its connections live on until they end',
    refuses: [404],
    params: serverParams,
    query: how,
    edits: ({ params }) => [
      { edit: 'delete-server', service: keyOf(params), server: serverOf(params) },
    ],
  }),
  change({
    id: 'addLip',
    method: 'POST',
    path: `${SERVICE}/lips`,
    tag: 'services',
    summary: 'Give a service a LIP, which becomes an address of the arm if it is none',
    refuses: [404, 409, 422],
    params: serviceParams,
    query: how,
    body: newLip,
    status: 201,
    edits: ({ params, body }) => [{ edit: 'add-lip', service: keyOf(params), ...lipOf(body) }],
  }),
  change({
    id: 'deleteLip',
    method: 'DELETE',
    path: `${SERVICE}/lips/:lip`,
    tag: 'services',
    summary: 'Take a LIP from a service, and from the arm if no other service uses it',
    refuses: [404],
    params: withItsPort(object({ ...serviceShape, lip: address })),
    query: object({ ...dryRun, arm }),
    edits: ({ params, query }) => [
      { edit: 'delete-lip', service: keyOf(params), address: params.lip, arm: query.arm },
    ],
  }),
]
