/** All processes that a keeper has started and that have not ended, and those of them that stand by. */

import { Child } from './child.ts'
import type { Holdings } from './holdings.ts'
import { STANDBY } from './keeping.ts'

export class Children {
  readonly #all = new Set<Child>()
  /** They go on with what is held. */
  readonly #standbys = new Set<Child>()
  readonly #holdings: Holdings

  constructor(holdings: Holdings) {
    this.#holdings = holdings
  }

  get size(): number {
    return this.#all.size
  }

  add(child: Child): Child {
    this.#all.add(child)
    void child.ended.then(() => {
      this.#all.delete(child)
      this.#standbys.delete(child)
    })
    return child
  }

  /** It is given what is held; a standby also what changes of that, until it takes over. `failed` is told what could not be handed on. */
  start(command: readonly string[], role: string, failed: (why: string) => void): Child {
    const child = this.add(Child.start(command, role))
    try {
      this.#holdings.handOn(child)
    } catch (error) {
      failed((error as Error).message)
    }
    if (role === STANDBY) this.#standbys.add(child)
    return child
  }

  /** It is the daemon from now on. */
  takesOver(child: Child): void {
    this.#standbys.delete(child)
  }

  /** One that cannot be told is ended: it would go on with something else. */
  tellStandbys(words: object, fds: readonly number[] = []): void {
    for (const child of this.#standbys) {
      try {
        child.send(words, fds)
        child.ring()
      } catch {
        this.#standbys.delete(child)
        child.kill('SIGKILL')
      }
    }
  }

  /** All but one. */
  killBut(one: Child | undefined): void {
    for (const child of this.#all) if (child !== one) child.kill('SIGKILL')
  }

  killStandbys(): void {
    for (const child of this.#standbys) child.kill('SIGKILL')
  }
}
