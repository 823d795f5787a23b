/** What the values of a draft say about one another as addresses of two families. */

import { isIpv6Text } from '../wire/ip-address.ts'
import { wholeLength } from './cidr.ts'
import type { Draft } from './draft.ts'
import type { ConfigFile } from './schema.ts'
import type { ConfigSource, Path } from './source.ts'

type Service = NonNullable<NonNullable<Draft<ConfigFile>['services']>[number]>

interface Ends {
  address?: string | undefined
  local_addresses?: readonly (string | null)[] | undefined
  real_servers?: readonly ({ address?: string | undefined } | null)[] | undefined
}

/**
 * Whether the real servers of a service, and so its LIPs, speak IPv6: all do, or none. Where clients speak it, they need not. A service that has
 * no real servers yet goes by its LIPs, and without those by its clients.
 */
export function reachesIpv6({ address = '', local_addresses, real_servers }: Ends): boolean {
  const first = real_servers?.find(rs => rs?.address !== undefined)?.address
  return isIpv6Text(first ?? local_addresses?.find(lip => lip !== null) ?? address)
}

/** An address towards the real servers is of their family; clients may speak IPv6 before such that speak IPv4, and not the other way round. */
export function checkFamily(
  service: Ends,
  address: string,
  path: Path,
  source: ConfigSource,
): void {
  const { address: vip } = service
  if (vip === undefined) return
  if (!isIpv6Text(vip) && isIpv6Text(address)) {
    source.problem(path, `expected an address of IPv4, as the service has, found "${address}"`)
  } else if (reachesIpv6(service) !== isIpv6Text(address)) {
    const family = reachesIpv6(service) ? 'IPv6' : 'IPv4'
    source.problem(
      path,
      `expected an address of ${family}: real servers of a service and its LIPs are of one family, found "${address}"`,
    )
  }
}

/** Of one link: a gateway that has such an address is on it (RFC 4291 2.5.6). */
export function isLinkLocalText(address: string): boolean {
  return /^fe[89ab]/.test(address)
}

/** Those from which its real servers can be reached. */
export function lipsTowards(service: Ends, lips: readonly string[]): string[] {
  const isSix = reachesIpv6(service)
  return lips.filter(lip => isIpv6Text(lip) === isSix)
}

/** An arm has one of the family of its real servers. */
export function hasLip(service: Ends, lips: readonly string[]): boolean {
  return lipsTowards(service, lips).length > 0
}

/** Keys of a service, and what was expected there. */
export function* familyProblems(service: Service): Generator<[key: string[], text: string]> {
  const { address, persistence_prefix } = service
  if (address !== undefined && persistence_prefix !== undefined) {
    const most = wholeLength(address)
    if (persistence_prefix > most)
      yield [
        ['persistence_prefix'],
        `expected a whole number 1-${most}, found ${persistence_prefix}`,
      ]
  }
}
