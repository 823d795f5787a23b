/** Flags of schedulers that hash, as LVS and keepalived call them: sh-port, mh-fallback and so on. */

import { HASH_KEYS, HASH_TARGETS } from '../../api/words.ts'
import type { Collector, ImportedService, Place } from './imported.ts'
import type { Line } from './ipvsadm-words.ts'
import type { Statement } from './keepalived-statement.ts'

const FLAGS = [
  ...HASH_KEYS.hash_fallback.map(name => [`${name}-fallback`, name, 'hash_fallback'] as const),
  ...HASH_KEYS.hash_port.map(name => [`${name}-port`, name, 'hash_port'] as const),
]
/** What LVS saves where it knows no better name: the first flag of sh and mh is their fallback, the second the port. */
const NUMBERED = { 'flag-1': 'fallback', 'flag-2': 'port' } as const

type Fields = Partial<ImportedService>

/** `what` is how it was written. => What it sets; nothing and a remark if it is not of `scheduler`. */
export function hashFlag(
  collector: Collector,
  place: Place,
  word: string,
  scheduler = '',
  what = word,
): Fields {
  const name = Object.hasOwn(NUMBERED, word)
    ? `${scheduler}-${NUMBERED[word as keyof typeof NUMBERED]}`
    : word
  const found = FLAGS.find(([flag]) => flag === name)
  if (found?.[1] === scheduler) return { [found[2]]: true }
  collector.notCarried(place, what, `it is no flag of ${scheduler}`)
  return {}
}

/** The same of sip and qid. */
export function hashTarget(
  collector: Collector,
  place: Place,
  word: string,
  scheduler = '',
  what = word,
): Fields {
  const target = HASH_TARGETS.find(known => known === word)
  const isHere = HASH_KEYS.hash_target.some(name => name === scheduler)
  if (target !== undefined && isHere)
    return target === HASH_TARGETS[0] ? {} : { hash_target: target }
  const why = isHere ? 'expected sip or qid, the default takes its place' : 'it is for conhash'
  collector.notCarried(place, what, why)
  return {}
}

/** Of a statement of keepalived => undefined if it is about something else */
export function hashingOf(
  statement: Statement,
  collector: Collector,
  scheduler: string,
  what: string,
): Fields | undefined {
  const { keyword, place } = statement
  if (keyword === 'hash_target')
    return hashTarget(collector, place, statement.value ?? '', scheduler, what)
  if (!FLAGS.some(([flag]) => flag === keyword)) return undefined
  statement.read(0)
  return hashFlag(collector, place, keyword, scheduler, what)
}

/** The same of a line of ipvsadm, into `service`. */
export function hashingOfLine(line: Line, service: ImportedService, collector: Collector): void {
  const { place } = line
  const { scheduler } = service
  const flags = line.take('sched-flags')
  for (const flag of flags?.values[0]?.split(',') ?? [])
    Object.assign(service, hashFlag(collector, place, flag, scheduler, flags?.text))
  const target = line.take('hash-target')
  const word = target?.values[0] ?? ''
  if (target) Object.assign(service, hashTarget(collector, place, word, scheduler, target.text))
}
