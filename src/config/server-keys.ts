/** What keys of a real server say about one another, and about those of its service. */

import { FORWARDINGS, SYN_PROXY } from '../api/words.ts'
import { isIpv6Text } from '../wire/ip-address.ts'
import type { Draft } from './draft.ts'
import type { ConfigFile } from './schema.ts'

type Service = NonNullable<NonNullable<Draft<ConfigFile>['services']>[number]>
type Arm = NonNullable<Draft<ConfigFile>['arms']>[number]
type RealServer = NonNullable<NonNullable<Service['real_servers']>[number]>

const WAY = FORWARDINGS[0]

/** Keys of a real server, and what was expected there. */
export function* serverProblems(
  service: Service,
  rs: RealServer,
): Generator<[key: string, text: string]> {
  const { upper_threshold: upper = 0, lower_threshold: lower = 0 } = rs
  if (lower > upper)
    yield ['lower_threshold', `expected at most upper_threshold ${upper}, found ${lower}`]
  yield* forwardingProblems(service, rs)
  const { syn_proxy = SYN_PROXY[0] } = service
  if (syn_proxy === SYN_PROXY[0] || rs.address === undefined || service.address === undefined)
    return
  if (isIpv6Text(rs.address) !== isIpv6Text(service.address))
    yield [
      'address',
      `expected one of the VIP's family: its service has syn_proxy ${syn_proxy}, found ${rs.address}`,
    ]
}

/** The service may have a connection, or a check, that needs a LIP. */
export function needsLip({ real_servers = [], check }: Service): boolean {
  if (check?.type !== undefined && check.type !== 'none') return true
  return real_servers.length === 0 || real_servers.some(rs => (rs?.forwarding ?? WAY) === WAY)
}

function* forwardingProblems(
  { address, port, proxy_protocol = 'off', syn_proxy = SYN_PROXY[0] }: Service,
  { forwarding = WAY, ...rs }: RealServer,
): Generator<[key: string, text: string]> {
  if (forwarding === WAY) return
  const found = `found ${forwarding}`
  const [vip, rip] = [address ?? rs.address, rs.address ?? address]
  if (vip !== undefined && rip !== undefined && isIpv6Text(vip) !== isIpv6Text(rip))
    yield [
      'forwarding',
      `expected ${WAY}: the other ways stay in the VIP's family, and ${rip} is of the other, ${found}`,
    ]
  if (proxy_protocol !== 'off')
    yield [
      'forwarding',
      `expected ${WAY} with proxy_protocol: the others show the client, ${found}`,
    ]
  if (syn_proxy !== SYN_PROXY[0])
    yield ['forwarding', `expected ${WAY} with syn_proxy ${syn_proxy}, ${found}`]
  if (forwarding === 'nat' || rs.port === undefined || port === undefined) return
  if (rs.port !== port)
    yield ['port', `expected ${port}: by ${forwarding} the service's stays, found ${rs.port}`]
}

/** What the arm that leads to a real server has to say of it; undefined: there is none. */
export function* wayProblems(
  { forwarding = WAY }: RealServer,
  address: string,
  arm: Arm | undefined,
): Generator<[key: string, text: string]> {
  if (!arm)
    yield ['address', `expected an address that a route of some arm leads to, found "${address}"`]
  else if (forwarding === 'tunnel' && !hasSource(arm, address))
    yield [
      'forwarding',
      `expected an address of ${arm.name}, from which a tunnel begins, of the family of ${address}, found none`,
    ]
}

/** An address of the arm is of the family of `target`. */
function hasSource({ addresses, local_addresses }: NonNullable<Arm>, target: string): boolean {
  const all = [...(addresses ?? []), ...(local_addresses ?? [])]
  return all.some(address => address !== null && isIpv6Text(address) === isIpv6Text(target))
}
