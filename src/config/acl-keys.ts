/** The keys of a service that say whom it takes, and how many at once: their schema, what their values say, what they come to. */

import { serviceName } from '../api/edits.ts'
import { ACL_ESTABLISHED, ACL_LISTS, allOf } from '../api/words.ts'
import { countPrefixes } from '../engine/prefix-rows.ts'
import { isIpv6Text } from '../wire/ip-address.ts'
import type { Draft } from './draft.ts'
import { ipsetText, isIpset } from './ipset-names.ts'
import { checkIpsets, checkPrefixes, ipsetLists, type ReadIpset } from './ipsets.ts'
import type { ListFiles } from './list-files.ts'
import {
  ALL_PREFIXES_MAX,
  inlineName,
  type PackedList,
  packList,
  prefixesOf,
  prefixProblem,
} from './prefix-lists.ts'
import type { ConfigFile } from './schema.ts'
import type { ConfigSource } from './source.ts'

type FileService = ConfigFile['services'][number]
type DraftService = Draft<FileService>

/** Connections in a second, and at once. */
export interface ConfigRate {
  perSecond: number
  burst: number
}

/** Whom a service takes, by names of lists. */
export interface ConfigAcl {
  deny: string[]
  /** null: everybody. */
  allow: string[] | null
  /** What becomes of connections that a change of a list refuses. */
  established: (typeof ACL_ESTABLISHED)[number]
}

/** Adds problems of all services to `source`. */
export function checkAcls(
  { services, ipsets }: Draft<ConfigFile>,
  source: ConfigSource,
  files: ListFiles,
): void {
  let all = checkIpsets(ipsets ?? [], source)
  const sets = new Set((ipsets ?? []).flatMap(set => set?.name ?? []).map(ipsetText))
  const seen = new Set<string>()
  for (const [i, service] of (services ?? []).entries()) {
    if (service === null) continue
    const path = ['services', i]
    for (const list of ACL_LISTS) {
      all += checkPrefixes(service[list] ?? [], [...path, list], source, text =>
        inlineProblem(text, service.address, sets),
      )
      const name = service[`${list}_file`]
      if (name === undefined) continue
      const { prefixes: read, mistakes } = files.get(name)
      if (!seen.has(name)) {
        const [four, six] = countPrefixes(read)
        all += four + six
        for (const mistake of mistakes) source.problem([...path, `${list}_file`], mistake)
      }
      seen.add(name)
    }
    for (const of of ['connection', 'client'] as const) {
      if (service[`${of}_burst`] === undefined || service[`${of}_rate`] !== undefined) continue
      source.problem([...path, `${of}_burst`], `expected ${of}_rate with it, found none`)
    }
  }
  if (all > ALL_PREFIXES_MAX)
    source.problem(
      ['services'],
      `expected at most ${ALL_PREFIXES_MAX} prefixes in all lists, found ${all}`,
    )
}

/** What is wrong with a prefix, or with the name of a set, in a list of the service at `address`. */
function inlineProblem(
  text: string,
  address: string | undefined,
  sets: ReadonlySet<string>,
): string | undefined {
  if (isIpset(text)) return setProblem(text, sets)
  const problem = prefixProblem(text)
  if (problem !== undefined || address === undefined) return problem
  if (isIpv6Text(address) === isIpv6Text(text)) return undefined
  return `expected a prefix of the service's family, found "${text}"`
}

function setProblem(text: string, sets: ReadonlySet<string>): string | undefined {
  return sets.has(text) ? undefined : `expected one of ipsets, found ${JSON.stringify(text)}`
}

