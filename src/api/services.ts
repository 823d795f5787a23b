/** Services, their real servers and their LIPs. */

import * as z from 'zod'
import * as answers from './answers.ts'
import { arm, change, dryRun, how } from './change.ts'
import { scheduler } from './edit-schema.ts'
import {
  type EditOf,
  oneOf,
  type ServerFields,
  type ServerKey,
  type ServiceFields,
  type ServiceKey,
  serviceName,
  WHEN_DOWN,
} from './edits.ts'
import { HttpError } from './errors.ts'
import { address, object, port, readOnly, whole, wholeText } from './fields.ts'
import { type Operation, operation } from './operation.ts'
import { Refused } from './refused.ts'

const SERVICE = '/v1/services/:protocol/:address/:port'
const SERVER = `${SERVICE}/servers/:server_address/:server_port`

const protocol = z.literal('tcp', 'tcp')

const serviceParams = object({ protocol, address, port: wholeText(1, 65_535) })
const serverParams = object({
  ...serviceParams.shape,
  server_address: address,
  server_port: wholeText(1, 65_535),
})

const serviceFields = {
  scheduler: scheduler.exactOptional().describe('Default wrr.'),
  conn_timeout: whole(0, 1_000_000)
    .exactOptional()
    .describe('Seconds, of its ESTABLISHED connections; default 0: the timeouts of all.'),
  when_down: z
    .enum(WHEN_DOWN, oneOf(WHEN_DOWN))
    .exactOptional()
    .describe('What happens to a SYN while no real server can take it; default drop.'),
  persistence: whole(0, 1_000_000)
    .exactOptional()
    .describe('Seconds for which a client keeps its real server; default 0: not.'),
  persistence_prefix: whole(1, 32)
    .exactOptional()
    .describe('Bits by which clients are told apart; default 32.'),
} satisfies Record<keyof ServiceFields, z.ZodType>

const threshold = whole(0, 1_000_000_000).exactOptional().describe('Connections; 0 for no limit.')
const serverFields = {
  weight: whole(0, 65_535).exactOptional().describe('Default 1; 0 takes no new connections.'),
  upper_threshold: threshold,
  lower_threshold: threshold,
  backup: z
    .boolean('true or false')
    .exactOptional()
    .describe('Takes connections only while no other real server has a weight; default false.'),
} satisfies Record<keyof ServerFields, z.ZodType>

export const newLip = object({ ...readOnly(answers.localAddress.shape), address, arm }).meta({
  id: 'NewLip',
})
export const newServer = object({
  ...readOnly(answers.realServer.shape),
  address,
  port: port.exactOptional().describe("Default: the service's."),
  ...serverFields,
}).meta({ id: 'NewServer' })

/** What belongs to a service. */
const parts = {
  local_addresses: z.array(newLip, 'a list').exactOptional(),
  real_servers: z.array(newServer, 'a list').exactOptional(),
}

/** A service with what belongs to it, in one step. */
export const newService = object({
  protocol: protocol.default('tcp'),
  address,
  port,
  ...serviceFields,
  ...parts,
}).meta({ id: 'NewService' })

/** What is named in the path may be named in the body too, as the same. */
const nameInBody = {
  protocol: protocol.exactOptional(),
  address: address.exactOptional(),
  port: port.exactOptional(),
}
export const serviceChange = object({ ...nameInBody, ...serviceFields, ...parts }).meta({
  id: 'ServiceChange',
  description:
    'LIPs and real servers stay as they are without a list of them; with one, they are those.',
})
export const serverChange = object({
  ...readOnly(answers.realServer.shape),
  address: address.exactOptional(),
  port: port.exactOptional(),
  ...serverFields,
}).meta({ id: 'ServerChange' })

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
const lipOf = ({ address, arm }: z.output<typeof newLip>) => ({ address, arm })

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
  const { local_addresses: lips, real_servers: servers } = body
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
      const found = services.find(
        ({ address, port }) => address === params.address && port === params.port,
      )
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
      const { local_addresses: lips = [], real_servers: servers = [] } = body
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
    refuses: [404, 422],
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
    params: object({ ...serviceParams.shape, lip: address }),
    query: object({ ...dryRun, arm }),
    edits: ({ params, query }) => [
      { edit: 'delete-lip', service: keyOf(params), address: params.lip, arm: query.arm },
    ],
  }),
]
