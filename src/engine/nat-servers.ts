/**
 * Protocol and RIP:rport of the RSs that are reached by NAT: what comes from there is for a client's address and not for one of ours, and is
 * known by its source. One stays when its RS has gone, whose connections go on. When there are as many as are kept here, those stay that
 * an RS has which is there, or whose connections are.
 *
 * Of an address of IPv6 it is its four words XORed that count, as for all that workers agree on (steering.ts): two of which that is the same
 * are steered alike, and no worse.
 */

import type { AddressBook } from './address-book.ts'
import { DESTS_MAX, METHOD, PROTOCOL_BITS, PROTOCOL_NUMBERS } from './conn-layout.ts'
import { Family } from './family.ts'
import type { Dest, Dests, Service } from './service.ts'
import { xored } from './steering.ts'

/** Twice as many as there are places of RSs, so that half of them at least make room. */
const KEPT = DESTS_MAX * 2

const NUMBERS: readonly number[] = PROTOCOL_NUMBERS

type Address = Pick<Dest, 'family' | 'rip' | 'rport'> & { service: Pick<Service, 'protocol'> }

export class NatServers {
  /** By family, address and port: a bit for each protocol of KEY. */
  readonly #ports: readonly Map<number, Map<number, number>>[] = [new Map(), new Map()]
  readonly #dests: Dests
  readonly #book: AddressBook
  #count = 0

  constructor(dests: Dests, book: AddressBook) {
    this.#dests = dests
    this.#book = book
  }

  /** Whether an RS has this address (of IPv6 its words XORed). */
  has(rip: number, family: number): boolean {
    return this.#count > 0 && this.#ports[family].has(rip)
  }

  /** Whether one answers from this port of it; by whatever protocol, as the program that steers packets asks (io/steering-bpf.ts). */
  answers(rip: number, rport: number, family: number): boolean {
    return this.#count > 0 && this.#ports[family].get(rip)?.has(rport) === true
  }

  /** The same by the protocol that `key`, one of KEY, is of; where the port is below 0, neither is known. */
  mayAnswer(key: number, rip: number, rport: number, family: number): boolean {
    if (rport < 0) return this.has(rip, family)
    const protocols = this.#count > 0 ? (this.#ports[family].get(rip)?.get(rport) ?? 0) : 0
    return (protocols & (1 << (key & PROTOCOL_BITS))) !== 0
  }

  /** An RS is there, or is reached another way. */
  note(dest: Address & Pick<Dest, 'method'>): void {
    if (dest.method !== METHOD.NAT) return
    if (this.#count >= KEPT) this.#forget()
    this.#add(dest)
  }

  #add({ family, rip, rport, service }: Address): void {
    const address = family === Family.IPV4 ? rip : xored(this.#book.cells(rip))
    const ports = this.#ports[family].get(address) ?? new Map<number, number>()
    this.#ports[family].set(address, ports)
    const protocols = ports.get(rport)
    ports.set(rport, (protocols ?? 0) | (1 << NUMBERS.indexOf(service.protocol)))
    if (protocols === undefined) this.#count++
  }

  /** Those that nothing can come from for a client's address any more. */
  #forget(): void {
    const { list, gone } = this.#dests
    for (const ports of this.#ports) ports.clear()
    this.#count = 0
    for (const dest of list) if (dest && this.#isMeant(dest)) this.#add(dest)
    for (const dest of gone) if (dest && this.#isMeant(dest)) this.#add(dest)
  }

  /** It is reached by NAT, or has connections that may be of a time when it was, or another RS of its place. */
  #isMeant({ index, method }: Dest): boolean {
    const { list } = this.#dests
    if (method === METHOD.NAT && list[index] !== undefined) return true
    return this.#dests.active(index) + this.#dests.inactive(index) > 0
  }
}
