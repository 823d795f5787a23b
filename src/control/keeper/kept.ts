/** A daemon that a keeper has started: what it says, and what it is given. */

import { writeSync } from 'node:fs'
import { receiveMessage, sendMessage } from '../../io/hold.ts'
import { closeFd, wait } from '../../io/native.ts'
import { BELL_FD, type Held, type Keeping, MESSAGES_FD } from './keeping.ts'

/** A keeper tells a daemon to begin right after it has started it. */
const BEGIN_MS = 10_000

export class Kept implements Keeping {
  readonly kept = true
  readonly #left = new Map<string, Held>()
  /** Descriptors that others have taken the place of. */
  #replaced: number[] = []
  #begun = false

  /** This process is to be the daemon. */
  get begun(): boolean {
    return this.#begun
  }

  /** Takes in what the keeper has said. => whether something is held that was not before, or is not any more */
  listen(): boolean {
    let changed = false
    for (;;) {
      const message = receiveMessage(MESSAGES_FD)
      if (message === null || message === 'end') return changed
      const { hold, drop, about, begin } = JSON.parse(message.text)
      const name = hold ?? drop
      if (begin === true) this.#begun = true
      if (name === undefined) continue
      changed = true
      this.#replaced.push(...(this.#left.get(name)?.fds ?? []))
      if (drop === undefined) this.#left.set(name, { fds: message.fds, about })
      else this.#left.delete(name)
    }
  }

  /** Sleeps until it is to begin. Throws an Error if the keeper does not say so. */
  untilBegun(): void {
    const end = performance.now() + BEGIN_MS
    for (;;) {
      this.listen()
      if (this.#begun) return
      const left = end - performance.now()
      if (left <= 0) throw new Error('the keeper has said too little')
      wait(Int32Array.of(MESSAGES_FD), new Int32Array(1), 1, Math.ceil(left))
    }
  }

  /** Nobody uses any more what others have taken the place of. */
  tidy(): void {
    for (const fd of this.#replaced) closeFd(fd)
    this.#replaced = []
  }

  has(name: string): boolean {
    return this.#left.has(name)
  }

  look(name: string): Held | undefined {
    return this.#left.get(name)
  }

  take(name: string): Held | undefined {
    const held = this.look(name)
    this.#left.delete(name)
    return held
  }

  hold(name: string, { fds, about }: Held): void {
    this.#say({ hold: name, about }, fds)
  }

  drop(name: string): void {
    const held = this.take(name)
    for (const fd of held?.fds ?? []) closeFd(fd)
    this.#say({ drop: name })
  }

  ready(): void {
    for (const name of [...this.#left.keys()]) this.drop(name)
    this.#say({ ready: true })
  }

  notify(text: string): void {
    this.#say({ notify: text })
  }

  /** It goes on by itself when the daemon dies. */
  stands(): void {
    this.#say({ stands: true })
  }

  #say(words: object, fds: readonly number[] = []): void {
    try {
      sendMessage(MESSAGES_FD, { text: JSON.stringify(words), fds: [...fds] })
      writeSync(BELL_FD, '.')
    } catch {
      // It has ended, which the bell's end says; or it is stopped, and hears less than it should.
    }
  }
}
