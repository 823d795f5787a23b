/**
 * LIPs that the config no longer has while connections still do. Their addresses stay ours until the last of those is gone: whoever
 * asks for one by ARP is answered, and a NIC's host, which would answer real servers with RSTs, does not get it. A connection that is
 * idle ends by the timeout of its state, so none stays for ever that nobody uses.
 */

import type { Change } from '../../config/changes.ts'
import type { Own } from './own.ts'

type NoAddress = Extract<Change, { put: 'address' | 'no-address' }>

export class LeavingLips {
  readonly #isQuiet: (place: number) => boolean
  /** Those that were taken away, with the places that connections know them by. */
  readonly #left = new Map<string, number>()
  /** What takes their addresses away, later. */
  readonly #held = new Map<string, NoAddress>()

  /** `isQuiet` says that no connection holds the place of a LIP, in any worker. */
  constructor(isQuiet: (place: number) => boolean) {
    this.#isQuiet = isQuiet
  }

  /** Some addresses wait to be taken away. */
  get some(): boolean {
    return this.#held.size > 0
  }

  /** => what is to be carried out now, in this order; the rest is due later */
  sifted(changes: readonly Change[]): Change[] {
    return changes.flatMap(change => this.#sifted(change))
  }

  /** => what is to be carried out by now, once */
  due(): Change[] {
    const due = [...this.#held].filter(([address]) => !this.#isHeld(address))
    for (const [address] of due) this.#held.delete(address)
    return due.map(([, change]) => change)
  }

  /** What is ours besides what the config has. */
  with({ lips, addresses, arms }: Own): Own {
    const left = [...this.#left.keys()].filter(address => this.#isHeld(address))
    const all = [...addresses, ...left, ...this.#held.keys()]
    return { lips: [...lips, ...left], addresses: all, arms }
  }

  #sifted(change: Change): Change[] {
    switch (change.put) {
      case 'lip':
        this.#left.delete(change.address)
        // It is another's only because nobody held it.
        for (const [address, place] of this.#left)
          if (place === change.place) this.#left.delete(address)
        return [change]
      case 'no-lip':
        this.#left.set(change.address, change.place)
        return [change]
      case 'no-address':
        if (!this.#isHeld(change.address)) return [change]
        this.#held.set(change.address, change)
        return []
      case 'address': {
        // It may come back on another arm.
        const held = this.#held.get(change.address)
        this.#held.delete(change.address)
        return held ? [held, change] : [change]
      }
      default:
        return [change]
    }
  }

  /** Of an address that left as a LIP: connections hold it. */
  #isHeld(address: string): boolean {
    const place = this.#left.get(address)
    if (place === undefined) return false
    if (!this.#isQuiet(place)) return true
    this.#left.delete(address)
    return false
  }
}
