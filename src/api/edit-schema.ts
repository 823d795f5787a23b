/**
 * What an operator does to the config, one step each: the verbs of ipvsadm and dpip, and of the API. An edit changes the
 * value that a config file holds, never the engine; what follows from it is found by comparing (config/changes.ts). So an
 * edit, a reload and a call of the API can only do what a file could. Only the shape of edits is judged here: addresses
 * and numbers are checked with the config they make.
 */

import * as z from 'zod'
import { canonicalIp } from '../wire/ip-address.ts'
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
import { TIMEOUT_KEYS, type TimeoutKey } from './names.ts'

const text = z.string('a text')
/** One of IPv6 has its one form from here on, as the config's are compared as text. */
const ip = text.overwrite(canonicalIp)
const number = z.number('a number')
const list = <T extends z.ZodType>(item: T) => z.array(item, 'a list')

export const serviceKey = z.strictObject({
  protocol: anyProtocol,
  address: ip,
  port: number,
})

/** The port is the service's, if left out. */
export const serverKey = z.strictObject({ address: ip, port: number.exactOptional() })

/** What an edit of a service sets; what is left out takes its default, as `ipvsadm -E` does. */
export const serviceFields = z.strictObject({
  scheduler: scheduler.exactOptional(),
  /** Of schedulers that hash: who takes it where the RS of a client cannot, and what of the client is hashed. */
  hash_fallback: z.boolean('true or false').exactOptional(),
  hash_port: z.boolean('true or false').exactOptional(),
  hash_target: hashTarget.exactOptional(),
  /** Seconds; 0: the timeouts of all. */
  conn_timeout: number.exactOptional(),
  when_down: whenDown.exactOptional(),
  /** Seconds for which a client keeps its RS, 0 for not at all. */
  persistence: number.exactOptional(),
  /** Clients whose addresses agree in so many bits are one; 32 if left out. */
  persistence_prefix: number.exactOptional(),
  /** Of UDP: each datagram is scheduled by itself. */
  one_packet: z.boolean('true or false').exactOptional(),
  /** Of UDP: the RS that a connection ID of QUIC names is chosen. */
  quic: z.boolean('true or false').exactOptional(),
  /** Header that tells real servers the client; UDP has v2 alone. */
  proxy_protocol: proxyProtocol.exactOptional(),
  syn_proxy: synProxy.exactOptional(),
  syn_proxy_above: number.exactOptional(),
  /** New connections in a second, of all clients or of each, and at once; 0: any number, and as many as in a second. */
  connection_rate: number.exactOptional(),
  connection_burst: number.exactOptional(),
  client_rate: number.exactOptional(),
  client_burst: number.exactOptional(),
  /** What becomes of connections that a change of a list refuses. */
  acl_established: aclEstablished.exactOptional(),
})

/** As serviceFields, but what an edit leaves out keeps its value. */
export const serverFields = z.strictObject({
  weight: number.exactOptional(),
  /** Connections; 0 for no limit. */
  upper_threshold: number.exactOptional(),
  lower_threshold: number.exactOptional(),
  /** Takes connections only while no other RS of the service has a weight. */
  backup: z.boolean('true or false').exactOptional(),
  /** How its new connections reach it. */
  forwarding: anyForwarding.exactOptional(),
})

export const lipKey = z.strictObject({ address: ip, arm: text })

const service = { service: serviceKey }
const server = { ...service, server: serverKey }
const members = { ipset: text, prefixes: list(text) }
const acl = { ...service, list: aclList, prefixes: list(text) }
const lip = { ...service, ...lipKey.shape }
const address = { arm: text, address: ip, prefix_length: number }
const route = { arm: text, to: text, via: ip.exactOptional() }

/** Seconds by state, of UDP with its name in front; 0, or none, keeps the value. */
export const timeoutFields = z.strictObject(
  Object.fromEntries(TIMEOUT_KEYS.map(key => [key, number.exactOptional()])) as Record<
    TimeoutKey,
    z.ZodExactOptional<typeof number>
  >,
)

const edit = <E extends string, T extends z.ZodRawShape>(name: E, shape: T) =>
  z.strictObject({ edit: z.literal(name), ...shape })

export const editSchema = z.discriminatedUnion(
  'edit',
  [
    edit('add-service', { ...service, ...serviceFields.shape }),
    edit('edit-service', {
      ...service,
      ...serviceFields.shape,
      /** All of them then; without it they stay. */
      local_addresses: list(lipKey).exactOptional(),
      real_servers: list(
        z.strictObject({ ...serverKey.shape, ...serverFields.shape }),
      ).exactOptional(),
    }),
    edit('delete-service', service),
    /** All services. */
    edit('clear', {}),
    edit('add-server', { ...server, ...serverFields.shape }),
    edit('edit-server', { ...server, ...serverFields.shape }),
    edit('delete-server', server),
    /** Gives the service a LIP, which becomes one of the arm if it was none; and takes it away again. */
    edit('add-lip', lip),
    edit('delete-lip', lip),
    /** Prefixes of its deny or allow list: more, less, or these and no others. */
    edit('add-acl', acl),
    edit('delete-acl', acl),
    edit('set-acl', acl),
    /** A named set, which lists call ipset:NAME; one that a list names is not deleted. */
    edit('add-ipset', members),
    edit('delete-ipset', { ipset: text }),
    /** More in it, less, or these and no others. */
    edit('add-members', members),
    edit('delete-members', members),
    edit('set-members', members),
    /** `lip` makes it a LIP (`dpip addr add ... sapool`). */
    edit('add-address', { ...address, lip: z.boolean() }),
    edit('delete-address', address),
    edit('add-route', route),
    edit('delete-route', route),
    edit('add-neighbour', { arm: text, address: ip, mac: text }),
    edit('delete-neighbour', { arm: text, address: ip }),
    edit('set-timeouts', timeoutFields.shape),
  ],
  'an edit, like add-service',
)
