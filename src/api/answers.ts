/**
 * What the API answers. Types follow from these schemas (commands.ts), and so does the document. Keys are those of the
 * config file where it has them: what GET gives, PUT takes.
 */

import * as z from 'zod'
import {
  aclEstablished,
  aclList,
  anyForwarding,
  anyProtocol,
  hashTarget,
  proxyProtocol,
  scheduler,
  synProxy,
  whenDown,
} from './fields.ts'
import { LOG_LEVELS, MODULES } from './log-levels.ts'
import { ALL_STATES } from './names.ts'

const count = z.int().min(0)
const portNumber = z.int().min(0).max(65_535)

export const traffic = z
  .object({
    conns: count,
    in_packets: count,
    out_packets: count,
    in_bytes: count,
    out_bytes: count,
  })
  .meta({ id: 'Traffic', description: 'Packets and bytes as on the wire, before translation.' })

const rate = z.number().min(0)
const rates = z
  .object({
    conns: rate,
    in_packets: rate,
    out_packets: rate,
    in_bytes: rate,
    out_bytes: rate,
  })
  .meta({ id: 'Rates' })

export const localAddress = z
  .object({
    address: z.string(),
    arm: z.string(),
    conflicts: count.describe('New connections that found no lport.'),
    conns: count,
  })
  .meta({ id: 'LocalAddress', description: 'A LIP; its numbers are those of all services.' })

export const realServer = z
  .object({
    address: z.string(),
    port: portNumber,
    weight: count.describe('0 takes no new connections.'),
    upper_threshold: count.describe('Connections; 0 for no limit.'),
    lower_threshold: count,
    backup: z
      .boolean()
      .describe('Takes connections only while no other real server of the service has a weight.'),
    forwarding: anyForwarding.describe(
      'How its new connections reach it; snat: it is an address of ours that those of a match service have outside.',
    ),
    active_conns: count,
    inactive_conns: count,
    inhibited: z.boolean().describe('The health checks keep it from new connections.'),
    reason: z.string().exactOptional().describe('Why, in one line, while they do.'),
    stats: traffic,
    rates: rates.describe('The same per second, as of the last few seconds.'),
  })
  .meta({ id: 'RealServer' })

const aclSize = z
  .object({
    prefixes: count,
    hits: count.describe('Packets without a connection from one of them.'),
    files: z.array(z.string()).describe('From which some of them are read.'),
  })
  .meta({ id: 'AclSize' })

const prefixHits = {
  prefix: z.string(),
  hits: count.describe('Packets without a connection for which it was the longest of its list.'),
}

export const ipset = z
  .object({
    name: z.string(),
    prefixes: count,
    hits: count.describe('Packets without a connection from one of them, at all services.'),
    bytes: count.describe('Its memory, which all workers share.'),
    lists: z.array(z.string()).describe('Deny and allow lists that name it.'),
  })
  .meta({ id: 'Ipset' })

export const ipsetPage = z
  .object({ prefixes: z.array(z.object(prefixHits)), total: count })
  .meta({ id: 'IpsetPage' })

export const aclPage = z
  .object({
    prefixes: z.array(
      z.object({
        ...prefixHits,
        file: z
          .string()
          .exactOptional()
          .describe('Where it is from, if not of the service itself.'),
      }),
    ),
    total: count,
  })
  .meta({ id: 'AclPage' })

