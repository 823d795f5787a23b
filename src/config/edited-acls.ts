/** Edits of the deny and allow list of a service; prefixes of its files are the files'. */

import { type Edit, type EditOf, type ServiceFields, serviceName } from '../api/edits.ts'
import { Refused } from '../api/refused.ts'
import { plain } from './edited-ipsets.ts'
import { ipsetText } from './ipset-names.ts'
import { type FileService, serviceOf } from './lookup.ts'
import { inlineName } from './prefix-lists.ts'
import type { ConfigFile } from './schema.ts'

type AclEdit = EditOf<'add-acl' | 'delete-acl' | 'set-acl'>

/**
 * The same edits, and prefixes that come one by one for a list, as `ipvsadm -R` brings them, in one: each is compared with all that are
 * there, which 100,000 times would take hours.
 */
export function joinedLists(edits: readonly Edit[]): Edit[] {
  const joined: Edit[] = []
  let last: EditOf<'add-acl' | 'add-members'> | undefined
  for (const edit of edits) {
    if (edit.edit !== 'add-acl' && edit.edit !== 'add-members') last = undefined
    else if (last && listName(last) === listName(edit)) {
      for (const prefix of edit.prefixes) last.prefixes.push(prefix)
      continue
    } else last = { ...edit, prefixes: [...edit.prefixes] }
    joined.push(last ?? edit)
  }
  return joined
}

/** As its list is called everywhere. */
function listName(edit: EditOf<'add-acl' | 'add-members'>): string {
  if (edit.edit === 'add-members') return ipsetText(edit.ipset)
  return inlineName(edit.list, serviceName(edit.service))
}

export function addAcl(file: ConfigFile, { service: key, list, prefixes }: AclEdit): void {
  const service = serviceOf(file, key)
  const known = new Set(service[list].map(plain))
  for (const prefix of prefixes.map(plain)) {
    if (known.has(prefix)) throw Refused.exists(list, prefix, `in ${serviceName(key)}`)
    known.add(prefix)
    service[list].push(prefix)
  }
}

export function deleteAcl(file: ConfigFile, { service: key, list, prefixes }: AclEdit): void {
  const service = serviceOf(file, key)
  const gone = new Set(prefixes.map(plain))
  const left = new Set(gone)
  for (const prefix of service[list]) left.delete(plain(prefix))
  const [missing] = left
  if (missing !== undefined)
    throw Refused.missing(list, missing, `in ${serviceName(key)}`, ofFile(service, list))
  service[list] = service[list].filter(prefix => !gone.has(plain(prefix)))
}

function ofFile(service: FileService, list: AclEdit['list']): string {
  const path = service[`${list}_file`]
  return path === undefined ? '' : `; prefixes of ${path} are changed there, and by a reload`
}

export function setAcl(file: ConfigFile, { service: key, list, prefixes }: AclEdit): void {
  const service = serviceOf(file, key)
  service[list] = [...new Set(prefixes.map(plain))]
}

/** Rates of a service; 0 and nothing are the same. */
export function setRates(service: Partial<FileService>, fields: ServiceFields): void {
  for (const key of [
    'connection_rate',
    'connection_burst',
    'client_rate',
    'client_burst',
  ] as const) {
    const value = fields[key]
    if (value) service[key] = value
    else delete service[key]
  }
}
