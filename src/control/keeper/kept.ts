/** A daemon that a keeper has started: what it says, and what it is given. */

import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Refused } from '../../api/refused.ts'
import type { UpgradeBody, UpgradeInfo } from '../../api/upgrade.ts'
import { lockMemory, unlockMemory } from '../../io/exec.ts'
import { createMemory, receiveMessage, sendMessage } from '../../io/hold.ts'
import { closeFd } from '../../io/native.ts'
import { version } from '../system/version.ts'
import {
  BELL_FD,
  type Held,
  KEPT,
  type Keeping,
  type Leave,
  MESSAGES_FD,
  NO_KEEPER,
  STANDBY,
} from './keeping.ts'

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
  readonly stored: boolean
  readonly afresh: boolean
  readonly leave: Promise<Leave>
  readonly #left = new Map<string, Held>()
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0
  #life = -1
  #leave: (why: Leave) => void = () => {}

  /** Throws an Error if the keeper has not sent all. */
  constructor(bell: Socket) {
    this.leave = new Promise(done => {
      this.#leave = done
    })
    for (;;) {
      const message = receiveMessage(MESSAGES_FD)
      if (message === null || message === 'end') throw new Error('the keeper has said too little')
      const { hold, about, all, afresh, stored } = JSON.parse(message.text)
      if (all === true) {
        this.afresh = afresh === true
        this.stored = stored === true
        break
      }
      this.#left.set(String(hold), { fds: message.fds, about })
    }
    bell.on('data', () => this.#listen())
    bell.once('close', () => {
      this.#leave('gone')
      setTimeout(() => process.exit(1), GONE_LIMIT_MS).unref()
    })
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

  #listen(): void {
    for (;;) {
      const message = receiveMessage(MESSAGES_FD)
      if (message === null || message === 'end') return
      const { hush, answer, ok, error } = JSON.parse(message.text)
      for (const fd of message.fds) closeFd(fd)
      if (hush === true) this.#leave('hush')
      const waiting = this.#waiting.get(answer)
      if (typeof error === 'string') waiting?.fail(new Refused('exists', error))
      else waiting?.done(ok)
    }
  }

  #say(words: object, fds: readonly number[] = []): void {
    say(words, fds)
  }
}

function say(words: object, fds: readonly number[] = []): void {
  try {
    sendMessage(MESSAGES_FD, { text: JSON.stringify(words), fds: [...fds] })
    writeSync(BELL_FD, '.')
  } catch {
    // It has ended, which the bell's end says; or it is stopped, and hears less than it should.
  }
}

/**
 * What this process was started with. Resolves when its keeper wants it to be the daemon, which is at once but for a standby: that can be rung
 * from when `stands` resolves. Takes its variable out of `environment`, so that no child of ours believes in it.
 */
export async function keepingOf(
  environment: NodeJS.ProcessEnv,
  stands: Promise<unknown>,
): Promise<Keeping> {
  const role = environment[KEPT]
  delete environment[KEPT]
  if (role === undefined) return NO_KEEPER
  const bell = new Socket({ fd: BELL_FD, readable: true, writable: false })
  bell.on('error', () => {})
  const end = () => process.exit(0)
  bell.once('close', end)
  const rung = once(bell, 'data')
  if (role === STANDBY) void stands.then(() => say({ standing: true, version }))
  await rung
  bell.off('close', end)
  const kept = new Kept(bell)
  bell.unref()
  await kept.live()
  return kept
}
