/** What keys of a real server say about one another, and about those of its service. */

import { FORWARDINGS } from '../api/words.ts'
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
