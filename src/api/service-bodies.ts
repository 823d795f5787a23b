/** What changes of services, real servers and LIPs take: as GET gives it, and less. */

import * as z from 'zod'
import * as answers from './answers.ts'
import { arm } from './change.ts'
import { isMatch, type ServerFields, type ServiceFields } from './edits.ts'
import {
  aclEstablished,
  address,
  anyForwarding,
  anyPort,
  anyProtocol,
  hashTarget,
  object,
  proxyProtocol,
  readOnly,
  scheduler,
  serviceAddress,
  synProxy,
  whenDown,
  whole,
} from './fields.ts'
import { RATE_MAX, SECONDS_MAX, THRESHOLD_MAX, WEIGHT_MAX } from './limits.ts'
import { DEFAULT_PROTOCOL } from './protocols.ts'
import { allOf, DEFAULT_SCHEDULER, FORWARDINGS, HASH_KEYS, SYN_PROXY_ABOVE } from './words.ts'

const A_PORT = 'a whole number 1-65535'
const NO_PORT = '0: a match service has no port'

/** A match service, and what is behind it, has port 0, and no other has. */
export function withItsPort<T extends z.ZodType<{ address: string; port: number }>>(schema: T): T {
  return schema.check(({ value, issues }) => {
    const of = value as { address: string; port: number; server_port?: number }
    for (const key of ['port', 'server_port'] as const) {
      const port = of[key]
      if (port === undefined || (port === 0) === isMatch(of)) continue
      const message = port === 0 ? A_PORT : NO_PORT
      issues.push({ code: 'custom', input: value, path: [key], message })
    }
  })
}

const rate = whole(0, RATE_MAX).exactOptional()
export const serviceFields = {
  scheduler: scheduler.exactOptional().describe(`Default ${DEFAULT_SCHEDULER}.`),
  hash_fallback: z
    .boolean('true or false')
    .exactOptional()
    .describe(
      `Of ${allOf(HASH_KEYS.hash_fallback)}: another real server takes what the client's own cannot; default false.`,
    ),
  hash_port: z
    .boolean('true or false')
    .exactOptional()
    .describe(`Of ${allOf(HASH_KEYS.hash_port)}: the client's port counts as well; default false.`),
  hash_target: hashTarget
    .exactOptional()
    .describe(
      `Of ${allOf(HASH_KEYS.hash_target)}: by the client's address or the connection ID of gQUIC; default sip.`,
    ),
  conn_timeout: whole(0, SECONDS_MAX)
    .exactOptional()
    .describe(
      'Seconds, of its ESTABLISHED connections, of UDP of all; default 0: the timeouts of all.',
    ),
  when_down: whenDown
    .exactOptional()
    .describe(
      'What happens to a SYN, or to a datagram of no connection, while no real server can take it; default drop.',
    ),
  persistence: whole(0, SECONDS_MAX)
    .exactOptional()
    .describe('Seconds for which a client keeps its real server; default 0: not.'),
  persistence_prefix: whole(1, 128)
    .exactOptional()
    .describe('Bits by which clients are told apart; default all, 32 or 128.'),
  one_packet: z
    .boolean('true or false')
    .exactOptional()
    .describe('Of UDP only: each datagram is scheduled by itself; default false.'),
  quic: z
    .boolean('true or false')
    .exactOptional()
    .describe(
      'Of UDP only: the real server that the connection ID of a QUIC datagram names is chosen; default false.',
    ),
  proxy_protocol: proxyProtocol
    .exactOptional()
    .describe(
      'Header that tells real servers the client, in place of TOA and UOA; UDP has v2 alone; default off.',
    ),
  syn_proxy: synProxy
    .exactOptional()
    .describe(
      'Of TCP: SYNs are answered by a cookie, of which nothing is kept: always, or (auto) while many come; default off.',
    ),
  syn_proxy_above: whole(1, RATE_MAX)
    .exactOptional()
    .describe(
      `SYNs without connection in a second above which auto begins; default ${SYN_PROXY_ABOVE}.`,
    ),
  connection_rate: rate.describe('New connections in a second, of all clients; default 0: any.'),
  connection_burst: rate.describe('How many of them at once; default: as many as in a second.'),
  client_rate: rate.describe('New connections in a second, of each client; default 0: any.'),
  client_burst: rate.describe('How many of them at once; default: as many as in a second.'),
  acl_established: aclEstablished
    .exactOptional()
    .describe('What becomes of connections that a change of a list refuses; default drop.'),
} satisfies Record<keyof ServiceFields, z.ZodType>

const threshold = whole(0, THRESHOLD_MAX).exactOptional().describe('Connections; 0 for no limit.')
export const serverFields = {
  weight: whole(0, WEIGHT_MAX).exactOptional().describe('Default 1; 0 takes no new connections.'),
  upper_threshold: threshold,
  lower_threshold: threshold,
  backup: z
    .boolean('true or false')
    .exactOptional()
    .describe('Takes connections only while no other real server has a weight; default false.'),
  forwarding: anyForwarding
    .exactOptional()
    .describe(`How its new connections reach it; default ${FORWARDINGS[0]}.`),
} satisfies Record<keyof ServerFields, z.ZodType>

export const newLip = object({ ...readOnly(answers.localAddress.shape), address, arm }).meta({
  id: 'NewLip',
})
export const newServer = object({
  ...readOnly(answers.realServer.shape),
  address,
  port: anyPort.exactOptional().describe("Default: the service's."),
  ...serverFields,
}).meta({ id: 'NewServer' })

/** What belongs to a service. */
const parts = {
  local_addresses: z.array(newLip, 'a list').exactOptional(),
  real_servers: z.array(newServer, 'a list').exactOptional(),
}

/** The config file says it, and nothing else may: who may change services by the API cannot have a file run by that. */
const ownModule = readOnly({ scheduler_module: answers.service.shape.scheduler_module })

/** A service with what belongs to it, in one step. */
export const newService = withItsPort(
  object({
    ...ownModule,
    protocol: anyProtocol.default(DEFAULT_PROTOCOL),
    address: serviceAddress.describe('Of a match service its criteria.'),
    port: anyPort.describe('Of a match service 0.'),
    ...serviceFields,
    ...parts,
  }),
).meta({ id: 'NewService' })

/** What is named in the path may be named in the body too, as the same. */
const nameInBody = {
  protocol: anyProtocol.exactOptional(),
  address: serviceAddress.exactOptional(),
  port: anyPort.exactOptional(),
}
export const serviceChange = object({
  ...ownModule,
  ...nameInBody,
  ...serviceFields,
  ...parts,
}).meta({
  id: 'ServiceChange',
  description:
    'LIPs and real servers stay as they are without a list of them; with one, they are those.',
})
export const serverChange = object({
  ...readOnly(answers.realServer.shape),
  address: address.exactOptional(),
  port: anyPort.exactOptional(),
  ...serverFields,
}).meta({ id: 'ServerChange' })
