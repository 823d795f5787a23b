/** Services, their real servers and their LIPs. */

import * as z from 'zod'
import * as answers from './answers.ts'
import { arm, change, dryRun, how, object } from './change.ts'
import {
  isService,
  type ServerFields,
  type ServerKey,
  type ServiceFields,
  type ServiceKey,
  serviceName,
} from './edits.ts'
import { HttpError } from './errors.ts'
import { address, port, protocol, scheduler, whenDown, whole, wholeText } from './fields.ts'
import { SECONDS_MAX, THRESHOLD_MAX, WEIGHT_MAX } from './limits.ts'
import { type Operation, operation, verbOperation } from './operation.ts'
import { DEFAULT_PROTOCOL } from './protocols.ts'
import { DEFAULT_SCHEDULER } from './words.ts'

const SERVICE = '/v1/services/:protocol/:address/:port'
const SERVER = `${SERVICE}/servers/:server_address/:server_port`

const serviceParams = object({ protocol, address, port: wholeText(1, 65_535) })
const serverParams = object({
  ...serviceParams.shape,
  server_address: address,
  server_port: wholeText(1, 65_535),
})

const serviceFields = {
  scheduler: scheduler.exactOptional().describe(`Default ${DEFAULT_SCHEDULER}.`),
  conn_timeout: whole(1, SECONDS_MAX)
    .exactOptional()
    .describe('Seconds, of its ESTABLISHED connections; default: the timeouts of all.'),
  when_down: whenDown
    .exactOptional()
    .describe('What happens to a SYN while no real server can take it; default drop.'),
  persistence: whole(0, SECONDS_MAX)
    .exactOptional()
    .describe('Seconds for which a client keeps its real server; default 0: not.'),
  persistence_prefix: whole(1, 32)
    .exactOptional()
    .describe('Bits by which clients are told apart; default 32.'),
} satisfies Record<keyof ServiceFields, z.ZodType>

const threshold = whole(0, THRESHOLD_MAX).exactOptional().describe('Connections; 0 for no limit.')
const serverFields = {
  weight: whole(0, WEIGHT_MAX).exactOptional().describe('Default 1; 0 takes no new connections.'),
  upper_threshold: threshold,
  lower_threshold: threshold,
  backup: z
    .boolean('true or false')
    .exactOptional()
    .describe('Takes connections only while no other real server has a weight; default false.'),
} satisfies Record<keyof ServerFields, z.ZodType>

export const newLip = object({ address, arm }).meta({ id: 'NewLip' })
export const newServer = object({
  address,
  port: port.exactOptional().describe("Default: the service's."),
  ...serverFields,
}).meta({ id: 'NewServer' })

/** A service with what belongs to it, in one step. */
export const newService = object({
  protocol: protocol.default(DEFAULT_PROTOCOL),
  address,
  port,
  ...serviceFields,
  lips: z.array(newLip, 'a list').exactOptional(),
  servers: z.array(newServer, 'a list').exactOptional(),
}).meta({ id: 'NewService' })

export const serviceChange = object(serviceFields).meta({ id: 'ServiceChange' })
export const serverChange = object(serverFields).meta({ id: 'ServerChange' })

const keyOf = ({ protocol, address, port }: ServiceKey): ServiceKey => ({ protocol, address, port })
const serverOf = (params: { server_address: string; server_port: number }): ServerKey => ({
  address: params.server_address,
  port: params.server_port,
})

export const SERVICE_OPERATIONS: Operation[] = [
  verbOperation('services', {
    id: 'services',
    tag: 'services',
    summary: 'All services with their LIPs and real servers',
    query: object({}),
    answer: z.array(answers.service),
  }),
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
      if (!found) throw new HttpError(404, `no service ${serviceName(params)}`)
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
    edits: ({ body: { lips = [], servers = [], ...rest } }) => {
      const service = keyOf(rest)
      const { protocol: _, address: __, port: ___, ...fields } = rest
      return [
        { edit: 'add-service', service, ...fields },
        ...lips.map(lip => ({ edit: 'add-lip' as const, service, ...lip })),
        ...servers.map(({ address, port, ...more }) => ({
          edit: 'add-server' as const,
          service,
          server: port === undefined ? { address } : { address, port },
          ...more,
        })),
      ]
    },
  }),
  change({
    id: 'editService',
    method: 'PUT',
    path: SERVICE,
    tag: 'services',
    summary: 'Set what a service has; what is left out takes its default',
    refuses: [404],
    params: serviceParams,
    query: how,
    body: serviceChange,
    edits: ({ params, body }) => [{ edit: 'edit-service', service: keyOf(params), ...body }],
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
    edits: ({ params, body: { address, port, ...fields } }) => [
      {
        edit: 'add-server',
        service: keyOf(params),
        server: port === undefined ? { address } : { address, port },
        ...fields,
      },
    ],
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
    edits: ({ params, body }) => [
      { edit: 'edit-server', service: keyOf(params), server: serverOf(params), ...body },
    ],
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
    edits: ({ params, body }) => [{ edit: 'add-lip', service: keyOf(params), ...body }],
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
