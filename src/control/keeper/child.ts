/**
 * A process that a keeper has started: a daemon, or one that stands by to be the next. It waits until it is rung, and says what
 * keeping.ts has. A keeper that follows another one in the same process has the children of that.
 */

import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { endOfChild } from '../../io/exec.ts'
import { type Message, receiveMessage, sendMessage, socketPair, streamPair } from '../../io/hold.ts'
import { closeFd } from '../../io/native.ts'
import { KEPT } from './keeping.ts'

export interface Ended {
  code: number
  /** In words. */
  how: string
}

/** Of a child that Node does not know of: the bell says when to look, and this that nothing was missed. */
const LOOK_MS = 200
/** Once it has closed its end, as it is about to be gone. */
const CLOSED_LOOK_MS = 5

/** What a child of a former keeper is known by. */
export interface Inherited {
  pid: number
  socket: number
  bell: number
}

export type Words = Record<string, unknown>

/** Nothing that a daemon says ends its keeper. */
function wordsOf(text: string): Words {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

export type Heard = (words: Words, fds: Message['fds']) => void

export class Child {
  readonly ended: Promise<Ended>
  /** Resolves with what it says of itself when it is ready to be rung, if it was started to stand by. */
  readonly standing: Promise<string>
  /** Resolves when it has let go of the packets and of the state. */
  readonly quiet: Promise<true>
  readonly inherited: Inherited
  /** Told of each message and its descriptors, which are the hearer's. */
  heard: Heard = (_, fds) => {
    for (const fd of fds) closeFd(fd)
  }
  /** Of the program that it is; undefined while it has not said so. */
  version: string | undefined
  readonly #bell: Socket
  #isOver = false
  #stands: (version: string) => void = () => {}
  #hushed: (quiet: true) => void = () => {}

  /** `ended` tells of its process, and may be late. */
  private constructor(inherited: Inherited, ended: (closed: Promise<void>) => Promise<Ended>) {
    this.inherited = inherited
    this.standing = new Promise(done => {
      this.#stands = done
    })
    this.quiet = new Promise(done => {
      this.#hushed = done
    })
    this.#bell = new Socket({ fd: inherited.bell })
    this.#bell.on('error', () => {})
    this.#bell.on('data', () => this.listen())
    const closed = new Promise<void>(done => this.#bell.once('close', () => done()))
    this.ended = ended(closed).then(end => {
      this.listen()
      this.#isOver = true
      closeFd(inherited.socket)
      this.#bell.destroy()
      return end
    })
  }

  /** `command` is a program and its arguments, `role` what KEPT is to be. */
  static start(command: readonly string[], role: string): Child {
    const [socket, theirSocket] = socketPair()
    const [bell, theirBell] = streamPair()
    // The daemon speaks by us; its time between two signs of life is ours.
    const { WATCHDOG_PID: _, ...environment } = process.env
    const [file = '', ...args] = command
    const child = spawn(file, args, {
      stdio: ['inherit', 'inherit', 'inherit', theirSocket, theirBell],
      env: { ...environment, [KEPT]: role },
      detached: true,
    })
    for (const fd of [theirSocket, theirBell]) closeFd(fd)
    const ended = new Promise<Ended>(done => {
      child.once('error', error => done({ code: 1, how: `could not start (${error.message})` }))
      child.once('exit', (code, signal) => done(endedBy(code, signal)))
    })
    return new Child({ pid: child.pid ?? 0, socket, bell }, () => ended)
  }

  /** One that was started by a former keeper in this process. */
  static adopt(inherited: Inherited): Child {
    const ended = async (closed: Promise<void>) => {
      for (;;) {
        const end = endOfChild(inherited.pid)
        if (end) return endedBy(end.code, end.signal)
        await Promise.race([closed.then(() => sleep(CLOSED_LOOK_MS)), sleep(LOOK_MS)])
      }
    }
    return new Child(inherited, ended)
  }

  get pid(): number {
    return this.inherited.pid
  }

  /** Begins to be the daemon, or has a message to read. */
  ring(): void {
    if (!this.#isOver) this.#bell.write('.')
  }

  /** Throws NativeError. */
  send(words: object, fds: readonly number[] = []): void {
    if (!this.#isOver)
      sendMessage(this.inherited.socket, { text: JSON.stringify(words), fds: [...fds] })
  }

  kill(signal: NodeJS.Signals): void {
    try {
      if (!this.#isOver && this.pid > 0) process.kill(this.pid, signal)
    } catch {
      // It has ended, and that is on its way.
    }
  }

  /** Hears what it has said. */
  listen(): void {
    while (!this.#isOver) {
      const message = receiveMessage(this.inherited.socket)
      if (message === null || message === 'end') return
      const words = wordsOf(message.text)
      if (typeof words.version === 'string') this.version = words.version
      if (words.standing === true) this.#stands(this.version ?? '')
      this.heard(words, message.fds)
      if (words.quiet === true) this.#hushed(true)
    }
  }
}

function endedBy(code: number | null, signal: NodeJS.Signals | null): Ended {
  return {
    code: code ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0),
    how: signal ? `was ended by ${signal}` : `failed with code ${code}`,
  }
}