/** What is allowed and looks like a mistake. */
export function* remarksOnAcl(
  service: DraftService | null,
  lists: Pick<ListFiles, 'get'>,
  ipsets: readonly (ReadIpset | null)[],
): Generator<[key: string, text: string]> {
  const { allow_file: file, allow, address = '' } = service ?? {}
  const named = allow ?? []
  if (!named.every(text => text !== null && isIpset(text))) return
  const sources = [...named, ...(file === undefined ? [] : [file])] as string[]
  if (sources.length === 0) return
  const all = sources.map(source =>
    countPrefixes(source === file ? lists.get(file).prefixes : prefixesOfSet(source, ipsets)),
  )
  const [four, six] = [0, 1].map(at => all.reduce((sum, counts) => sum + counts[at as 0], 0))
  const isSix = isIpv6Text(address)
  if ((isSix ? six : four) !== 0) return
  const what = four === 0 && six === 0 ? 'prefix' : `prefix of IPv${isSix ? 6 : 4}`
  const [verb, key] = [
    sources.length > 1 ? 'hold' : 'holds',
    named.length > 0 ? 'allow' : 'allow_file',
  ]
  yield [key, `${allOf(sources)} ${verb} no ${what}: nobody is let in`]
}

/** What cannot be read is a mistake of its own, and none of the list. */
function prefixesOfSet(text: string, ipsets: readonly (ReadIpset | null)[]) {
  const set = ipsets.find(one => one?.name !== undefined && ipsetText(one.name) === text)
  return prefixesOf(
    (set?.prefixes ?? []).filter(one => one !== null && !prefixProblem(one)) as string[],
  )
}

export function aclOf(service: FileService): ConfigAcl {
  const namesOf = (list: 'deny' | 'allow') => {
    const file = service[`${list}_file`]
    const sets = service[list].filter(isIpset)
    const own = service[list].length > sets.length ? [inlineName(list, serviceName(service))] : []
    return [...own, ...sets, ...(file === undefined ? [] : [file])]
  }
  const [deny, allow] = [namesOf('deny'), namesOf('allow')]
  return { deny, allow: allow.length === 0 ? null : allow, established: service.acl_established }
}

/** Some client may be refused. */
export function hasLists({ deny, allow }: ConfigAcl): boolean {
  return deny.length > 0 || allow !== null
}

export function rateOf(service: FileService, of: 'connection' | 'client'): ConfigRate | null {
  const perSecond = service[`${of}_rate`]
  return perSecond === undefined ? null : { perSecond, burst: service[`${of}_burst`] ?? perSecond }
}

/** All lists by name, those of services, of sets and of files. */
export function listsOf(
  { services, ipsets }: Pick<ConfigFile, 'services' | 'ipsets'>,
  files: ListFiles,
): Record<string, PackedList> {
  const inline = services.flatMap(service =>
    ACL_LISTS.flatMap((list): [string, PackedList][] => {
      const prefixes = service[list].filter(text => !isIpset(text))
      if (prefixes.length === 0) return []
      return [[inlineName(list, serviceName(service)), packList(prefixesOf(prefixes))]]
    }),
  )
  return Object.fromEntries([...inline, ...ipsetLists(ipsets), ...files.packed()])
}

/** In the words of a change. */
export function aclWords({ deny, allow, established }: ConfigAcl): string {
  const all = [
    ...deny.map(name => `deny ${name}`),
    ...(allow ?? []).map(name => `allow ${name}`),
    ...(established === ACL_ESTABLISHED[0] ? [] : [`acl_established ${established}`]),
  ]
  return all.join(', ')
}

/** Of all workers together; what is left out is any number. */
export interface GivenRates {
  connectionRate?: ConfigRate
  clientRate?: ConfigRate
}

interface Rates {
  connectionRate: ConfigRate | null
  clientRate: ConfigRate | null
}

export function givenRates({ connectionRate, clientRate }: Rates): GivenRates {
  return { ...(connectionRate && { connectionRate }), ...(clientRate && { clientRate }) }
}

export function rateWords({ connectionRate, clientRate }: Rates): string[] {
  const words = (of: string, rate: ConfigRate | null) => {
    if (rate === null) return []
    const { perSecond, burst } = rate
    return [`${of}_rate ${perSecond}${burst === perSecond ? '' : ` burst ${burst}`}`]
  }
  return [...words('connection', connectionRate), ...words('client', clientRate)]
}
