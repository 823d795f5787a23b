/**
 * By which addresses hosts inside speak to anybody over IPv6 (semantics 8.4). Whom they speak to nobody has set up, so he has no word: a
 * digest below 0 stands for him (AddressBook.far), where packets go to him and where they come from him to one of these addresses.
 */

import { isSingleHost6, readAddress6 } from '../wire/ipv6.ts'
import type { AddressBook } from './address-book.ts'
import { type Arm, isOurs } from './arm.ts'
import { Family } from './family.ts'
import type { Parsed } from './parsed.ts'
import type { Lips, Service } from './service.ts'

const { IPV6 } = Family

export class Outside {
  readonly #book: AddressBook
  readonly #arms: readonly Arm[]
  /** Words. One that no service has any more stays as long as its word means it, for its connections do. */
  readonly #words = new Set<number>()
  /** There are any. */
  isUsed = false

  constructor(book: AddressBook, arms: readonly Arm[]) {
    this.#book = book
    this.#arms = arms
  }

  has(word: number): boolean {
    return this.isUsed && this.#words.has(word)
  }

  /** The service has these LIPs. */
  note({ family, match, lips }: Service, pools: Lips): void {
    if (family !== IPV6) return
    for (const place of lips) {
      const pool = pools[place]
      if (pool === undefined) continue
      if (match !== null) this.#words.add(pool.lip)
      else this.#words.delete(pool.lip)
    }
    this.isUsed = this.#words.size > 0
  }

  /** A connection that goes on has it, whoever opened that. */
  hold(word: number): void {
    this.#words.add(word)
    this.isUsed = true
  }

  /** Those go that are not meant (words-in-use.ts). */
  forget(meant: Uint8Array): void {
    for (const word of this.#words) if (meant[word] === 0) this.#words.delete(word)
    this.isUsed = this.#words.size > 0
  }

  save(): number[] {
    return [...this.#words]
  }

  restore(words: readonly number[] = []): void {
    for (const word of words) this.#words.add(word)
    this.isUsed = this.#words.size > 0
  }

  /** The packet in p goes to the address at `at`: to whom that is a stranger's, `daddr` becomes its digest. */
  target(p: Parsed, pkt: DataView, at: number): void {
    if (isOurs(this.#arms, IPV6, p.daddr)) return
    const { target } = p
    readAddress6(pkt, at, target)
    const a = target[0]
    const b = target[1]
    const c = target[2]
    const d = target[3]
    if (isSingleHost6(a, b, c, d)) p.daddr = this.#book.far(a, b, c, d)
  }
}
