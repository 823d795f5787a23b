/** Lists, and whom a service takes, as items of a comparison (changes.ts). */

import { type ServiceKey, serviceName } from '../api/edits.ts'
import { aclWords, type ConfigAcl } from './acl-keys.ts'
import { listParts } from './list-parts.ts'
import { listWords, type PackedList } from './prefix-lists.ts'

export function listItem(name: string, list: PackedList) {
  return {
    name: `list ${name}`,
    value: listWords(list),
    put: () => listParts(name, list),
    remove: () => ({ put: 'no-list' as const, name }),
  }
}

export function aclItem({ protocol, address, port }: ServiceKey, acl: ConfigAcl) {
  const key = { protocol, address, port }
  return {
    name: `ACL of ${serviceName(key)}`,
    value: aclWords(acl),
    put: () => ({ put: 'acl' as const, ...key, acl }),
    remove: () => ({ put: 'no-acl' as const, ...key }),
  }
}
