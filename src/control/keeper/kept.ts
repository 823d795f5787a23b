/** A daemon that a keeper has started: what it says, and what it is given. */

import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Refused } from '../../api/refused.ts'
import type { UpgradeBody, UpgradeInfo } from '../../api/upgrade.ts'
import { lockMemory, unlockMemory } from '../../io/exec.ts'
import { createMemory, receiveMessage, sendMessage } from '../../io/hold.ts'
import { closeFd, wait } from '../../io/native.ts'
import { version } from '../system/version.ts'
import { BELL_FD, type Held, type Keeping, type Leave, MESSAGES_FD } from './keeping.ts'

/** A keeper tells a daemon to begin right after it has started it. */
const BEGIN_MS = 10_000
/** A piece of memory that the one daemon has to itself which touches packets and state (lockMemory). */
const LIFE = 'life'
const LIFE_BYTES = 4096
/** A daemon whose keeper has ended is gone by then. */
const LIFE_LIMIT_MS = 10_000
const GONE_LIMIT_MS = 5000
const ANSWER_LIMIT_MS = 5000

interface Waiting {
  done(info: UpgradeInfo): void
  fail(error: Refused): void
}

export class Kept implements Keeping {
  readonly kept = true
  stored = false
  afresh = false
  readonly leave: Promise<Leave>
  #leave: (why: Leave) => void = () => {}
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0
  #life = -1
  readonly #left = new Map<string, Held>()
  /** Descriptors that others have taken the place of. */
  #replaced: number[] = []
  #begun = false

  constructor() {
    this.leave = new Promise(done => {
      this.#leave = done
    })
  }

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
      const { hold, drop, about, begin, ...words } = JSON.parse(message.text)
      this.#hear(words)
      const name = hold ?? drop
      if (begin === true) this.#begins(words)
      if (name === undefined) continue
      changed = true
      this.#replaced.push(...(this.#left.get(name)?.fds ?? []))
      if (drop === undefined) this.#left.set(name, { fds: message.fds, about })
      else this.#left.delete(name)
    }
  }

  #begins({ afresh, stored }: Record<string, unknown>): void {
    this.#begun = true
    this.afresh = afresh === true
    this.stored = stored === true
  }

  #hear({ hush, answer, ok, error }: Record<string, unknown>): void {
    if (hush === true) this.#leave('hush')
    const waiting = this.#waiting.get(answer as number)
    if (typeof error === 'string') waiting?.fail(new Refused('exists', error))
    else waiting?.done(ok as UpgradeInfo)
  }

  /** Waits until no other daemon touches what is held, which is at once, unless that one has lost its keeper and is ending. */
  async live(): Promise<void> {
    const [fd] = this.take(LIFE)?.fds ?? []
    this.#life = fd ?? createMemory('tapvs-life', LIFE_BYTES)
    if (fd === undefined) this.hold(LIFE, { fds: [this.#life], about: null })
    for (const end = performance.now() + LIFE_LIMIT_MS; ; await sleep(1)) {
      const holder = lockMemory(this.#life)
      if (holder === 0) return
      if (performance.now() > end)
        throw new Error(
          `another daemon (pid ${holder}) still has what this one is to go on with; end it`,
        )
    }
  }

  /** The keeper has ended. */
  gone(): void {
    this.#leave('gone')
    setTimeout(() => process.exit(1), GONE_LIMIT_MS).unref()
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
    // What was there and nobody has taken is not to be dropped as such.
    this.#replaced.push(...(this.take(name)?.fds ?? []))
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

  quiet(): void {
    unlockMemory(this.#life)
    this.#say({ quiet: true })
  }

  ask(upgrade?: UpgradeBody): Promise<UpgradeInfo> {
    const ask = ++this.#asked
    return new Promise((resolve, reject) => {
      const settle = (settled: () => void) => {
        clearTimeout(timer)
        this.#waiting.delete(ask)
        settled()
      }
      const fail = (error: Refused) => settle(() => reject(error))
      const silent = new Refused('unanswered', 'the keeper does not answer')
      const timer = setTimeout(() => fail(silent), ANSWER_LIMIT_MS)
      this.#waiting.set(ask, { done: info => settle(() => resolve(info)), fail })
      this.#say({ ask, ...(upgrade && { upgrade }) })
    })
  }

  notify(text: string): void {
    this.#say({ notify: text })
  }

  /** It goes on by itself when the daemon dies. */
  stands(): void {
    this.#say({ stands: true })
  }

  /** It has loaded everything. */
  standing(): void {
    this.#say({ standing: true, version })
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
