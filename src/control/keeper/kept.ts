/** A daemon that a keeper has started: what it says, and what it is given. */

import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { receiveMessage, sendMessage } from '../../io/hold.ts'
import { closeFd } from '../../io/native.ts'
import { BELL_FD, type Held, KEPT, type Keeping, MESSAGES_FD, NO_KEEPER } from './keeping.ts'

export class Kept implements Keeping {
  readonly kept = true
  readonly #left = new Map<string, Held>()

  /** Throws an Error if the keeper has not sent all. */
  constructor() {
    for (;;) {
      const message = receiveMessage(MESSAGES_FD)
      if (message === null || message === 'end') throw new Error('the keeper has said too little')
      const { hold, about, all } = JSON.parse(message.text)
      if (all === true) break
      this.#left.set(String(hold), { fds: message.fds, about })
    }
  }

  has(name: string): boolean {
    return this.#left.has(name)
  }

  take(name: string): Held | undefined {
    const held = this.#left.get(name)
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

  #say(words: object, fds: readonly number[] = []): void {
    try {
      sendMessage(MESSAGES_FD, { text: JSON.stringify(words), fds: [...fds] })
      writeSync(BELL_FD, '.')
    } catch {
      // It has ended, which the bell's end says; or it is stopped, and hears less than it should.
    }
  }
}

/**
 * What this process was started with. Resolves when its keeper wants it to be the daemon, which is at once but for a standby; `gone` is
 * called when the keeper has ended. Takes its variable out of `environment`, so that no child of ours believes in it.
 */
export async function keepingOf(
  environment: NodeJS.ProcessEnv,
  gone: () => void,
): Promise<Keeping> {
  const isKept = environment[KEPT] !== undefined
  delete environment[KEPT]
  if (!isKept) return NO_KEEPER
  const bell = new Socket({ fd: BELL_FD, readable: true, writable: false })
  bell.on('error', () => {})
  let onClose: () => void = () => process.exit(0)
  bell.once('close', () => onClose())
  await once(bell, 'data')
  onClose = gone
  bell.unref()
  return new Kept()
}
