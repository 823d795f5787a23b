/** What the values of a draft say about one another as addresses of two families. */

import { isIpv6Text } from '../wire/ip-address.ts'
import { wholeLength } from './cidr.ts'
import type { Draft } from './draft.ts'
import type { ConfigFile } from './schema.ts'
import type { ConfigSource, Path } from './source.ts'

type Service = NonNullable<NonNullable<Draft<ConfigFile>['services']>[number]>

/** Client, balancer and real servers speak the same family. */
export function checkFamily(
  { address: vip }: { address?: string | undefined },
  address: string,
  path: Path,
  source: ConfigSource,
): void {
  if (vip === undefined || isIpv6Text(vip) === isIpv6Text(address)) return
  const family = isIpv6Text(vip) ? 'IPv6' : 'IPv4'
  source.problem(path, `expected an address of ${family}, as the service has, found "${address}"`)
}

/** Of one link: a gateway that has such an address is on it (RFC 4291 2.5.6). */
export function isLinkLocalText(address: string): boolean {
  return /^fe[89ab]/.test(address)
}

/** An arm has one of its family. */
export function hasLip(
  { address = '' }: { address?: string | undefined },
  lips: readonly string[],
): boolean {
  return lips.some(lip => isIpv6Text(lip) === isIpv6Text(address))
}

/** Keys of a service, and what was expected there. */
export function* familyProblems({
  address,
  persistence_prefix,
  proxy_protocol,
  scheduler_module,
}: Service): Generator<[key: string[], text: string]> {
  if (address !== undefined && persistence_prefix !== undefined) {
    const most = wholeLength(address)
    if (persistence_prefix > most)
      yield [
        ['persistence_prefix'],
        `expected a whole number 1-${most}, found ${persistence_prefix}`,
      ]
  }
  if (address !== undefined && isIpv6Text(address)) {
    if (scheduler_module !== undefined)
      yield [['scheduler_module'], 'expected none: it is asked for clients of IPv4 only']
    if (proxy_protocol !== undefined && proxy_protocol !== 'off')
      yield [
        ['proxy_protocol'],
        `expected off: services of IPv6 tell their clients by TOA, found ${proxy_protocol}`,
      ]
  }
}
