/** Addresses of IPv6 as numbers, each once, so that columns can hold them. */

import { ipv6TextAt } from '../../wire/ip-address.ts'

export class AddressNumbers {
  readonly #texts: string[] = []
  readonly #numbers = new Map<string, number>()

  /** Of the address whose first byte is at `at`. */
  numberAt(view: DataView, at: number): number {
    const text = ipv6TextAt(view, at)
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.#texts.length)
    return this.#texts.push(text) - 1
  }

  text(number: number): string {
    return this.#texts[number] ?? '?'
  }
}
