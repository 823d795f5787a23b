/** What a service says that means nothing beside another key of it. */

import {
  allOf,
  DEFAULT_SCHEDULER,
  HASH_KEYS,
  HASH_TARGETS,
  type SchedulerName,
  SYN_PROXY_ABOVE,
} from '../api/words.ts'
import type { Draft } from './draft.ts'
import { ModuleProblem, moduleOf } from './scheduler-module.ts'
import type { ConfigFile } from './schema.ts'
import type { ConfigSource } from './source.ts'

type Service = NonNullable<NonNullable<Draft<ConfigFile>['services']>[number]>

/** A file that is named and cannot be a scheduler is a mistake of the config. */
export function checkModules(services: readonly (Service | null)[], source: ConfigSource): void {
  for (const [i, service] of services.entries()) {
    if (service?.scheduler_module === undefined) continue
    try {
      moduleOf(service.scheduler_module)
    } catch (error) {
      if (!(error instanceof ModuleProblem)) throw error
      const path = ['services', i, 'scheduler_module']
      const expected = 'a file of JavaScript that exports a function as its default'
      source.problem(path, `expected ${expected}, found ${error.message}`)
    }
  }
}

export function* remarksOnHashing(service: Service | null): Generator<[key: string, text: string]> {
  const { scheduler = DEFAULT_SCHEDULER } = service ?? {}
  const keys = Object.entries(HASH_KEYS) as [keyof typeof HASH_KEYS, SchedulerName[]][]
  for (const [key, names] of keys) {
    const value = service?.[key]
    if (value === undefined || value === false || value === HASH_TARGETS[0]) continue
    if (!names.includes(scheduler))
      yield [key, `no effect with ${scheduler}: it is for ${allOf(names)}`]
  }
  if (service?.hash_target === 'qid' && service.protocol !== 'udp')
    yield ['hash_target', 'no effect: connection IDs are of datagrams']
}

/** What edits write of a service without it is the default. */
export function* remarksOnCookies(service: Service | null): Generator<[key: string, text: string]> {
  const { syn_proxy, syn_proxy_above = SYN_PROXY_ABOVE } = service ?? {}
  if (syn_proxy !== 'auto' && syn_proxy_above !== SYN_PROXY_ABOVE)
    yield ['syn_proxy_above', 'no effect without syn_proxy: auto']
}

export function* remarksOnDatagrams(
  service: Service | null,
): Generator<[key: string, text: string]> {
  const { one_packet, conn_timeout, passive, check } = service ?? {}
  if (one_packet && conn_timeout)
    yield ['conn_timeout', 'no effect with one_packet: no connection outlives its datagram']
  if (one_packet && passive)
    yield ['passive', 'no effect with one_packet: there are no answers to judge a real server by']
  if (check?.reply === false && check.expect !== undefined)
    yield ['check', 'reply: false has no effect with expect, which an answer has to hold']
}
