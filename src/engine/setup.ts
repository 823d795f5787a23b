/**
 * What control has set up: addresses, routes, LIPs, services and real servers. It changes between two bursts, one object
 * at a time, and what connections already use stays as long as they do: a connection holds the *place* of its RS and of
 * its LIP, so a place is given to another only when its connections are gone. Control gives the places out, the same
 * ones in every worker, and so can read what they count.
 */

import { prefixMask } from '../wire/address.ts'
import { PROTO } from '../wire/ipv4.ts'
import { type Ipv6, ipv6Network } from '../wire/ipv6-address.ts'
import { type AddressBook, NO_WORD } from './address-book.ts'
import { type Arm, isOurs } from './arm.ts'
import { isRegular } from './candidates.ts'
import { PROXY } from './conn-layout.ts'
import { Family } from './family.ts'
import { Guards } from './guards.ts'
import { addressKey } from './hash-tables.ts'
import type { Neighs } from './neigh.ts'
import type { Outcomes } from './outcomes.ts'
import type { Parts } from './parts.ts'
import { buildTable } from './prefix-table.ts'
import type { Route6 } from './routes6.ts'
import type { SaPool } from './sa-pool.ts'
import { DestCell, type Dests, type Lips, type Service } from './service.ts'
import { Services } from './services.ts'
import {
  armsOf,
  askFirst,
  BITS,
  changeDest,
  findRs,
  isSame,
  newDest,
  newService,
  type OwnScheduler,
  type RsOptions,
  readIds,
  type SchedulerModule,
  type ServiceOptions,
  type SetupImage,
  savedService,
  scheduleBy,
  startOver,
} from './setup-parts.ts'
import { WayToRs } from './way-to-rs.ts'

const { ESTABLISHED_MS } = DestCell
const { IPV4, IPV6 } = Family

export class Setup {
  readonly services: Services
  readonly #arms: readonly Arm[]
  readonly #way: WayToRs
  readonly #dests: Dests
  readonly #outcomes: Outcomes
  readonly #lips: Lips
  /** Words, by family. */
  readonly lipAddresses: readonly Set<number>[] = [new Set(), new Set()]
  readonly #book: AddressBook
  readonly guards: Guards
  #establishedMs: number
  readonly #modules = new WeakMap<Service, SchedulerModule>()

  constructor(parts: Parts, neighs: Neighs, establishedMs: number) {
    const { arms, dests, outcomes, lips, book, rates } = parts
    this.guards = new Guards(rates)
    this.#arms = arms
    this.services = new Services(arms, dests, book)
    this.#way = new WayToRs(parts, neighs)
    this.#dests = dests
    this.#outcomes = outcomes
    this.#lips = lips
    this.#book = book
    this.#establishedMs = establishedMs
  }

