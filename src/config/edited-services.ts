/** Edits of services, their real servers and their LIPs. */

import {
  type EditOf,
  isService,
  type ServerFields,
  type ServiceFields,
  serviceName,
} from '../api/edits.ts'
import { isPlain } from '../api/protocols.ts'
import { Refused } from '../api/refused.ts'
import {
  ACL_ESTABLISHED,
  DEFAULT_SCHEDULER,
  FORWARDINGS,
  type Forwarding,
  HASH_TARGETS,
  PROXY_PROTOCOLS,
  SYN_PROXY,
  SYN_PROXY_ABOVE,
  WHEN_DOWN,
} from '../api/words.ts'
import { hostText } from '../wire/ip-address.ts'
import { checkSchema } from './check-keys.ts'
import { wholeLength } from './cidr.ts'
import { setRates } from './edited-acls.ts'
import {
  armOf,
  type FileServer,
  type FileService,
  isServer,
  lipsOf,
  serverIndex,
  serviceOf,
} from './lookup.ts'
import type { ConfigFile } from './schema.ts'
import { snatAddresses } from './snat-addresses.ts'

const SERVER_DEFAULTS = {
  weight: 1,
  upper_threshold: 0,
  lower_threshold: 0,
  backup: false,
  forwarding: FORWARDINGS[0],
}

export function addService(file: ConfigFile, edit: EditOf<'add-service'>): void {
  const { protocol, address, port } = edit.service
  if (file.services.some(other => isService(other, edit.service)))
    throw Refused.exists('service', serviceName(edit.service))
  if (!isPlain(protocol)) throw new Refused('invalid', `${protocol} is of match services alone`)
  const service = {
    protocol,
    address,
    port,
    ...fieldsOf(address, edit),
    local_addresses: [],
    deny: [],
    allow: [],
    real_servers: [],
    check: checkSchema.parse({}),
  }
  setTimes(service, edit)
  file.services.push(service)
}

export function editService(file: ConfigFile, edit: EditOf<'edit-service'>): void {
  const service = serviceOf(file, edit.service)
  Object.assign(service, fieldsOf(service.address, edit))
  setTimes(service, edit)
  if (edit.local_addresses) setLips(file, service, edit)
  if (edit.real_servers) setServers(service, edit.real_servers)
}

function fieldsOf(address: string, fields: ServiceFields) {
  const { scheduler, when_down, persistence_prefix, one_packet, proxy_protocol } = fields
  return {
    scheduler: scheduler ?? DEFAULT_SCHEDULER,
    hash_fallback: fields.hash_fallback ?? false,
    hash_port: fields.hash_port ?? false,
    hash_target: fields.hash_target ?? HASH_TARGETS[0],
    when_down: when_down ?? WHEN_DOWN[0],
    // Of its family the whole length, and nothing, are the same.
    persistence_prefix:
      persistence_prefix === wholeLength(address) ? undefined : persistence_prefix,
    one_packet: one_packet ?? false,
    quic: fields.quic ?? false,
    proxy_protocol: proxy_protocol ?? PROXY_PROTOCOLS[0],
    syn_proxy: fields.syn_proxy ?? SYN_PROXY[0],
    syn_proxy_above: fields.syn_proxy_above ?? SYN_PROXY_ABOVE,
    acl_established: fields.acl_established ?? ACL_ESTABLISHED[0],
  } as const
}

/** 0 and nothing are the same: no time of its own. */
function setTimes(service: Partial<FileService>, fields: ServiceFields): void {
  const { conn_timeout, persistence } = fields
  setRates(service, fields)
  if (conn_timeout) service.conn_timeout = conn_timeout
  else delete service.conn_timeout
  if (persistence) service.persistence = persistence
  else delete service.persistence
}

/** One that uses all LIPs goes on doing so if all are what it is given. */
function setLips(
  file: ConfigFile,
  { protocol, address, port }: FileService,
  { local_addresses: wanted = [] }: EditOf<'edit-service'>,
): void {
  const key = { protocol, address, port }
  const lips = lipsOf(file, serviceOf(file, key))
  const has = (address: string, arm: string) =>
    lips.includes(address) && armOf(file, arm).local_addresses.includes(address)
  for (const lip of wanted) {
    if (!has(lip.address, lip.arm)) addLip(file, { edit: 'add-lip', service: key, ...lip })
  }
  for (const address of lips) {
    if (wanted.some(lip => lip.address === address)) continue
    const arm = file.arms.find(({ local_addresses }) => local_addresses.includes(address))
    if (arm) deleteLip(file, { edit: 'delete-lip', service: key, address, arm: arm.name })
  }
}

