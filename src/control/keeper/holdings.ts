/** What a keeper holds for its daemons: descriptors by name, and with a service manager that stores some, there as well. */

import { fstatSync } from 'node:fs'
import { closeFd } from '../../io/native.ts'
import type { Child } from './child.ts'
import { type Held, STATE } from './keeping.ts'
import type { Holding, Store } from './store.ts'

/** Names that are held, at most: the arms of a config, and the state of its workers. */
export const NAMES_MOST = 1024

export class Holdings {
  readonly #held: Map<string, Holding>
  /** null if nobody stores anything for us. */
  readonly store: Store | null
  #serial: number

  constructor(held: Map<string, Holding> = new Map(), store: Store | null = null) {
    this.#held = held
    this.store = store
    this.#serial = Math.max(0, ...[...held.values()].map(({ serial }) => serial))
  }

  get size(): number {
    return this.#held.size
  }

  get all(): ReadonlyMap<string, Holding> {
    return this.#held
  }

  /** In place of what was held under the name. Takes the descriptors, or closes them if they are too many. */
  hold(name: string, { fds, about }: Held): void {
    const before = this.#held.get(name)
    if (before && areSame(before.fds, fds)) {
      for (const fd of fds) closeFd(fd)
      this.#held.set(name, { ...before, about })
      this.store?.note(this.#held)
      return
    }
    if (!before && this.#held.size >= NAMES_MOST) {
      for (const fd of fds) closeFd(fd)
      return
    }
    const holding = { fds, about, serial: ++this.#serial }
    this.#held.set(name, holding)
    this.store?.add(holding)
    this.store?.note(this.#held)
    if (before) this.#forget(before)
  }

  drop(name: string): void {
    const held = this.#held.get(name)
    if (!held) return
    this.#held.delete(name)
    this.store?.note(this.#held)
    this.#forget(held)
  }

  /** What may be what ends daemons. */
  dropState(): void {
    for (const name of [...this.#held.keys()]) if (name.startsWith(STATE)) this.drop(name)
  }

  dropAll(): void {
    for (const name of [...this.#held.keys()]) this.drop(name)
  }

  /** Whoever starts after this process begins with nothing. */
  unstore(): void {
    this.store?.note(new Map())
    for (const held of this.#held.values()) this.store?.remove(held)
  }

  /** Throws NativeError. */
  handOn(child: Child): void {
    for (const [hold, { fds, about }] of this.#held) child.send({ hold, about }, fds)
  }

  #forget(held: Holding): void {
    this.store?.remove(held)
    for (const fd of held.fds) closeFd(fd)
  }
}

/** Whether both are the same pieces of memory; queues of a TAP cannot be told apart. */
function areSame(some: readonly number[], others: readonly number[]): boolean {
  const ofMemory = (fd: number) => {
    const about = fstatSync(fd, { bigint: true })
    return about.isFile() ? `${about.dev} ${about.ino}` : `${fd}`
  }
  return (
    some.length === others.length &&
    some.every((fd, i) => ofMemory(fd) === ofMemory(others[i] as number))
  )
}
