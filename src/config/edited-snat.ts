/** Edits of match services and of the addresses that their connections have outside, which stand where others have real servers. */

import type { Edit, EditOf, ServiceKey } from '../api/edits.ts'
import { isMatch, serviceName } from '../api/edits.ts'
import { matchText, parseMatch } from '../api/match.ts'
import { Refused } from '../api/refused.ts'
import {
  ACL_ESTABLISHED,
  DEFAULT_SCHEDULER,
  HASH_TARGETS,
  PROXY_PROTOCOLS,
  SYN_PROXY,
  SYN_PROXY_ABOVE,
  WHEN_DOWN,
} from '../api/words.ts'
import { IPV4_BITS } from '../wire/ip-address.ts'
import { IPV6_BITS } from '../wire/ipv6-address.ts'
import type { ConfigFile } from './schema.ts'
import { protocolOfRule } from './snat.ts'

type Rule = ConfigFile['snat'][number]
type OfService = Extract<Edit, { service: ServiceKey }>

/** Fields of services, and of real servers, that are those of match services too. */
const SERVICE_FIELDS = ['edit', 'service', 'scheduler', 'conn_timeout']
const SERVER_FIELDS = ['edit', 'service', 'server', 'weight']

/** Fields that they have not, with what listings show: to send it back changes nothing. */
const USUAL: Record<string, readonly unknown[]> = {
  hash_fallback: [false],
  hash_port: [false],
  hash_target: [HASH_TARGETS[0]],
  when_down: [WHEN_DOWN[0]],
  persistence: [0],
  persistence_prefix: [IPV4_BITS, IPV6_BITS],
  one_packet: [false],
  quic: [false],
  proxy_protocol: [PROXY_PROTOCOLS[0]],
  syn_proxy: [SYN_PROXY[0]],
  syn_proxy_above: [SYN_PROXY_ABOVE],
  ...{ connection_rate: [0], connection_burst: [0], client_rate: [0], client_burst: [0] },
  acl_established: [ACL_ESTABLISHED[0]],
  ...{ upper_threshold: [0], lower_threshold: [0], backup: [false], forwarding: ['snat'] },
}

/** => false, and nothing done, if the edit is of another service. Throws Refused. */
export function editedSnat(file: ConfigFile, edit: Edit): boolean {
  if (!('service' in edit) || !isMatch(edit.service)) return false
  carryOut(file, { ...edit, service: named(edit.service) })
  return true
}

function carryOut(file: ConfigFile, edit: OfService): void {
  switch (edit.edit) {
    case 'add-service':
      add(file, edit)
      return
    case 'edit-service': {
      only(edit, [...SERVICE_FIELDS, 'real_servers'])
      const rule = ruleOf(file, edit.service)
      Object.assign(rule, { scheduler: edit.scheduler ?? DEFAULT_SCHEDULER })
      setTimeout(rule, edit)
      if (edit.real_servers) setAddresses(rule, edit.real_servers)
      return
    }
    case 'delete-service':
      file.snat.splice(file.snat.indexOf(ruleOf(file, edit.service)), 1)
      return
    case 'add-server': {
      only(edit, SERVER_FIELDS)
      const { addresses } = ruleOf(file, edit.service)
      const address = outside(edit.server)
      if (addresses.some(one => one.address === address))
        throw Refused.exists('address', address, `in ${serviceName(edit.service)}`)
      addresses.push({ address, weight: edit.weight ?? 1 })
      return
    }
    case 'edit-server': {
      only(edit, SERVER_FIELDS)
      const one = addressOf(ruleOf(file, edit.service), edit)
      one.weight = edit.weight ?? one.weight
      return
    }
    case 'delete-server': {
      const rule = ruleOf(file, edit.service)
      rule.addresses.splice(rule.addresses.indexOf(addressOf(rule, edit)), 1)
      return
    }
    default:
      throw refusal(
        `${edit.edit} is not for match services: their addresses are their real servers, and their source says whom they take`,
      )
  }
}

function add(file: ConfigFile, edit: EditOf<'add-service'>): void {
  only(edit, SERVICE_FIELDS)
  const { protocol, address } = edit.service
  if (find(file, edit.service)) throw Refused.exists('service', serviceName(edit.service))
  const keys = parseMatch(address)
  if (typeof keys === 'string') throw refusal(keys)
  const rule = { protocol, ...keys, scheduler: edit.scheduler ?? DEFAULT_SCHEDULER, addresses: [] }
  setTimeout(rule, edit)
  file.snat.push(rule)
}

/** The service by the one name that it has, whatever form and order its criteria came in. */
function named({ protocol, address }: ServiceKey): ServiceKey {
  const keys = parseMatch(address)
  if (typeof keys === 'string') throw refusal(keys)
  return { protocol, address: matchText(keys), port: 0 }
}

function find(file: ConfigFile, { protocol, address }: ServiceKey): Rule | undefined {
  return file.snat.find(rule => protocolOfRule(rule) === protocol && matchText(rule) === address)
}

function ruleOf(file: ConfigFile, key: ServiceKey): Rule {
  const rule = find(file, key)
  if (rule) return rule
  throw Refused.missing('service', serviceName(key))
}

function addressOf(
  rule: Rule,
  { server, service }: EditOf<'edit-server' | 'delete-server'>,
): Rule['addresses'][number] {
  const address = outside(server)
  const one = rule.addresses.find(other => other.address === address)
  if (one) return one
  throw Refused.missing('address', address, `in ${serviceName(service)}`)
}

/** Those that stay keep their place in the file. */
function setAddresses(
  rule: Rule,
  wanted: NonNullable<EditOf<'edit-service'>['real_servers']>,
): void {
  for (const server of wanted) only(server, ['address', 'port', 'weight'])
  const asked = wanted.map(server => ({ address: outside(server), weight: server.weight ?? 1 }))
  const is = (one: { address: string }) => (other: { address: string }) =>
    other.address === one.address
  const stay = rule.addresses.flatMap(one => asked.find(is(one)) ?? [])
  rule.addresses = [...stay, ...asked.filter(one => !rule.addresses.some(is(one)))]
}

/** An address of ours, which has no port. */
function outside({ address, port = 0 }: { address: string; port?: number }): string {
  if (port !== 0)
    throw refusal(`${address} of a match service has no port of its own: expected 0, found ${port}`)
  return address
}

function only(edit: object, fields: readonly string[]): void {
  for (const [key, value] of Object.entries(edit))
    if (!fields.includes(key) && !USUAL[key]?.includes(value))
      throw refusal(`match services have no ${key}`)
}

function setTimeout(rule: Partial<Rule>, { conn_timeout }: { conn_timeout?: number }): void {
  if (conn_timeout) rule.conn_timeout = conn_timeout
  else delete rule.conn_timeout
}

function refusal(text: string): Refused {
  return new Refused('invalid', text)
}