export const service = z
  .object({
    protocol: anyProtocol,
    address: z.string(),
    port: portNumber,
    scheduler,
    hash_fallback: z
      .boolean()
      .describe("Another real server takes what the one of the client's hash cannot."),
    hash_port: z.boolean().describe("The client's port is hashed as well."),
    hash_target: hashTarget.describe(
      'What conhash goes by: the address of the client, or the connection ID of gQUIC.',
    ),
    scheduler_module: z
      .string()
      .exactOptional()
      .describe(
        'A scheduler of its own, which is asked before the other; the config file sets it.',
      ),
    conn_timeout: count.describe('Seconds; 0 when the service has none of its own.'),
    persistence: count.describe('Seconds for which a client keeps its real server; 0: not.'),
    persistence_prefix: count.describe('Bits by which clients are told apart.'),
    when_down: whenDown.describe(
      'What happens to a SYN, or to a datagram of no connection, while no real server can take it.',
    ),
    one_packet: z.boolean().describe('Of UDP: each datagram is scheduled by itself.'),
    quic: z
      .literal(true)
      .exactOptional()
      .describe(
        'The real server that the connection ID of a QUIC datagram names is chosen; left out: no.',
      ),
    proxy_protocol: proxyProtocol.describe(
      'Header that tells real servers the client, in place of TOA and UOA.',
    ),
    syn_proxy: synProxy
      .exactOptional()
      .describe('SYNs are answered by a cookie, of which nothing is kept; left out: off.'),
    syn_proxy_above: count
      .exactOptional()
      .describe('Of auto: SYNs without connection in a second above which it begins.'),
    syn_proxy_workers: count
      .exactOptional()
      .describe(
        'Where there is a syn_proxy: packet threads that answer SYNs by cookies now; each begins and ends for itself.',
      ),
    connection_rate: count
      .exactOptional()
      .describe('New connections in a second, of all clients; left out: any number.'),
    connection_burst: count
      .exactOptional()
      .describe('How many of them at once; left out: as many as in a second.'),
    client_rate: count.exactOptional().describe('New connections in a second, of each client.'),
    client_burst: count.exactOptional(),
    acl_established: aclEstablished
      .exactOptional()
      .describe('What becomes of connections that a change of a list refuses; left out: drop.'),
    acl: z
      .partialRecord(aclList, aclSize)
      .exactOptional()
      .describe('Its deny and allow list, where it has one.'),
    local_addresses: z.array(localAddress),
    real_servers: z.array(realServer),
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
    protocol: anyProtocol,
    timeout_sec: count.describe('The timeout of its state, not the time left.'),
    state: z.enum(ALL_STATES).describe('Of the state machine of its protocol.'),
    client: z.string().describe('address:port, as the next three.'),
    vip: z.string(),
    lip: z.string().describe('Of nat, dr and tunnel the client itself: the real server sees that.'),
    rs: z.string(),
    forwarding: anyForwarding.describe('How the real server gets its packets.'),
    seqs: z
      .tuple([count, count])
      .nullable()
      .describe(
        'Of TCP: sequence numbers of client and RS, acknowledged and sent last; the difference of two looks is bytes. null until both have spoken.',
      ),
  })
  .meta({ id: 'Conn' })

export const connPage = z
  .object({
    conns: z.array(conn),
    next: z.int().describe('`from` of the next page; -1 when this was the last.'),
  })
  .meta({ id: 'ConnPage' })

export const lports = z.object({ used: count, free: count, misses: count }).meta({ id: 'Lports' })

export const addressInfo = z
  .object({
    address: z.string(),
    prefix_length: count,
    arm: z.string(),
    lports: lports.exactOptional().describe('Only of a LIP.'),
    lports_of_workers: z
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
    flaps: z.boolean().describe('Its MAC has changed more than five times within ten seconds.'),
  })
  .meta({ id: 'Neighbour' })

export const route = z
  .object({
    to: z.string().describe('The network, with its prefix length; 0.0.0.0/0 is the default.'),
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
    warnings: z
      .array(z.string())
      .describe('What looks like a mistake in the config as it is then.'),
    new_warnings: z
      .array(z.string())
      .describe('Those of them that are due to this change, by the name of the service.'),
  })
  .meta({ id: 'Plan', description: 'What a change does.' })

export const timeouts = z.record(z.string(), count).meta({
  id: 'Timeouts',
  description: 'Seconds by state of TCP, and of UDP as udp_oneway and udp_normal.',
})

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
