/** Match services of a config: what their keys say of the arms, and the services that they are. */

import { familyOfMatch, matchText, mixedFamilies, rangeOf } from '../api/match.ts'
import { DEFAULT_PROTOCOL, type Protocol } from '../api/protocols.ts'
import { PROXY_PROTOCOLS, SYN_PROXY, SYN_PROXY_ABOVE, WHEN_DOWN } from '../api/words.ts'
import { NO_HASHING } from '../engine/asker.ts'
import type { MatchRanges6 } from '../engine/match.ts'
import { isIpv6Text } from '../wire/ip-address.ts'
import type { Ipv6 } from '../wire/ipv6-address.ts'
import { aclOf } from './acl-keys.ts'
import type { ConfigArm } from './arms.ts'
import { checkSchema, configCheck } from './check-keys.ts'
import type { Draft } from './draft.ts'
import { once } from './once.ts'
import type { ConfigFile } from './schema.ts'
import type { ConfigSource, Path } from './source.ts'

type Rules = NonNullable<Draft<ConfigFile>['snat']>
type Rule = NonNullable<Rules[number]>
type Arms = NonNullable<Draft<ConfigFile>['arms']>

/** How many there may be, and addresses of each. */
export const SNAT_MAX = 64
export const SNAT_ADDRESSES_MAX = 16

/** Seconds that a ping's identifier is kept at least, and if nothing else is said (RFC 5508 REQ-2). */
const PING_SEC = 60

/** Pings have a name in the file for each family, and one everywhere else. */
export function protocolOfRule({ protocol = DEFAULT_PROTOCOL }: Pick<Rule, 'protocol'>): Protocol {
  return protocol === 'icmpv6' ? 'icmp' : protocol
}

/** What packets of a match service are like, in numbers. */
export interface ConfigMatch {
  source: readonly [first: number, last: number]
  destination: readonly [first: number, last: number]
  /** Of IPv6, in place of those, which are then any; left out for IPv4. */
  six?: MatchRanges6
  /** Indexes of arms; -1 for any, or for none that its addresses say. */
  in: number
  out: number
}

/** Both kinds. */
export function allServices<S>({ services, snat }: { services: S[]; snat: S[] }): S[] {
  return snat.length === 0 ? services : [...services, ...snat]
}

const ALL = [0, -1] as const
const ALL6: readonly [Ipv6, Ipv6] = [
  [0, 0, 0, 0],
  [-1, -1, -1, -1],
]

function rangesOf(rule: ConfigFile['snat'][number]): Omit<ConfigMatch, 'in' | 'out'> {
  const [source, destination] = [rangeOf(rule.source ?? ''), rangeOf(rule.destination ?? '')]
  if (familyOfMatch(rule) === 'ipv4')
    return { source: (source ?? ALL) as never, destination: (destination ?? ALL) as never }
  const six = { source: source ?? ALL6, destination: destination ?? ALL6 } as MatchRanges6
  return { source: ALL, destination: ALL, six }
}

/** As services are. */
export function snatOf(rules: ConfigFile['snat'], arms: ConfigArm[]) {
  return rules.map(rule => {
    const addresses = rule.addresses.map(({ address }) => address)
    const armNamed = (name: string | undefined) => arms.findIndex(arm => arm.name === name)
    const home = arms.findIndex(arm => arm.localAddresses.includes(addresses[0] ?? ''))
    return {
      protocol: protocolOfRule(rule),
      address: matchText(rule),
      port: 0,
      match: {
        ...rangesOf(rule),
        in: armNamed(rule.in),
        out: rule.out === undefined ? home : armNamed(rule.out),
      },
      scheduler: rule.scheduler,
      hashing: { ...NO_HASHING },
      module: null,
      localAddresses: addresses,
      connTimeout: rule.conn_timeout ?? (protocolOfRule(rule) === 'icmp' ? PING_SEC : 0),
      check: configCheck(checkSchema.parse({})),
      passive: null,
      persistence: { timeout: 0, prefix: 32 },
      whenDown: WHEN_DOWN[0],
      onePacket: false,
      quic: false,
      proxyProtocol: PROXY_PROTOCOLS[0],
      synProxy: SYN_PROXY[0],
      synProxyAbove: SYN_PROXY_ABOVE,
      acl: aclOf({ deny: [], allow: [], acl_established: 'drop' } as never),
      connectionRate: null,
      clientRate: null,
      realServers: rule.addresses.map(({ address, weight }) => ({
        address,
        port: 0,
        weight,
        upperThreshold: 0,
        lowerThreshold: 0,
        backup: false,
        forwarding: 'snat' as const,
      })),
    }
  })
}

