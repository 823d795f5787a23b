/** Fields of lines of ipvsadm: persistence, deny and allow lists, which DPVS has, and what is our own. */

import { RATE_MAX } from '../../api/limits.ts'
import { ACL_ESTABLISHED, ACL_LISTS, oneOf, WHEN_DOWN } from '../../api/words.ts'
import { isIpv6Text } from '../../wire/ip-address.ts'
import { listed } from './addresses.ts'
import { type Collector, type ImportedServer, type ImportedService, NO_SYNS } from './imported.ts'
import type { Line } from './ipvsadm-words.ts'

const RATES = [
  ['connection-rate', 'connection_rate'],
  ['connection-burst', 'connection_burst'],
  ['client-rate', 'client_rate'],
  ['client-burst', 'client_burst'],
] as const

/** Options of a service, into `service`, where what is left out has its default again. */
export function ownOfService(line: Line, service: ImportedService, collector: Collector): void {
  delete service.when_down
  delete service.acl_established
  const down = wordOf(line, 'when-down', WHEN_DOWN, collector)
  if (down !== undefined) service.when_down = down
  const established = wordOf(line, 'acl-established', ACL_ESTABLISHED, collector)
  if (established !== undefined) service.acl_established = established
  for (const [option, field] of RATES) {
    delete service[field]
    const given = line.take(option)
    const rate = given && collector.whole(line.place, given.values[0], RATE_MAX, given.text)
    if (rate) service[field] = rate
  }
}

/** `-j`, which DPVS has with disable and enable. */
export function synProxyOf(line: Line, service: ImportedService, collector: Collector): void {
  delete service.syn_proxy
  delete service.syn_proxy_above
  const word = wordOf(line, 'synproxy', ['disable', 'enable', 'auto'], collector)
  const given = line.take('synproxy-above')
  const above = given && collector.whole(line.place, given.values[0], RATE_MAX, given.text)
  if (word === undefined || word === 'disable') return
  if (service.protocol === 'udp') {
    collector.notCarried(line.place, `-j ${word}`, NO_SYNS)
    return
  }
  service.syn_proxy = word === 'enable' ? 'on' : word
  if (above) service.syn_proxy_above = above
}

/** `-p` and `-M`. */
export function persistenceOf(line: Line, service: ImportedService, collector: Collector): void {
  const persistent = line.take('persistent')
  if (!persistent) return
  const { place } = line
  const timeout = collector.persistence(place, persistent.values[0], persistent.text)
  if (timeout) service.persistence = timeout
  const mask = line.take('netmask')
  const isIpv6 = isIpv6Text(service.address)
  const prefix = mask && collector.prefix(place, mask.values[0] as string, mask.text, isIpv6)
  if (prefix) service.persistence_prefix = prefix
}

/** `--backup`, alone or with yes or no. */
export function ownOfServer(line: Line, server: ImportedServer, collector: Collector): void {
  const given = line.take('backup')
  const word = given?.values[0] ?? 'yes'
  if (!given || word === 'no') return
  if (word === 'yes') server.backup = true
  else collector.notCarried(line.place, given.text, 'expected yes or no')
}

function wordOf<T extends string>(
  line: Line,
  option: string,
  words: readonly T[],
  collector: Collector,
): T | undefined {
  const given = line.take(option)
  const known = words.find(word => word === given?.values[0])
  if (given && known === undefined)
    collector.notCarried(line.place, given.text, `expected ${oneOf(words)}`)
  return known
}

/** add-deny and so on, of a service. => why the line cannot be carried out */
export function listCommand(
  name: string,
  line: Line,
  service: ImportedService,
  collector: Collector,
): string | undefined {
  const list = ACL_LISTS.find(word => name.endsWith(word)) ?? 'deny'
  const given = line.take(list === 'deny' ? 'blklst' : 'whtlst')
  if (!given) return `expected an address (${list === 'deny' ? '-k' : '-2'})`
  const prefixes = listed(given.values[0] ?? '')
  if (typeof prefixes === 'string') return prefixes
  if (name.startsWith('add')) {
    line.refused = !collector.list(line.place, service, list, prefixes)
    return undefined
  }
  const rest = service[list]?.filter(prefix => !prefixes.includes(prefix)) ?? []
  if (rest.length === (service[list]?.length ?? 0)) return `it is not on the ${list} list`
  if (rest.length > 0) service[list] = rest
  else delete service[list]
  return undefined
}
