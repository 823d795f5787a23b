/** What options of ipvsadm say of a service and of a real server, each value checked. */

import { PERSISTENCE_SEC, type ServerFields, type ServiceFields } from '../../api/edits.ts'
import { RATE_MAX, SECONDS_MAX, THRESHOLD_MAX, WEIGHT_MAX } from '../../api/limits.ts'
import { ACL_ESTABLISHED, FORWARDINGS, WHEN_DOWN } from '../../api/words.ts'
import { maskLength } from '../../config/cidr.ts'
import { IPV6_BITS } from '../../wire/ipv6-address.ts'
import { type Given, usage } from '../grammar/options.ts'
import { BACKUP, FORWARD_OPTIONS, PROXY_WORDS, RATE_OPTIONS, SYN_PROXY_WORDS } from './options.ts'
import { schedulingOf } from './scheduling.ts'
import { first, oneOf, whole } from './values.ts'

export function serviceFields(given: Given, isIpv6: boolean): ServiceFields {
  const persistence = persistenceOf(given, isIpv6)
  const timeout = first(given, 'conn-timeout')
  const whenDown = first(given, 'when-down')
  const connTimeout = timeout === undefined ? 0 : whole(timeout, '--conn-timeout', 0, SECONDS_MAX)
  return {
    ...schedulingOf(given),
    ...persistence,
    ...(connTimeout > 0 && { conn_timeout: connTimeout }),
    ...(whenDown !== undefined && { when_down: oneOf(whenDown, WHEN_DOWN, 'answer') }),
    ...datagramsOf(given),
    ...proxyOf(given),
    ...synProxyOf(given),
    ...guardsOf(given),
  }
}

function datagramsOf({ options }: Given): Pick<ServiceFields, 'one_packet' | 'quic'> {
  const isUdp = options.has('udp-service')
  if (options.has('ops') && !isUdp) throw usage('-o is for UDP: it goes with -u')
  if (options.has('quic') && !isUdp) throw usage('--quic is for UDP: it goes with -u')
  return {
    ...(options.has('ops') && { one_packet: true }),
    ...(options.has('quic') && { quic: true }),
  }
}

/** DPVS's word for none is disable. */
function proxyOf(given: Given): Pick<ServiceFields, 'proxy_protocol'> {
  const text = first(given, 'proxy-protocol')
  if (text === undefined) return {}
  const word = oneOf(text, PROXY_WORDS, 'version')
  if (given.options.has('udp-service') && word.startsWith('v1'))
    throw usage('--proxy-protocol of UDP is v2 or v2-insecure')
  return word === 'disable' ? {} : { proxy_protocol: word }
}

/** DPVS's words are disable and enable. */
function synProxyOf(given: Given): ServiceFields {
  const text = first(given, 'synproxy') ?? 'disable'
  const word = oneOf(text, SYN_PROXY_WORDS, 'answer')
  const above = first(given, 'synproxy-above')
  if (above !== undefined && word !== 'auto') throw usage('--synproxy-above goes with -j auto')
  if (word === 'disable') return {}
  if (given.options.has('udp-service')) throw usage('-j is for TCP: it goes with -t')
  return {
    syn_proxy: word === 'enable' ? 'on' : word,
    ...(above !== undefined && { syn_proxy_above: whole(above, '--synproxy-above', 1, RATE_MAX) }),
  }
}

function persistenceOf(
  given: Given,
  isIpv6: boolean,
): Pick<ServiceFields, 'persistence' | 'persistence_prefix'> {
  const mask = first(given, 'netmask')
  if (!given.options.has('persistent')) {
    if (mask !== undefined) throw usage('-M goes with -p')
    return {}
  }
  const text = first(given, 'persistent')
  const persistence = text === undefined ? PERSISTENCE_SEC : whole(text, '-p', 1, SECONDS_MAX)
  return { persistence, ...(mask !== undefined && { persistence_prefix: prefixOf(mask, isIpv6) }) }
}

/** The length of 255.255.255.0 or 24; of IPv6 it is a length always. */
function prefixOf(mask: string, isIpv6: boolean): number {
  if (isIpv6) return whole(mask, '-M', 1, IPV6_BITS)
  const length = maskLength(mask)
  if (length !== undefined) return length
  throw usage(`expected a netmask like 255.255.255.0 after -M, found ${JSON.stringify(mask)}`)
}

export function serverFields(given: Given): ServerFields {
  const number = (name: string, flag: string, max: number) => {
    const text = first(given, name)
    return text === undefined ? undefined : whole(text, flag, 0, max)
  }
  const weight = number('weight', '-w', WEIGHT_MAX)
  const upper = number('u-threshold', '-x', THRESHOLD_MAX)
  const lower = number('l-threshold', '-y', THRESHOLD_MAX)
  return {
    ...(weight !== undefined && { weight }),
    ...(upper !== undefined && { upper_threshold: upper }),
    ...(lower !== undefined && { lower_threshold: lower }),
    ...backupOf(given),
    ...forwardingOf(given),
  }
}

function forwardingOf(given: Given): Pick<ServerFields, 'forwarding'> {
  const ways = FORWARDINGS.filter(way => given.options.has(FORWARD_OPTIONS[way].long))
  if (ways.length > 1) {
    const flags = ways.map(way => `-${FORWARD_OPTIONS[way].short}`)
    throw usage(`${flags.join(' and ')}: a real server is reached in one way`)
  }
  return ways[0] ? { forwarding: ways[0] } : {}
}

function backupOf(given: Given): Pick<ServerFields, 'backup'> {
  if (!given.options.has('backup')) return {}
  const answer = first(given, 'backup') ?? BACKUP[0]
  return { backup: oneOf(answer, BACKUP, 'answer') === BACKUP[0] }
}

function guardsOf(given: Given): ServiceFields {
  const fields: ServiceFields = {}
  for (const [name, field] of Object.entries(RATE_OPTIONS)) {
    const text = first(given, name)
    if (text === undefined) continue
    const value = whole(text, `--${name}`, 0, RATE_MAX)
    if (value > 0) fields[field] = value
  }
  for (const of of ['connection', 'client'] as const) {
    if (fields[`${of}_burst`] !== undefined && fields[`${of}_rate`] === undefined)
      throw usage(`--${of}-burst goes with --${of}-rate`)
  }
  const established = first(given, 'acl-established')
  if (established === undefined) return fields
  return { ...fields, acl_established: oneOf(established, ACL_ESTABLISHED, 'answer') }
}