/** Adds problems to `source`; `lips` are the local addresses of all arms. */
export function checkSnat(rules: Rules, arms: Arms, source: ConfigSource): void {
  if (rules.length > SNAT_MAX) {
    const found = `expected at most ${SNAT_MAX} of them, found ${rules.length}`
    source.problem(['snat', SNAT_MAX], found)
  }
  const seen = new Map<string, Path>()
  for (const [i, rule] of rules.entries()) {
    if (rule === null) continue
    const path: Path = ['snat', i]
    const mixed = mixedFamilies(rule)
    if (mixed) source.problem(path, `expected ${mixed}: an entry of its own for each family`)
    const { source: from, destination: to, in: iif, out } = rule
    if ((from ?? to ?? iif ?? out) === undefined && source.isWhole(path))
      source.problem(
        path,
        'expected a source, destination, in or out, found none: it would take all',
      )
    const protocol = protocolOfRule(rule)
    once(source, seen, `${protocol},${matchText(rule)}`, path, 'match')
    if (protocol === 'icmp') checkPings(rule, path, source)
    checkArmsOf(rule, path, arms, source)
    checkAddresses(rule, path, arms, source)
  }
}

function checkPings(rule: Rule, path: Path, source: ConfigSource): void {
  const { conn_timeout: timeout = PING_SEC } = rule
  if (timeout < PING_SEC) {
    const found = `expected ${PING_SEC} or more for pings (RFC 5508 REQ-2), found ${timeout}`
    source.problem([...path, 'conn_timeout'], found)
  }
  if (rule.protocol === 'icmpv6' && familyOfMatch(rule) === 'ipv4')
    source.problem(
      [...path, 'protocol'],
      'expected ranges of IPv6, or family: ipv6, beside icmpv6, found none',
    )
}

function checkArmsOf(rule: Rule, path: Path, arms: Arms, source: ConfigSource): void {
  const names = arms.flatMap(arm => (arm?.name === undefined ? [] : [arm.name]))
  for (const key of ['in', 'out'] as const) {
    const name = rule[key]
    if (name === undefined || names.includes(name)) continue
    source.problem([...path, key], `expected an arm (${names.join(', ')}), found "${name}"`)
  }
  if (rule.in !== undefined && rule.in === rule.out)
    source.problem([...path, 'out'], `expected another arm than in, found "${rule.out}"`)
}

function checkAddresses(rule: Rule, path: Path, arms: Arms, source: ConfigSource): void {
  const seen = new Set<string>()
  let home = rule.out
  for (const [j, one] of (rule.addresses ?? []).entries()) {
    const address = one?.address
    if (address === undefined) continue
    const at = [...path, 'addresses', j, 'address']
    if (j === SNAT_ADDRESSES_MAX)
      source.problem([...path, 'addresses', j], `expected at most ${j} addresses, found more`)
    if (isIpv6Text(address) !== (familyOfMatch(rule) === 'ipv6'))
      source.problem(at, familyProblem(rule, address))
    if (seen.has(address)) source.problem(at, `expected each once, found address ${address} again`)
    seen.add(address)
    const arm = arms.find(other => other?.local_addresses?.includes(address))
    if (arm === undefined) {
      if (arms.every((_, i) => source.isWhole(['arms', i])))
        source.problem(at, `expected one of the local_addresses of an arm, found "${address}"`)
    } else if (home !== undefined && arm?.name !== home) {
      source.problem(at, `expected an address of ${home}, as the others, found one of ${arm?.name}`)
    } else home = arm?.name
    if (arm !== undefined && rule.in !== undefined && arm?.name === rule.in)
      source.problem(at, `expected an address of another arm than in, found one of ${rule.in}`)
  }
}

/** The address is of the other family than its entry. */
function familyProblem(rule: Rule, address: string): string {
  const family = familyOfMatch(rule)
  const isSaid = (rule.family ?? rule.source ?? rule.destination) !== undefined
  const how = isSaid ? 'as the entry is' : 'unless family: ipv6 says otherwise'
  return `expected an address of ${family === 'ipv4' ? 'IPv4' : 'IPv6'}, ${how}, found "${address}"`
}
