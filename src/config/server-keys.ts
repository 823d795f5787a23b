/** What keys of a real server say about one another, and about those of its service. */

import { FORWARDINGS, SYN_PROXY } from '../api/words.ts'
import { isIpv6Text } from '../wire/ip-address.ts'
import type { Draft } from './draft.ts'
import type { ConfigFile } from './schema.ts'

type Service = NonNullable<NonNullable<Draft<ConfigFile>['services']>[number]>
type RealServer = NonNullable<NonNullable<Service['real_servers']>[number]>

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

function* forwardingProblems(
  _service: Service,
  { forwarding = FORWARDINGS[0] }: RealServer,
): Generator<[key: string, text: string]> {
  if (forwarding !== FORWARDINGS[0])
    yield [
      'forwarding',
      `expected ${FORWARDINGS[0]}: no other way leads on yet, found ${forwarding}`,
    ]
}
