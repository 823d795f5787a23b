/** The keys that say which SYNs are answered by a cookie, and how: their schema, what they say about others, what they come to. */

import * as z from 'zod'
import { RATE_MAX } from '../api/limits.ts'
import { DEFAULT_PROTOCOL, type Protocol } from '../api/protocols.ts'
import { SYN_PROXY, SYN_PROXY_ABOVE, type SynProxyWord } from '../api/words.ts'
import { whole, word } from './word.ts'

/** Of a service. */
export const synProxyService = {
  syn_proxy: word(SYN_PROXY),
  syn_proxy_above: whole(1, RATE_MAX).default(SYN_PROXY_ABOVE),
}

/** tcp.syn_proxy, by the reference's names. */
export const synProxySchema = z.strictObject(
  {
    mss: whole(64, 65_535).default(1452),
    sack: z.boolean('true or false').default(true),
    wscale: whole(0, 14).default(0),
    rs_syn_max_retry: whole(1, 99).default(3),
    max_ack_saved: whole(1, 63).default(3),
  },
  'a mapping',
)

/** As the engine takes it (SynProxyOptions). */
export interface ConfigSynProxy {
  /** The largest MSS, SACK, and the scale of windows that clients are told. */
  mss: number
  sack: boolean
  scale: number
  /** SYNs to an RS behind the first, and segments of a client that are held until it answers. */
  tries: number
  held: number
}

export function configSynProxy(given: z.output<typeof synProxySchema>): ConfigSynProxy {
  const { mss, sack, wscale, rs_syn_max_retry, max_ack_saved } = given
  return { mss, sack, scale: wscale, tries: rs_syn_max_retry, held: max_ack_saved }
}

/** Keys of a service, and what was expected there. */
export function* synProxyProblems({
  protocol = DEFAULT_PROTOCOL,
  syn_proxy = SYN_PROXY[0],
}: {
  protocol?: Protocol | undefined
  syn_proxy?: SynProxyWord | undefined
}): Generator<[key: string[], text: string]> {
  if (syn_proxy !== SYN_PROXY[0] && protocol !== 'tcp')
    yield [['syn_proxy'], `expected off: there are no SYNs but of tcp, found ${syn_proxy}`]
}

interface OfService {
  synProxy: SynProxyWord
  synProxyAbove: number
}

export function serviceSynProxy(service: {
  syn_proxy: SynProxyWord
  syn_proxy_above: number
}): OfService {
  return { synProxy: service.syn_proxy, synProxyAbove: service.syn_proxy_above }
}

/** What its change says; nothing of one whose SYNs open connections. */
export function givenSynProxy({ synProxy, synProxyAbove }: OfService): {
  synProxy?: { when: 'on' | 'auto'; above: number }
} {
  return synProxy === 'off' ? {} : { synProxy: { when: synProxy, above: synProxyAbove } }
}

/** In words, by which changes are known. */
export function synProxyWords({ synProxy, synProxyAbove }: OfService): string[] {
  if (synProxy === 'off') return []
  return [`syn_proxy ${synProxy}${synProxy === 'auto' ? ` above ${synProxyAbove}` : ''}`]
}
