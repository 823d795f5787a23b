/** The schemas of what the API answers: the types of commands.ts, once more as values, for the document and the client. */

import * as z from 'zod'
import type {
  AddressInfo,
  ArmInfo,
  ConnInfo,
  ConnPage,
  CountersInfo,
  DropInfo,
  EdgeInfo,
  LocalAddressInfo,
  NeighbourInfo,
  NumbersInfo,
  PlanInfo,
  RealServerInfo,
  RecorderInfo,
  RouteInfo,
  ServiceInfo,
  TrafficInfo,
} from './commands.ts'
import { protocol, whenDown } from './fields.ts'
import { LOG_LEVELS, MODULES } from './log-levels.ts'
import { DROP_REASONS } from './names.ts'

const count = z.int().min(0)
const portNumber = z.int().min(0).max(65_535)

export const traffic = z
  .object({
    conns: count,
    inPackets: count,
    outPackets: count,
    inBytes: count,
    outBytes: count,
  })
  .meta({ id: 'Traffic', description: 'Packets and bytes as on the wire, before translation.' })

const rate = z.number().min(0)
const rates = z
  .object({
    conns: rate,
    inPackets: rate,
    outPackets: rate,
    inBytes: rate,
    outBytes: rate,
  })
  .meta({ id: 'Rates' })

export const localAddress = z
  .object({
    address: z.string(),
    arm: z.string(),
    conflicts: count.describe('SYNs that found no lport.'),
    conns: count,
  })
  .meta({ id: 'LocalAddress', description: 'A LIP; its numbers are those of all services.' })

export const realServer = z
  .object({
    address: z.string(),
    port: portNumber,
    weight: count.describe('0 takes no new connections.'),
    upperThreshold: count.describe('Connections; 0 for no limit.'),
    lowerThreshold: count,
    backup: z
      .boolean()
      .describe('Takes connections only while no other real server of the service has a weight.'),
    activeConns: count,
    inactiveConns: count,
    inhibited: z.boolean().describe('The health checks keep it from new connections.'),
    reason: z.string().exactOptional().describe('Why, in one line, while they do.'),
    stats: traffic,
    rates: rates.describe('The same per second, as of the last few seconds.'),
  })
  .meta({ id: 'RealServer' })

export const service = z
  .object({
    protocol,
    address: z.string(),
    port: portNumber,
    scheduler: z.string(),
    connTimeout: count.describe('Seconds; 0 when the service has none of its own.'),
    persistence: z
      .object({
        timeout: count.describe('Seconds for which a client keeps its real server; 0: not.'),
        prefix: count.describe('Bits by which clients are told apart.'),
      })
      .describe('A client keeps its real server.'),
    whenDown: whenDown.describe('What happens to a SYN while no real server can take it.'),
    localAddresses: z.array(localAddress),
    realServers: z.array(realServer),
  })
  .meta({ id: 'Service' })

export const cut = z
  .object({
    connections: count.describe(
      'How many there were, and end now, 8 each millisecond in each worker.',
    ),
  })
  .meta({ id: 'Cut' })

export const conn = z
  .object({
    worker: count,
    protocol,
    timeoutSec: count.describe('The timeout of its state, not the time left.'),
    state: count.describe('Number of the state; ipvsadm -lnc has the names.'),
    client: z.string().describe('address:port, as the next three.'),
    vip: z.string(),
    lip: z.string(),
    rs: z.string(),
    seqs: z
      .tuple([count, count])
      .nullable()
      .describe('Sequence numbers of client and RS; the difference of two looks is bytes.'),
  })
  .meta({ id: 'Conn' })

export const connPage = z
  .object({
    conns: z.array(conn),
    next: z.int().describe('`from` of the next page; -1 when this was the last.'),
  })
  .meta({ id: 'ConnPage' })

const lports = z.object({ used: count, free: count, misses: count }).meta({ id: 'Lports' })

export const addressInfo = z
  .object({
    address: z.string(),
    prefixLength: count,
    arm: z.string(),
    lports: lports.exactOptional().describe('Only of a LIP.'),
    lportsOfWorkers: z
      .array(lports)
      .exactOptional()
      .describe('The same of each worker in the order of their numbers, which begin at 1.'),
  })
  .meta({ id: 'Address' })

export const neighbour = z
  .object({
    address: z.string(),
    mac: z.string().nullable().describe('null while unresolved.'),
    state: z.string().describe('NONE, SEND, REACHABLE, PROBE or DELAY.'),
    arm: z.string(),
    worker: count,
    static: z.boolean(),
  })
  .meta({ id: 'Neighbour' })

export const route = z
  .object({
    to: z.string(),
    prefixLength: count,
    via: z.string().nullable().describe('The gateway; null when the network is on-link.'),
    arm: z.string(),
    mtu: count,
  })
  .meta({ id: 'Route' })

export const plan = z
  .object({
    steps: z.array(z.string()).describe('What changes, a line each.'),
    restart: z
      .array(z.string())
      .describe('Keys that only a restart changes; if there are any, nothing has been done.'),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'Plan', description: 'What a change does.' })

export const timeouts = z
  .record(z.string(), count)
  .meta({ id: 'Timeouts', description: 'Seconds by state.' })