  save(): SetupImage {
    const services = this.services.all().map(each => savedService(each, this.#modules.get(each)))
    const lips = this.lipAddresses.map(words => [...words])
    const [lists, out] = [this.guards.lists.save(), this.services.saveOut()]
    return { lists, services, lips, ...out, establishedMs: this.#establishedMs }
  }

  /** Into one with nothing set up; pools, and the cells of RSs, are restored by themselves. */
  restore({ lists, services, lips, establishedMs, ...out }: SetupImage): void {
    this.#establishedMs = establishedMs
    for (const { name, prefixes } of lists) this.guards.lists.put(name, buildTable(prefixes))
    for (const [family, words] of lips.entries())
      for (const lip of words) this.lipAddresses[family].add(lip)
    this.services.restoreOut(out)
    for (const { dests, acl, ...rest } of services) {
      const service = newService(rest)
      const { module, quic, ...fields } = rest
      if (module) this.#modules.set(service, module)
      const vipKey = addressKey(this.#book, rest.family, rest.vip)
      Object.assign(service, fields, { lipCursors: [...rest.lipCursors], vipKey })
      readIds(service, quic, this.#book)
      this.guards.restore(service, acl)
      scheduleBy(service, rest.scheduler, this.#dests)
      this.services.add(service)
      for (const dest of dests) {
        const own = newDest(service, dest, addressKey(this.#book, dest.family, dest.rip))
        service.dests.push(own)
        this.services.natServers.note(own)
        this.#dests.restore(own, dest.overloaded)
      }
    }
  }

  /** Services that had a scheduler of the operator's own when an image of them was taken. */
  *modules(): Generator<[Service, SchedulerModule]> {
    for (const service of this.services.all()) {
      const module = this.#modules.get(service)
      if (module) yield [service, module]
    }
  }

  /** An address whose packets come from real servers, not from clients. */
  isLip(word: number, family: number = IPV4): boolean {
    return this.lipAddresses[family].has(word)
  }

  /** As LipSet has it: an RS may itself be a client of a service. */
  answersByNat(key: number, from: number, port: number, to: number): boolean {
    const isFrom = this.services.natServers.mayAnswer(key, from, port, IPV6)
    return isFrom && !isOurs(this.#arms, IPV6, to) && !this.services.has(to, IPV6)
  }

  /** The pool of this LIP that lies in `place`, perhaps since before it was taken away, or undefined. */
  lipAt(place: number, word: number, family: number = IPV4): SaPool | undefined {
    const pool = this.#lips[place]
    return pool?.lip === word && pool.family === family ? pool : undefined
  }

  /** Puts a LIP into a place; the address is the arm's. One that no service has any more stays until then: its lports are in use. */
  putLip(place: number, pool: SaPool): void {
    const before = this.#lips[place]
    this.#lips[place] = pool
    if (before !== undefined && !this.#lips.some(other => isSame(other, before)))
      this.lipAddresses[before.family].delete(before.lip)
    this.lipAddresses[pool.family].add(pool.lip)
  }

  /** Adds a service without RSs, or changes one. */
  putService(protocol: number, vip: number, vport: number, options: ServiceOptions): Service {
    const { family = IPV4, onlyArm, match } = options
    const found = match
      ? this.services.matches.named(protocol, match.name)
      : this.services.find(protocol, vip, vport, family)
    const vipKey = addressKey(this.#book, family, vip)
    const service = found ?? newService({ protocol, family, vip, vport, vipKey, onlyArm, match })
    if (service.scheduler !== options.scheduler) scheduleBy(service, options.scheduler, this.#dests)
    this.#way.lead(service, match ?? null)
    service.hashing = options.hashing
    this.setOwn(service, options.own)
    service.lips.splice(0, service.lips.length, ...options.lips)
    service.lipArms = armsOf(service.lips, this.#lips, this.#arms)
    this.services.outside.note(service, this.#lips)
    service.reject = options.reject
    service.onePacket = options.onePacket && protocol === PROTO.UDP
    readIds(service, options.quic ?? false, this.#book)
    service.proxy = options.proxy ?? PROXY.OFF
    service.persistenceMs = options.persistenceMs
    service.clientMask = prefixMask(Math.min(options.clientPrefix, BITS[IPV4]))
    service.clientPrefix = options.clientPrefix
    service.establishedMs = options.establishedMs
    for (const { index } of service.dests) this.#setEstablished(index, service)
    startOver(service)
    if (found === undefined) this.services.add(service)
    return service
  }

  setOwn(service: Service, own: OwnScheduler | undefined): void {
    askFirst(service, own)
    if (own) this.#modules.set(service, own.module)
    else this.#modules.delete(service)
  }

  /** Its connections go on; new ones are refused from now on. */
  removeService(protocol: number, vip: number, vport: number, family: number = IPV4): void {
    const service = this.services.remove(protocol, vip, vport, family)
    if (service === undefined) return
    this.guards.gates.remove(service)
    for (const dest of service.dests) this.#dests.remove(dest)
  }

  removeMatch(protocol: number, name: string): void {
    const service = this.services.matches.named(protocol, name)
    if (service === undefined) return
    this.services.matches.remove(service)
    for (const dest of service.dests) this.#dests.remove(dest)
  }

  /**
   * Adds an RS, at the head of its service's list as DPVS does, and asks for its next hop's MAC ahead of the first
   * connection; or changes the one that is there. Throws RangeError if no route leads to it.
   */
  putRs(service: Service, options: RsOptions, now: number): void {
    const { index, family = IPV4, rip, rport, upper, lower } = options
    const known = findRs(service, rip, rport, family)
    if (known !== undefined) {
      const regular = isRegular(known)
      changeDest(known, options)
      this.services.natServers.note(known)
      // The scheduler goes on where it is: slow starts change weights often, and starting over favours the heavy ones.
      service.candidates.weighed(known, regular)
      this.#dests.limit(known, upper, lower)
      return
    }
    const dest = newDest(service, options, addressKey(this.#book, family, rip))
    if (!this.#way.find(dest, now)) throw new RangeError('no route to the real server')
    service.dests.unshift(dest)
    this.services.natServers.note(dest)
    startOver(service)
    this.#dests.put(dest)
    this.#outcomes.put(index)
    this.#setEstablished(index, service)
  }

  /** Its connections go on; it takes no new ones. => its place, or -1 if there is no such RS */
  removeRs(service: Service, rip: number, rport: number, family: number = IPV4): number {
    const dest = findRs(service, rip, rport, family)
    if (dest === undefined) return -1
    service.dests.splice(service.dests.indexOf(dest), 1)
    this.#dests.remove(dest)
    startOver(service)
    return dest.index
  }

  /** Gives an arm one more address; shorter than /32 it brings its on-link route. */
  addAddress(
    arm: Arm,
    word: number,
    prefixLength: number,
    now: number,
    family: number = IPV4,
  ): void {
    arm.addAddress(family, word, prefixLength)
    this.#lipMoved(word, family)
    if (prefixLength === BITS[family]) return
    if (family === IPV6) {
      const network = ipv6Network(this.#book.cells(word), prefixLength)
      arm.routes6.add({ network, prefixLength, gateway: NO_WORD })
    }
    this.reroute(now)
  }

  removeAddress(
    arm: Arm,
    word: number,
    prefixLength: number,
    now: number,
    family: number = IPV4,
  ): void {
    arm.removeAddress(family, word, prefixLength)
    this.#lipMoved(word, family)
    if (prefixLength === BITS[family]) return
    if (family === IPV4) arm.removeRoute(word & prefixMask(prefixLength), prefixLength)
    else arm.routes6.remove(ipv6Network(this.#book.cells(word), prefixLength), prefixLength)
    this.reroute(now)
  }

  /** The same over IPv6 as addRoute, NO_WORD for on-link. */
  addRoute6(arm: Arm, route: Route6, now: number): void {
    arm.routes6.add(route)
    this.reroute(now)
  }

  removeRoute6(arm: Arm, network: Ipv6, prefixLength: number, now: number): void {
    arm.routes6.remove(network, prefixLength)
    this.reroute(now)
  }

  /** `gateway` 0 means on-link. */
  addRoute(arm: Arm, network: number, prefixLength: number, gateway: number, now: number): void {
    arm.addRoute({ network, prefixLength, gateway })
    this.reroute(now)
  }

  removeRoute(arm: Arm, network: number, prefixLength: number, now: number): void {
    arm.removeRoute(network, prefixLength)
    this.reroute(now)
  }

  /** ms that ESTABLISHED lasts where the service says nothing. */
  setEstablished(ms: number): void {
    this.#establishedMs = ms
    for (const dest of this.#dests.list)
      if (dest !== undefined) this.#setEstablished(dest.index, dest.service)
  }

  #setEstablished(index: number, { protocol, establishedMs }: Service): void {
    const ms = protocol === PROTO.TCP && establishedMs === 0 ? this.#establishedMs : establishedMs
    this.#dests.cells[(index << 4) | ESTABLISHED_MS] = ms
  }

  #lipMoved(word: number, family: number): void {
    if (!this.isLip(word, family)) return
    for (const service of this.services.all())
      service.lipArms = armsOf(service.lips, this.#lips, this.#arms)
  }

  /** Finds the next hop of each RS anew, and asks for those that are not known. One that no route leads to keeps its way: control refuses that. */
  reroute(now: number): void {
    for (const dest of this.#dests.list) if (dest !== undefined) this.#way.find(dest, now)
  }
}
