/** The words that keys of the config file and fields of the API have in common, each list once; nothing here loads a library. */

import type { Hashing } from '../engine/asker.ts'
import { SCHEDULERS, type SchedulerName, schedulerOf } from '../engine/schedule.ts'

export type { SchedulerName } from '../engine/schedule.ts'

/** In the order of the engine's table. */
export const SCHEDULER_NAMES = Object.keys(SCHEDULERS) as [SchedulerName, ...SchedulerName[]]
export const DEFAULT_SCHEDULER: SchedulerName = 'wrr'
/** What `ipvsadm -A` means without -s, as LVS and DPVS have it. */
export const IPVSADM_SCHEDULER: SchedulerName = 'wlc'
/** The same, the default first. */
export const SCHEDULER_CHOICES = [
  DEFAULT_SCHEDULER,
  ...SCHEDULER_NAMES.filter(name => name !== DEFAULT_SCHEDULER),
] as const

/** What conhash goes by: the client's address, or the connection ID of gQUIC. The first is the default. */
export const HASH_TARGETS = ['sip', 'qid'] as const
export type HashTarget = (typeof HASH_TARGETS)[number]

/** Keys of a service that say how it hashes, and which schedulers they mean something to. */
export const HASH_KEYS = {
  hash_fallback: hashingBy('fallback'),
  hash_port: hashingBy('port'),
  hash_target: hashingBy('byId'),
} as const

function hashingBy(key: keyof Hashing): SchedulerName[] {
  return SCHEDULER_NAMES.filter(name => schedulerOf(name).hashing?.includes(key))
}

/**
 * What becomes of new connections while no real server is up: nothing, a RST, or as if none had failed its checks. The
 * first is the default.
 */
export const WHEN_DOWN = ['drop', 'reject', 'all'] as const
export type WhenDown = (typeof WHEN_DOWN)[number]

/** What becomes of connections that a change of a deny or allow list refuses; the first is the default. */
export const ACL_ESTABLISHED = ['drop', 'keep'] as const
export const ACL_LISTS = ['deny', 'allow'] as const
export type AclList = (typeof ACL_LISTS)[number]
export type AclEstablished = (typeof ACL_ESTABLISHED)[number]

/**
 * Whether real servers are told the client by a header of the PROXY protocol, and of which version; the insecure ones believe what a client
 * says of itself. In the order of the engine's PROXY; the first is the default.
 */
export const PROXY_PROTOCOLS = ['off', 'v1', 'v2', 'v1-insecure', 'v2-insecure'] as const
export type ProxyProtocol = (typeof PROXY_PROTOCOLS)[number]

/**
 * How a real server is reached: by FullNAT; by NAT, which leaves it the client's address; by its MAC alone (direct routing); in a
 * tunnel of IP in IP. In the order of the engine's METHOD; the first is the default.
 */
export const FORWARDINGS = ['fullnat', 'nat', 'dr', 'tunnel'] as const
export type Forwarding = (typeof FORWARDINGS)[number]
/** With that of match services, whose real servers are addresses of ours; no other has it. */
export const ALL_FORWARDINGS = [...FORWARDINGS, 'snat'] as const
export type AnyForwarding = (typeof ALL_FORWARDINGS)[number]

/** Whether SYNs are answered by cookies: never, always, or by itself while many come. In the order of the engine's SynProxyMode. */
export const SYN_PROXY = ['off', 'on', 'auto'] as const
export type SynProxyWord = (typeof SYN_PROXY)[number]
/** SYNs without connection in a second above which `auto` begins, if the config says nothing. */
export const SYN_PROXY_ABOVE = 10_000

/** drop, reject or all */
export function oneOf(words: readonly string[]): string {
  return listed(words, 'or')
}

/** rr and wrr */
export function allOf(words: readonly string[]): string {
  return listed(words, 'and')
}

function listed(words: readonly string[], joint: string): string {
  const last = words.at(-1) ?? ''
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} ${joint} ${last}`
}

/** Seconds that a program is watched after an upgrade, at most and by itself. */
export const WATCH_MOST = 3600
export const WATCH_SECONDS = 10
