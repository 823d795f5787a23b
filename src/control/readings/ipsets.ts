/** Named sets, with what their prefixes have met at all services. */

import type { IpsetInfo, Verbs } from '../../api/commands.ts'
import { Refused } from '../../api/refused.ts'
import type { Config } from '../../config/config.ts'
import { listsWith } from '../../config/edited-ipsets.ts'
import { ipsetText } from '../../config/ipset-names.ts'
import { prefixText } from '../../config/prefix-lists.ts'
import { NOBODY, type PrefixTable } from '../../engine/prefix-table.ts'
import { parseIp } from '../../wire/ip-address.ts'
import type { Readings } from './readings.ts'

interface Sources {
  config: Config
  readings: Readings
}

/** In the order of the config. */
export function ipsets({ config, readings }: Sources): IpsetInfo[] {
  return config.file.ipsets.map(({ name }) => {
    const table = readings.list(ipsetText(name))
    const { size = 0, bytes = 0 } = table ?? {}
    const lists = listsWith(config.file, name)
    return { name, prefixes: size, hits: table?.allHits() ?? 0, bytes, lists }
  })
}

/** Sorted by address. Throws Refused. */
export function ipsetPage(
  { readings, config }: Sources,
  { name, from, limit, holds }: Verbs['ipset']['args'],
): Verbs['ipset']['answer'] {
  const isThere = config.file.ipsets.some(set => set.name === name)
  const table = isThere ? readings.list(ipsetText(name)) : undefined
  if (table === undefined) throw Refused.missing('ipset', name)
  const prefixAt = (at: number) => ({
    prefix: prefixText(table.network(at), table.length(at)),
    hits: table.hits(at),
  })
  if (holds !== undefined) {
    const at = longest(table, holds)
    return at === NOBODY ? { prefixes: [], total: 0 } : { prefixes: [prefixAt(at)], total: 1 }
  }
  const count = Math.max(0, Math.min(limit, table.size - from))
  const prefixes = Array.from({ length: count }, (_, i) => prefixAt(from + i))
  return { prefixes, total: table.size }
}

/** => the longest prefix that holds the address, or NOBODY */
function longest(table: PrefixTable, text: string): number {
  const address = parseIp(text)
  if (address === undefined) throw new Refused('invalid', `${text} is no address`)
  if (typeof address === 'number') return table.find(address)
  return table.find6(Int32Array.from(address), 0)
}
