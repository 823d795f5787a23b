/** Edits of match services and of the addresses that their connections have outside, which stand where others have real servers. */

import type { Edit, EditOf, ServiceKey } from '../api/edits.ts'
import { isMatch, serviceName } from '../api/edits.ts'
import { Refused } from '../api/refused.ts'
import { DEFAULT_SCHEDULER } from '../api/words.ts'
import { matchText, parseMatch } from './match.ts'
import type { ConfigFile } from './schema.ts'

type Rule = ConfigFile['snat'][number]
type OfService = Extract<Edit, { service: ServiceKey }>

/** Fields of services, and of real servers, that are those of match services too. */
const SERVICE_FIELDS = ['edit', 'service', 'scheduler', 'conn_timeout']
const SERVER_FIELDS = ['edit', 'service', 'server', 'weight']

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
      only(edit, SERVICE_FIELDS)
      const rule = ruleOf(file, edit.service)
      Object.assign(rule, { scheduler: edit.scheduler ?? DEFAULT_SCHEDULER })
      setTimeout(rule, edit)
      return
    }
    case 'delete-service':
      file.snat.splice(file.snat.indexOf(ruleOf(file, edit.service)), 1)
      return
    case 'add-server': {
      only(edit, SERVER_FIELDS)
      const { addresses } = ruleOf(file, edit.service)
      const { address } = edit.server
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
  return file.snat.find(rule => rule.protocol === protocol && matchText(rule) === address)
}

function ruleOf(file: ConfigFile, key: ServiceKey): Rule {
  const rule = find(file, key)
  if (rule) return rule
  throw Refused.missing('service', serviceName(key))
}

function addressOf(
  rule: Rule,
  { server: { address }, service }: EditOf<'edit-server' | 'delete-server'>,
): Rule['addresses'][number] {
  const one = rule.addresses.find(other => other.address === address)
  if (one) return one
  throw Refused.missing('address', address, `in ${serviceName(service)}`)
}

function only(edit: OfService, fields: readonly string[]): void {
  const other = Object.keys(edit).find(key => !fields.includes(key))
  if (other === 'forwarding' && 'forwarding' in edit && edit.forwarding === 'snat') return
  if (other !== undefined) throw refusal(`match services have no ${other}`)
}

function setTimeout(rule: Partial<Rule>, { conn_timeout }: { conn_timeout?: number }): void {
  if (conn_timeout) rule.conn_timeout = conn_timeout
  else delete rule.conn_timeout
}

function refusal(text: string): Refused {
  return new Refused('invalid', text)
}
