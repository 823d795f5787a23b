/** Services by what a packet is sent to. */

import type { AddressBook } from './address-book.ts'
import type { Arm } from './arm.ts'
import { Family } from './family.ts'
import { Matches } from './matches.ts'
import { NatServers } from './nat-servers.ts'
import { Outside } from './outside.ts'
import type { Dests, Service } from './service.ts'

const { IPV4 } = Family

/** Images of before have none of it. */
export interface OutImage {
  /** Outside.save(). */
  outside?: number[]
  /** Matches.hasPings. */
  pings?: boolean
}

export class Services {
  readonly natServers: NatServers
  readonly #byFamily: readonly Map<number, Map<number, Service>>[] = [new Map(), new Map()]

  readonly matches: Matches
  readonly outside: Outside

  constructor(arms: readonly Arm[], dests: Dests, book: AddressBook) {
    this.natServers = new NatServers(dests, book)
    this.matches = new Matches(arms)
    this.outside = new Outside(book, arms)
  }

  add(service: Service): void {
    if (service.match !== null) {
      this.matches.add(service)
      return
    }
    const { protocol, vip, vport, family } = service
    const addresses = this.#byFamily[family]
    const ports = addresses.get(vip) ?? new Map<number, Service>()
    addresses.set(vip, ports)
    ports.set((protocol << 16) | vport, service)
  }

  /** => what was there */
  remove(protocol: number, vip: number, vport: number, family: number): Service | undefined {
    const service = this.find(protocol, vip, vport, family)
    this.#byFamily[family].get(vip)?.delete((protocol << 16) | vport)
    return service
  }

  /** In no order of meaning. */
  all(): Service[] {
    const others = this.#byFamily.flatMap(addresses =>
      [...addresses.values()].flatMap(ports => [...ports.values()]),
    )
    return [...others, ...this.matches.all]
  }

  /** Some service has this address. */
  has(vip: number, family: number): boolean {
    const ports = this.#byFamily[family].get(vip)
    return ports !== undefined && ports.size > 0
  }

  find(protocol: number, vip: number, vport: number, family: number = IPV4): Service | undefined {
    return this.#byFamily[family].get(vip)?.get((protocol << 16) | vport)
  }

  /** What match services leave behind that are gone. */
  saveOut(): OutImage {
    return { outside: this.outside.save(), pings: this.matches.hasPings }
  }

  restoreOut({ outside, pings }: OutImage): void {
    this.outside.restore(outside)
    this.matches.hasPings = pings ?? false
  }
}
