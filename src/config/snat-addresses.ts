/** LIPs by which hosts inside speak to those outside. */

import { isIpv6Text } from '../wire/ip-address.ts'
import type { Draft } from './draft.ts'
import type { ConfigFile } from './schema.ts'
import type { ConfigSource, Path } from './source.ts'

type Rules = NonNullable<Draft<ConfigFile>['snat']>

/** They are no LIPs of services that name none. */
export function snatAddresses(rules: Rules | undefined): Set<string> {
  const all = (rules ?? []).flatMap(rule => rule?.addresses ?? [])
  return new Set(all.flatMap(one => (one?.address === undefined ? [] : [one.address])))
}

/** Of these LIPs, those that services may have. */
export function lipsOfServices(lips: readonly string[], rules: Rules | undefined): string[] {
  const outside = snatAddresses(rules)
  return lips.filter(lip => !outside.has(lip))
}

/** Over IPv6 what comes to an address of `outside` comes from anybody, so the service at `path` cannot have one. */
export function checkOutside(
  { local_addresses: lips }: NonNullable<NonNullable<Draft<ConfigFile>['services']>[number]>,
  path: Path,
  outside: ReadonlySet<string>,
  source: ConfigSource,
): void {
  for (const [j, lip] of (lips ?? []).entries())
    if (lip && isIpv6Text(lip) && outside.has(lip)) {
      const found = `expected an address that snat has not: over IPv6 it is of one or the other, found "${lip}"`
      source.problem([...path, 'local_addresses', j], found)
    }
}
