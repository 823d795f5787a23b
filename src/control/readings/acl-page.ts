/** Deny and allow lists of services, with what their prefixes have met. */

import type { ServiceInfo, Verbs } from '../../api/commands.ts'
import { isService, serviceName } from '../../api/edits.ts'
import { Refused } from '../../api/refused.ts'
import { ACL_LISTS, type AclList } from '../../api/words.ts'
import { hasLists } from '../../config/acl-keys.ts'
import type { Config, ConfigService } from '../../config/config.ts'
import { isIpset } from '../../config/ipset-names.ts'
import { prefixText } from '../../config/prefix-lists.ts'
import type { Readings } from './readings.ts'

interface Sources {
  config: Config
  readings: Readings
}

const isFile = (name: string) => name.startsWith('/')

function namesOf({ acl }: ConfigService, list: AclList): readonly string[] {
  return acl[list] ?? []
}

/** Those lists that a service has, in numbers. */
export function aclSizes({ readings }: Sources, service: ConfigService): Pick<ServiceInfo, 'acl'> {
  if (!hasLists(service.acl)) return {}
  const acl: NonNullable<ServiceInfo['acl']> = {}
  for (const list of ACL_LISTS) {
    const names = namesOf(service, list)
    if (names.length === 0) continue
    const tables = names.flatMap(name => readings.list(name) ?? [])
    const sum = (of: (table: (typeof tables)[number]) => number) =>
      tables.reduce((total, table) => total + of(table), 0)
    acl[list] = {
      prefixes: sum(({ size }) => size),
      hits: sum(table => table.allHits()),
      files: names.filter(isFile),
    }
  }
  return { acl }
}

/** Sorted by address, those of the service before those of its file. Throws Refused. */
export function aclPage(
  sources: Sources,
  { list, from, limit, ...key }: Verbs['acl']['args'],
): Verbs['acl']['answer'] {
  const service = sources.config.services.find(other => isService(other, key))
  if (!service) throw Refused.missing('service', serviceName(key))
  const prefixes: Verbs['acl']['answer']['prefixes'] = []
  let total = 0
  for (const name of namesOf(service, list)) {
    const table = sources.readings.list(name)
    if (table === undefined) continue
    if (isIpset(name)) {
      // What it has met at all services.
      if (from <= total && prefixes.length < limit)
        prefixes.push({ prefix: name, hits: table.allHits() })
      total++
      continue
    }
    const file = isFile(name) ? { file: name } : {}
    for (let i = Math.max(0, from - total); i < table.size && prefixes.length < limit; i++) {
      const prefix = prefixText(table.network(i), table.length(i))
      prefixes.push({ prefix, hits: table.hits(i), ...file })
    }
    total += table.size
  }
  return { prefixes, total }
}
