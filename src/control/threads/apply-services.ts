/** Services, and whom they take, from a config into an engine. */

import { PROTOCOLS, type Protocol } from '../../api/protocols.ts'
import { type AnyForwarding, PROXY_PROTOCOLS, SYN_PROXY } from '../../api/words.ts'
import type { ConfigRate } from '../../config/acl-keys.ts'
import type { Change, ServiceChange } from '../../config/changes.ts'
import type { ListPart } from '../../config/list-parts.ts'
import type { ConfigMatch } from '../../config/snat.ts'
import { NO_HASHING } from '../../engine/asker.ts'
import { METHOD } from '../../engine/conn-layout.ts'
import type { Engine } from '../../engine/engine.ts'
import { Family } from '../../engine/family.ts'
import type { Match } from '../../engine/match.ts'
import { buildTable } from '../../engine/prefix-table.ts'
import { joined, type ListParts } from './list-tables.ts'
import { ownScheduler } from './own-scheduler.ts'
import { wordOf } from './word-of.ts'

export function numberOf({ protocol }: { protocol: Protocol }): number {
  return PROTOCOLS[protocol].number
}

const METHODS: Readonly<Record<AnyForwarding, number>> = {
  fullnat: METHOD.FULLNAT,
  nat: METHOD.NAT,
  dr: METHOD.DR,
  tunnel: METHOD.TUNNEL,
  snat: METHOD.SNAT,
}

/** One of METHOD. Journals of before have none. */
export function methodOf({ forwarding }: { forwarding?: AnyForwarding }): number {
  return forwarding === undefined ? METHOD.FULLNAT : METHODS[forwarding]
}

/** Who is let in by another list than before is judged by this one. */
export function putList({ setup, cuts }: Engine, lists: ListParts, change: ListPart): void {
  const whole = lists.add(change)
  if (whole === undefined) return
  const { name, table } = change
  setup.guards.lists.put(
    name,
    table instanceof SharedArrayBuffer ? table : buildTable(joined(whole)),
  )
  cuts.acl.begin()
}

/** Behind its service. */
export function putAcl(engine: Engine, change: Extract<Change, { put: 'acl' | 'no-acl' }>): void {
  const { setup, cuts } = engine
  const { family, word } = wordOf(engine.addressBook, change.address)
  const service = setup.services.find(numberOf(change), word, change.port, family)
  if (service === undefined) return
  if (change.put === 'no-acl') {
    setup.guards.putAcl(service, null)
    return
  }
  const { deny, allow, established } = change.acl
  setup.guards.putAcl(service, { deny, allow, cuts: established === 'drop' })
  cuts.acl.begin()
}

export function putService(
  engine: Engine,
  service: ServiceChange,
  workers: number,
  now: number,
): void {
  const { setup, addressBook } = engine
  const vip = service.match ? NOWHERE : wordOf(addressBook, service.address)
  const { port, scheduler, connTimeout, whenDown, persistence, lips, onlyArm } = service
  const reject = whenDown === 'reject'
  const { connectionRate, clientRate } = service
  const options = {
    family: service.match?.six ? Family.IPV6 : vip.family,
    match: service.match && matchOf(service.address, service.match),
    scheduler,
    hashing: service.hashing ?? NO_HASHING,
    own: service.module && ownScheduler(service.module, engine),
    proxy: PROXY_PROTOCOLS.indexOf(service.proxyProtocol ?? 'off'),
    lips,
    establishedMs: connTimeout * 1000,
    onePacket: service.onePacket ?? false,
    quic: service.quic ?? false,
    reject,
    ...(onlyArm !== undefined && { onlyArm }),
    persistenceMs: persistence.timeout * 1000,
    clientPrefix: persistence.prefix,
  }
  const made = setup.putService(numberOf(service), vip.word, port, options)
  const [rate, ofClient] = [connectionRate, clientRate].map(
    given => given && partOf(given, workers),
  )
  setup.guards.limit(made, rate, ofClient, now)
  const { when, above } = service.synProxy ?? { when: 'off', above: 0 }
  setup.guards.gates.put(made, SYN_PROXY.indexOf(when), above / workers)
}

const NOWHERE = { family: Family.IPV4, word: 0 }

function matchOf(name: string, { source, destination, six, in: inArm, out }: ConfigMatch): Match {
  const [sourceFirst, sourceLast] = source
  const [destinationFirst, destinationLast] = destination
  const ranges = { sourceFirst, sourceLast, destinationFirst, destinationLast, ...(six && { six }) }
  return { name, ...ranges, inArm, outArm: out }
}

/** What one of so many workers has of a rate; less than one connection would be none for ever. */
function partOf({ perSecond, burst }: ConfigRate, workers: number): ConfigRate {
  return { perSecond: perSecond / workers, burst: Math.max(1, burst / workers) }
}
