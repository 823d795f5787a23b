/** -s, --sched-flags and --hash-target: read, and written. */

import type { ServiceInfo } from '../../api/commands.ts'
import type { ServiceFields } from '../../api/edits.ts'
import {
  oneOf as anyOf,
  DEFAULT_SCHEDULER,
  HASH_KEYS,
  HASH_TARGETS,
  IPVSADM_SCHEDULER,
  SCHEDULER_NAMES,
} from '../../api/words.ts'
import { SCHEDULERS } from '../../engine/schedule.ts'
import { type Given, usage } from '../grammar/options.ts'
import { first, oneOf } from './values.ts'

/** sh-fallback, mh-port and so on, as LVS has them. */
export const SCHED_FLAGS = [
  ...HASH_KEYS.hash_fallback.map(name => `${name}-fallback`),
  ...HASH_KEYS.hash_port.map(name => `${name}-port`),
]

/** rr (one real server after the other), wrr (...) and so on */
export function schedulersHelp(): string {
  const rows = SCHEDULER_NAMES.map(name => {
    const mark = name === IPVSADM_SCHEDULER ? ', the default' : ''
    return `${name} (${SCHEDULERS[name].says}${mark})`
  })
  return anyOf(rows)
}

export function schedulingOf(given: Given): ServiceFields {
  const name = first(given, 'scheduler') ?? IPVSADM_SCHEDULER
  const scheduler = oneOf(name, SCHEDULER_NAMES, 'scheduler')
  const flags = (first(given, 'sched-flags') ?? '').split(',').filter(flag => flag !== '')
  const own = SCHED_FLAGS.filter(flag => flag.startsWith(`${name}-`))
  for (const flag of flags) {
    if (own.includes(flag)) continue
    const has = own.length === 0 ? 'has no flags' : `has ${own.join(' and ')}`
    throw usage(`no flag ${JSON.stringify(flag)} here: -s ${name} ${has}`)
  }
  const target = first(given, 'hash-target')
  if (target !== undefined && !HASH_KEYS.hash_target.includes(scheduler))
    throw usage(`--hash-target goes with -s ${HASH_KEYS.hash_target.join(' or -s ')}`)
  return {
    scheduler,
    ...(flags.includes(`${name}-fallback`) && { hash_fallback: true }),
    ...(flags.includes(`${name}-port`) && { hash_port: true }),
    ...(target !== undefined && { hash_target: oneOf(target, HASH_TARGETS, 'target') }),
  }
}

/** Flags that mean nothing to its scheduler have no word. */
export function knownScheduling({ scheduler, hash_fallback, hash_port, hash_target }: ServiceInfo) {
  const has = (key: keyof typeof HASH_KEYS) => HASH_KEYS[key].includes(scheduler)
  return {
    scheduler,
    ...(hash_fallback && has('hash_fallback') && { hash_fallback }),
    ...(hash_port && has('hash_port') && { hash_port }),
    ...(hash_target !== HASH_TARGETS[0] && has('hash_target') && { hash_target }),
  }
}

/** sh-fallback,sh-port */
export function schedFlags({
  scheduler = DEFAULT_SCHEDULER,
  hash_fallback,
  hash_port,
}: ServiceFields): string | undefined {
  const flags = [
    ...(hash_fallback ? [`${scheduler}-fallback`] : []),
    ...(hash_port ? [`${scheduler}-port`] : []),
  ].filter(flag => SCHED_FLAGS.includes(flag))
  return flags.length === 0 ? undefined : flags.join(',')
}
