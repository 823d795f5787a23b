/** What a service is, besides its real servers: each word as short as it can be, with what it means. */

import type { ServiceInfo } from '../api/commands.ts'
import { ACL_LISTS, HASH_KEYS, HASH_TARGETS } from '../api/words.ts'
import { bitsOf, ipAddress } from '../wire/ip-address.ts'
import { whole } from './format.ts'

export interface ServiceFact {
  text: string
  title?: string
}

const WHEN_DOWN: Partial<Record<ServiceInfo['when_down'], string>> = {
  reject: 'rejects when down',
  all: 'asks all when all are down',
}

export function serviceFacts(service: ServiceInfo): ServiceFact[] {
  const { when_down, proxy_protocol: proxy, conn_timeout: timeout } = service
  const down = WHEN_DOWN[when_down]
  return [
    scheduling(service),
    ...persistence(service),
    ...(timeout > 0 ? [{ text: `timeout ${timeout} s` }] : []),
    ...(service.quic
      ? [
          {
            text: 'quic',
            title: 'A client of QUIC that moves keeps its real server, by its connection ID.',
          },
        ]
      : []),
    ...(service.one_packet ? [{ text: 'one packet', title: 'Each datagram by itself.' }] : []),
    ...(down === undefined ? [] : [{ text: down }]),
    ...(proxy === 'off' ? [] : [{ text: `PROXY protocol ${proxy}` }]),
    ...cookies(service),
    ...limits(service),
    ...lists(service),
    { text: `LIPs ${service.local_addresses.map(({ address }) => address).join(', ') || 'none'}` },
  ]
}

/** Words that mean something to its scheduler only. */
function scheduling(service: ServiceInfo): ServiceFact {
  const { scheduler, hash_target: target, scheduler_module: own } = service
  const has = (key: keyof typeof HASH_KEYS) => HASH_KEYS[key].includes(scheduler)
  const words = [
    ...(target !== HASH_TARGETS[0] && has('hash_target') ? [target] : []),
    ...(service.hash_port && has('hash_port') ? ['port'] : []),
    ...(service.hash_fallback && has('hash_fallback') ? ['fallback'] : []),
  ]
  const text = words.length === 0 ? scheduler : `${scheduler} (${words.join(', ')})`
  return own === undefined ? { text } : { text: `${text}, own scheduler`, title: own }
}

function persistence({ address, persistence: seconds, persistence_prefix: prefix }: ServiceInfo) {
  if (seconds === 0) return []
  const isWhole = prefix === bitsOf(ipAddress(address))
  return [{ text: `persistent ${seconds} s${isWhole ? '' : ` by /${prefix}`}` }]
}

/** Of the SYN proxy. */
function cookies(service: ServiceInfo): ServiceFact[] {
  const { syn_proxy: when, syn_proxy_above: above = 0, syn_proxy_workers: now = 0 } = service
  if (when === undefined || when === 'off') return []
  const title = 'SYNs are answered by a cookie, of which nothing is kept.'
  if (when === 'on') return [{ text: 'SYN cookies', title }]
  const workers = now === 1 ? 'One packet thread does' : `${now} packet threads do`
  return [
    {
      text: `SYN cookies above ${whole(above)} SYNs/s${now > 0 ? ', given now' : ''}`,
      title: now > 0 ? `${title} ${workers} now.` : title,
    },
  ]
}

function limits(service: ServiceInfo): ServiceFact[] {
  const all = limit(service.connection_rate, service.connection_burst)
  const each = limit(service.client_rate, service.client_burst)
  return [
    ...(all === undefined ? [] : [{ text: `at most ${all}` }]),
    ...(each === undefined ? [] : [{ text: `${each} of a client` }]),
  ]
}

function limit(rate: number | undefined, burst: number | undefined): string | undefined {
  if (rate === undefined) return undefined
  return `${whole(rate)} new/s${burst === undefined ? '' : ` (${whole(burst)} at once)`}`
}

function lists({ acl }: ServiceInfo): ServiceFact[] {
  return ACL_LISTS.flatMap(list => {
    const size = acl?.[list]
    if (!size) return []
    const said = list === 'deny' ? 'denies' : 'allows'
    const met = size.hits > 0 ? `, met ${whole(size.hits)}` : ''
    const title = ['Packets without a connection that met one of them.', ...size.files].join(' ')
    return [{ text: `${said} ${whole(size.prefixes)}${met}`, title }]
  })
}
