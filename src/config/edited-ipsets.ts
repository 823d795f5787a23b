/** Edits of named sets: which there are, and what is in each. */

import { type EditOf, serviceName } from '../api/edits.ts'
import { Refused } from '../api/refused.ts'
import { ACL_LISTS } from '../api/words.ts'
import { ipsetText } from './ipset-names.ts'
import { inlineName, plainPrefix, prefixProblem } from './prefix-lists.ts'
import type { ConfigFile } from './schema.ts'

type FileSet = ConfigFile['ipsets'][number]

/** What is no prefix is for the checks. */
export const plain = (text: string) =>
  prefixProblem(text) === undefined ? plainPrefix(text) : text

/** The deny and allow lists that name the set. */
export function listsWith({ services }: Pick<ConfigFile, 'services'>, name: string): string[] {
  const text = ipsetText(name)
  return services.flatMap(service =>
    ACL_LISTS.filter(list => service[list].includes(text)).map(list =>
      inlineName(list, serviceName(service)),
    ),
  )
}

export function addIpset(file: ConfigFile, { ipset: name, prefixes }: EditOf<'add-ipset'>): void {
  if (file.ipsets.some(set => set.name === name)) throw Refused.exists('ipset', name)
  file.ipsets.push({ name, prefixes: [...new Set(prefixes.map(plain))] })
}

export function deleteIpset(file: ConfigFile, { ipset: name }: EditOf<'delete-ipset'>): void {
  const set = setOf(file, name)
  const [first, ...more] = listsWith(file, name)
  if (first !== undefined) {
    const others = more.length === 0 ? '' : ` and ${more.length} more`
    throw new Refused('invalid', `ipset ${name} is in use: take it off ${first}${others} first`)
  }
  file.ipsets.splice(file.ipsets.indexOf(set), 1)
}

export function addMembers(file: ConfigFile, edit: EditOf<'add-members'>): void {
  const { prefixes } = setOf(file, edit.ipset)
  const known = new Set(prefixes.map(plain))
  for (const prefix of edit.prefixes.map(plain)) {
    if (known.has(prefix)) throw Refused.exists('member', prefix, `in ipset ${edit.ipset}`)
    known.add(prefix)
    prefixes.push(prefix)
  }
}

export function deleteMembers(file: ConfigFile, edit: EditOf<'delete-members'>): void {
  const set = setOf(file, edit.ipset)
  const gone = new Set(edit.prefixes.map(plain))
  const left = new Set(gone)
  for (const prefix of set.prefixes) left.delete(plain(prefix))
  const [missing] = left
  if (missing !== undefined) throw Refused.missing('member', missing, `in ipset ${edit.ipset}`)
  set.prefixes = set.prefixes.filter(prefix => !gone.has(plain(prefix)))
}

export function setMembers(file: ConfigFile, edit: EditOf<'set-members'>): void {
  setOf(file, edit.ipset).prefixes = [...new Set(edit.prefixes.map(plain))]
}

function setOf(file: ConfigFile, name: string): FileSet {
  const set = file.ipsets.find(other => other.name === name)
  if (set) return set
  throw Refused.missing('ipset', name)
}
