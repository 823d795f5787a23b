/**
 * A whole config from what was imported: services know nothing of arms, so these come from a config that is there, or
 * are guessed from the addresses, with comments that say what to look at.
 */

import { isMap, type Scalar } from 'yaml'
import { ipAddress, isIpv6Text } from '../../wire/ip-address.ts'
import { contains, hostOf, networkOf, networkText, wholeLength } from '../cidr.ts'
import type { ConfigFile } from '../schema.ts'
import { type ConfigInput, configDocument, documentText } from '../write.ts'
import type { Imported, Lip } from './imported.ts'
import type { ImportedRule } from './matches.ts'

export interface Completed {
  yaml: string
  /** What was done and is no choice of the source's, a line each. */
  notes: string[]
}

/** Comments are as long as those of config/lab.yaml. */
const HINTS = {
  top: [
    ' Imported by tapvs. Services do not say which arms there are, so these are guesses: see that names,',
    ' networks and LIPs are right, and add a default route if clients are behind a router.',
  ],
  external: ' The external arm faces the clients and carries the VIPs.',
  internal: ' The internal arm faces the real servers and carries the LIPs.',
  noLips: [
    ' It needs LIPs, free addresses of its network from which real servers are reached:',
    ' local_addresses: [192.0.2.7]',
  ],
}

const AROUND = ' The /24 around each address.'
const AROUND_BOTH = ' The /24 around each address, of IPv6 the /64.'

/** Arms `ext0` and `int0`, made for what was imported. */
export function withSkeleton(imported: Imported): Completed {
  const { file, lips } = imported
  const vips = unique(file.services.map(({ address }) => address))
  const servers = file.services.flatMap(service => service.real_servers ?? [])
  const ours = outsideOf(imported)
  const inside = unique([...lips, ...servers].map(({ address }) => around(address)))
  const outside = unique([...vips, ...ours.map(({ address }) => address)].map(around)).filter(
    network => !inside.includes(network),
  )
  const config: ConfigInput = {
    arms: [
      {
        name: 'ext0',
        addresses: vips.map(wholeOf),
        ...(ours.length > 0 && { local_addresses: unique(ours.map(({ address }) => address)) }),
        routes: outside.map(to => ({ to })),
      },
      {
        name: 'int0',
        local_addresses: lips.map(({ address }) => address),
        routes: inside.map(to => ({ to })),
      },
    ],
    ...file,
    ...(file.snat && { snat: file.snat.map(withGuesses) }),
  }
  const around6 = [...outside, ...inside].some(isIpv6Text)
  const document = configDocument(config)
  document.commentBefore = HINTS.top.join('\n')
  const names = unique(lips.flatMap(({ arm }) => arm ?? []))
  const internal = [HINTS.internal, ...(lips.length === 0 ? HINTS.noLips : [])]
  if (names.length > 0) internal.push(` Its LIPs were on ${names.join(', ')}.`)
  const comments = [HINTS.external, internal.join('\n')]
  for (const [i, comment] of comments.entries()) {
    const arm = document.getIn(['arms', i], true)
    if (!isMap(arm)) continue
    arm.commentBefore = comment
    const routes = arm.items.find(({ key }) => String(key) === 'routes')
    if (routes) (routes.key as Scalar).commentBefore = around6 ? AROUND_BOTH : AROUND
  }
  return { yaml: documentText(document), notes: [] }
}

/** Addresses that those of match services have outside. */
function outsideOf({ file: { snat = [] } }: Imported): Lip[] {
  return snat.flatMap(({ addresses = [], out }) =>
    addresses.map(({ address }) => ({ address, arm: out ?? null })),
  )
}

/** By the names that arms have here. */
function withGuesses(rule: ImportedRule): ImportedRule {
  return { ...rule, ...(rule.in && { in: 'int0' }), ...(rule.out && { out: 'ext0' }) }
}

/** The arms and settings of `base`, whose services make room for the imported ones. */
export function withArms(imported: Imported, base: ConfigFile): Completed {
  const { services, snat, tcp, udp } = imported.file
  const notes: string[] = []
  const file: ConfigInput = {
    ...structuredClone(base),
    services,
    snat: snat ?? base.snat,
    tcp: { ...base.tcp, timeouts: { ...base.tcp.timeouts, ...tcp?.timeouts } },
    udp: { ...base.udp, timeouts: { ...base.udp.timeouts, ...udp?.timeouts } },
  }
  if (base.services.length > 0) notes.push('its own services are left out')
  const own = new Set(
    file.arms.flatMap(arm => [
      ...(arm.addresses ?? []).map(hostOf),
      ...(arm.local_addresses ?? []),
    ]),
  )
  for (const lip of [...imported.lips, ...outsideOf(imported)]) {
    const arm = own.has(lip.address) ? undefined : armFor(lip, base)
    if (!arm) continue
    own.add(lip.address)
    file.arms[arm.index]?.local_addresses?.push(lip.address)
    notes.push(`LIP ${lip.address} is added to ${arm.name}`)
  }
  for (const vip of unique(services.map(({ address }) => address))) {
    const arm = own.has(vip) ? undefined : armFor({ address: vip, arm: null }, base)
    if (!arm) continue
    file.arms[arm.index]?.addresses?.push(wholeOf(vip))
    notes.push(`VIP ${vip} is added to ${arm.name}`)
  }
  return { yaml: documentText(configDocument(file)), notes }
}

/** The arm that is named, or that has the address on-link. */
function armFor({ address, arm: name }: Lip, { arms }: ConfigFile) {
  const named = arms.findIndex(arm => arm.name === name)
  const index =
    named >= 0
      ? named
      : arms.findIndex(arm => {
          const onLink = arm.routes.filter(({ via }) => via === undefined).map(({ to }) => to)
          return [...arm.addresses, ...onLink]
            .map(to => networkOf(to))
            .some(
              network =>
                network.prefixLength < wholeLength(address) &&
                contains(network, ipAddress(address)),
            )
        })
  return index < 0 ? undefined : { index, name: arms[index]?.name as string }
}

/** VIP/32, VIP/128 */
function wholeOf(vip: string): string {
  return `${vip}/${wholeLength(vip)}`
}

function around(address: string): string {
  return networkText(networkOf(`${address}/${isIpv6Text(address) ? 64 : 24}`))
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)]
}