/** Those that stay keep their place in the file. */
function setServers(
  service: FileService,
  wanted: NonNullable<EditOf<'edit-service'>['real_servers']>,
): void {
  const of = (rs: FileServer) => wanted.find(key => isServer(rs, service, key))
  const added = wanted.filter(key => !service.real_servers.some(rs => isServer(rs, service, key)))
  const stay = service.real_servers.flatMap(rs => {
    const fields = of(rs)
    return fields ? [{ ...rs, ...SERVER_DEFAULTS, ...givenOf(fields) }] : []
  })
  const fresh = added.map(key => newServer(service, key, key))
  service.real_servers = [...stay, ...fresh]
}

export function addServer(file: ConfigFile, edit: EditOf<'add-server'>): void {
  const service = serviceOf(file, edit.service)
  const server = newServer(service, edit.server, edit)
  if (service.real_servers.some(rs => isServer(rs, service, edit.server))) {
    const name = `${hostText(server.address)}:${server.port}`
    throw Refused.exists('real server', name, `in ${serviceName(service)}`)
  }
  service.real_servers.push(server)
}

function newServer(
  service: FileService,
  { address, port = service.port }: { address: string; port?: number },
  fields: ServerFields,
): FileServer {
  return { address, port, ...SERVER_DEFAULTS, ...givenOf(fields) }
}

export function editServer(file: ConfigFile, edit: EditOf<'edit-server'>): void {
  const service = serviceOf(file, edit.service)
  const server = service.real_servers[serverIndex(service, edit.server)]
  Object.assign(server as FileServer, givenOf(edit))
}

export function deleteServer(file: ConfigFile, edit: EditOf<'delete-server'>): void {
  const service = serviceOf(file, edit.service)
  service.real_servers.splice(serverIndex(service, edit.server), 1)
}

/** Without what is not given. */
function givenOf(given: ServerFields): ServerFields & { forwarding?: Forwarding } {
  const { weight, upper_threshold, lower_threshold, backup, forwarding } = given
  if (forwarding === 'snat')
    throw new Refused(
      'invalid',
      'forwarding snat is for match services: their real servers are ours',
    )
  const fields = { weight, upper_threshold, lower_threshold, backup, forwarding }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

export function addLip(
  file: ConfigFile,
  { service: key, address, arm: name }: EditOf<'add-lip'>,
): void {
  const service = serviceOf(file, key)
  const arm = armOf(file, name)
  // A service that names none uses all of them.
  service.local_addresses ??= lipsOf(file, service)
  if (service.local_addresses.includes(address)) {
    const owner = file.arms.find(({ local_addresses }) => local_addresses.includes(address))
    if (owner === undefined || owner === arm)
      throw Refused.exists('LIP', address, `in ${serviceName(key)}`)
    const subject = { what: 'LIP', name: address, where: `of ${owner.name}` }
    throw new Refused('exists', `LIP ${address} is of ${owner.name}, not ${name}`, { subject })
  }
  service.local_addresses.push(address)
  if (!arm.local_addresses.includes(address)) arm.local_addresses.push(address)
}

export function deleteLip(
  file: ConfigFile,
  { service: key, address, arm: name }: EditOf<'delete-lip'>,
): void {
  const service = serviceOf(file, key)
  const arm = armOf(file, name)
  const lips = lipsOf(file, service)
  if (!lips.includes(address) || !arm.local_addresses.includes(address))
    throw Refused.missing('LIP', address, `of ${name} in ${serviceName(key)}`)
  service.local_addresses = lips.filter(lip => lip !== address)
  const ofServices = file.services.some(({ local_addresses: own }) =>
    (own ?? [address]).includes(address),
  )
  const wanted = ofServices || snatAddresses(file.snat).has(address)
  if (!wanted) arm.local_addresses = arm.local_addresses.filter(lip => lip !== address)
}
