/** Match services of a config: what their keys say of the arms, and the services that they are. */

import { DEFAULT_PROTOCOL } from '../api/protocols.ts'
import { PROXY_PROTOCOLS, SYN_PROXY, SYN_PROXY_ABOVE, WHEN_DOWN } from '../api/words.ts'
import { NO_HASHING } from '../engine/asker.ts'
import { aclOf } from './acl-keys.ts'
import type { ConfigArm } from './arms.ts'
import { checkSchema, configCheck } from './check-keys.ts'
import type { Draft } from './draft.ts'
import { matchText, rangeOf } from './match.ts'
import type { ConfigFile } from './schema.ts'
import type { ConfigSource, Path } from './source.ts'

type Rules = NonNullable<Draft<ConfigFile>['snat']>
type Rule = NonNullable<Rules[number]>
type Arms = NonNullable<Draft<ConfigFile>['arms']>

/** How many there may be, and addresses of each. */
export const SNAT_MAX = 64
export const SNAT_ADDRESSES_MAX = 16

/** What packets of a match service are like, in numbers. */
export interface ConfigMatch {
  source: readonly [first: number, last: number]
  destination: readonly [first: number, last: number]
  /** Indexes of arms; -1 for any, or for none that its addresses say. */
  in: number
  out: number
}

/** Both kinds. */
export function allServices<S>({ services, snat }: { services: S[]; snat: S[] }): S[] {
  return snat.length === 0 ? services : [...services, ...snat]
}

const ALL = [0, -1] as const

/** As services are. */
export function snatOf(rules: ConfigFile['snat'], arms: ConfigArm[]) {
  return rules.map(rule => {
    const addresses = rule.addresses.map(({ address }) => address)
    const armNamed = (name: string | undefined) => arms.findIndex(arm => arm.name === name)
    const home = arms.findIndex(arm => arm.localAddresses.includes(addresses[0] ?? ''))
    return {
      protocol: rule.protocol,
      address: matchText(rule),
      port: 0,
      match: {
        source: rangeOf(rule.source ?? '') ?? ALL,
        destination: rangeOf(rule.destination ?? '') ?? ALL,
        in: armNamed(rule.in),
        out: rule.out === undefined ? home : armNamed(rule.out),
      },
      scheduler: rule.scheduler,
      hashing: { ...NO_HASHING },
      module: null,
      localAddresses: addresses,
      connTimeout: rule.conn_timeout ?? 0,
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
    const text = matchText(rule)
    if (text === '' && source.isWhole(path))
      source.problem(
        path,
        'expected a source, destination, in or out, found none: it would take all',
      )
    const name = `${rule.protocol ?? DEFAULT_PROTOCOL},${text}`
    const first = seen.get(name)
    if (first) {
      const place = source.placeOf(first)
      source.problem(path, `expected each once, found match ${name} again, see ${place}`)
    } else seen.set(name, path)
    checkArmsOf(rule, path, arms, source)
    checkAddresses(rule, path, arms, source)
  }
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