/** A LinkState. */
export const linkState = {
  up: z.boolean().describe('Frames can pass: the device is there, switched on, and has a carrier.'),
  admin: z.enum(['up', 'down', 'gone', 'unknown']).describe('Whether the device is switched on.'),
  link: z.enum(['up', 'down', 'unknown']).describe('Whether it has a carrier.'),
  orphaned: z.boolean().describe('Its namespace was deleted, and not made anew.'),
}

export const arm = z
  .object({
    name: z.string(),
    mac: z.string(),
    mtu: count,
    ...linkState,
    queues: count,
    rxPackets: count,
    rxBytes: count,
    txPackets: count,
    txBytes: count,
    rxDrops: count,
    txDrops: count,
  })
  .meta({ id: 'Arm' })

const handshakes = z
  .object({
    buckets: z.array(count).describe('By how long they took; docs/numbers.md has the bounds.'),
    sumMs: z.number(),
  })
  .meta({ id: 'Handshakes' })

export const counters = z
  .object({
    arms: z.array(arm),
    drops: z.record(z.string(), count).describe('By reason; zeros included.'),
    events: z.record(z.string(), count),
    conns: z.object({ used: count, capacity: count }),
    states: z.record(z.string(), count).describe('Connections by state; zeros included.'),
    neighbours: z.record(z.string(), count).describe('Neighbours by state.'),
    handshakes: z
      .object({ rs: handshakes, client: handshakes })
      .describe("From a client's SYN to the SYN+ACK, and to the client's ACK behind it."),
    frames: z.object({ free: count, slots: count }),
  })
  .meta({ id: 'Counters' })

export const edge = z
  .object({
    direction: z.enum(['in', 'out']).describe('Of the segment: from the client, from the server.'),
    event: z.enum(['syn', 'fin', 'ack', 'rst', 'none']),
    from: z.string(),
    to: z.string(),
    count: count.describe('0 where the state stays: then only is known that it was used.'),
    last: z.string().nullable().describe('The last segment that took it, in words.'),
    lastMs: z.number().nullable().describe('ms since 1970.'),
  })
  .meta({ id: 'Edge', description: 'A cell of the state tables that was used.' })

export const dropReason = z.enum(DROP_REASONS, 'a drop reason, as in /v1/counters')

const hex = z.string().regex(/^([0-9a-f]{2})*$/)
export const drop = z
  .object({
    reason: z.string(),
    count,
    last: z
      .array(
        z.object({
          atMs: z.number().describe('ms since 1970.'),
          worker: count,
          arm: z.string().nullable(),
          length: count.describe('Bytes from the Ethernet header on.'),
          bytes: hex.describe('The first of them, at most 134.'),
          vnet: hex.describe('The virtio-net header in front.'),
        }),
      )
      .describe('The newest first, at most eight of each worker.'),
  })
  .meta({ id: 'Drop', description: 'The last frames that were refused for a reason.' })

export const numbers = z
  .object({
    atMs: z.number().describe('ms since 1970.'),
    process: z.object({
      version: z.string(),
      node: z.string(),
      pid: count,
      startedMs: z.number(),
      cpuSeconds: z.number(),
      residentBytes: count,
      openFds: count,
    }),
    services: z.array(service),
    addresses: z.array(addressInfo),
    workers: z.array(z.object({ worker: count, counters })),
  })
  .meta({ id: 'Numbers' })

export const level = z.enum(LOG_LEVELS, LOG_LEVELS.join(', '))
export const module = z.enum(MODULES, MODULES.join(', '))
export const logLevel = z
  .object({
    level,
    /** Only those that have a level of their own. */
    modules: z.partialRecord(module, level).exactOptional(),
  })
  .meta({ id: 'LogLevel' })

export const ui = z
  .object({
    url: z.string().nullable().describe('With the token; null if the daemon serves no page.'),
  })
  .meta({ id: 'Page' })

export const pong = z
  .object({ version: z.string(), pid: count, workers: count })
  .meta({ id: 'Pong' })

export const recorder = z
  .object({
    ring: z.boolean().describe('Kept on without anybody who looks.'),
    followers: count.describe('Who looks at present.'),
    snaplen: count.describe('Bytes of each frame that are recorded.'),
    bytes: count.describe('Of memory, for each worker.'),
  })
  .meta({ id: 'Recorder', description: 'The flight recorder.' })

/** The compiler's word that each of them is the type it stands for. */
export const ANSWERS = {
  traffic: traffic satisfies z.ZodType<TrafficInfo>,
  rates: rates satisfies z.ZodType<TrafficInfo>,
  localAddress: localAddress satisfies z.ZodType<LocalAddressInfo>,
  realServer: realServer satisfies z.ZodType<RealServerInfo>,
  service: service satisfies z.ZodType<ServiceInfo>,
  conn: conn satisfies z.ZodType<ConnInfo>,
  connPage: connPage satisfies z.ZodType<ConnPage>,
  addressInfo: addressInfo satisfies z.ZodType<AddressInfo>,
  neighbour: neighbour satisfies z.ZodType<NeighbourInfo>,
  route: route satisfies z.ZodType<RouteInfo>,
  plan: plan satisfies z.ZodType<PlanInfo>,
  arm: arm satisfies z.ZodType<ArmInfo>,
  counters: counters satisfies z.ZodType<CountersInfo>,
  edge: edge satisfies z.ZodType<EdgeInfo>,
  drop: drop satisfies z.ZodType<DropInfo>,
  numbers: numbers satisfies z.ZodType<NumbersInfo>,
  recorder: recorder satisfies z.ZodType<RecorderInfo>,
}
