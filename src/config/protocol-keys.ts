/** What the keys of a service of a draft say that only services of one protocol may have. */

import { DEFAULT_PROTOCOL } from '../api/protocols.ts'
import type { Draft } from './draft.ts'
import type { ConfigFile } from './schema.ts'

type Service = NonNullable<NonNullable<Draft<ConfigFile>['services']>[number]>

/** Keys of the service, and what was expected there. */
export function* protocolProblems({
  protocol = DEFAULT_PROTOCOL,
  one_packet,
  quic,
  proxy_protocol = 'off',
}: Service): Generator<[key: string[], text: string]> {
  if (one_packet && protocol !== 'udp')
    yield [['one_packet'], `expected protocol udp with it, found ${protocol}`]
  if (quic && protocol !== 'udp')
    yield [['quic'], `expected protocol udp with it, found ${protocol}`]
  if (protocol === 'udp' && proxy_protocol.startsWith('v1'))
    yield [['proxy_protocol'], `expected v2 or v2-insecure of udp, found ${proxy_protocol}`]
}
