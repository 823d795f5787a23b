/**
 * The keeper, what `tapvs run` is: it starts the daemon, holds the descriptors by which arms and state live, and starts another
 * daemon when one has ended that was not asked to. It reads no packet, no config and no request, and loads next to nothing.
 *
 * The daemon is in a session of its own, so signals of a terminal reach it once, by the keeper.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { ifConfined } from '../../io/confined.ts'
import { receiveMessage, sendMessage, socketPair } from '../../io/hold.ts'
import { closeFd, confineProcess, notify } from '../../io/native.ts'
import { inDist } from '../system/built-file.ts'
import { decideSignals } from '../system/signals.ts'
import { BELL_FD, type Held, KEPT, STANDBY, STATE } from './keeping.ts'

/** So many ends within so many ms are the last. */
export const ENDS_MOST = 5
const ENDS_MS = 10_000
/** From so many on the state may be what ends them: the next one starts without. */
export const ENDS_WITH_STATE = 3
const PAUSE_MS = 200
/** From when a daemon is ready until the next one is started to stand by: the start of the first is over then. */
const STANDBY_MS = 2000
/** Names that are held, at most: the arms of a config, and the state of its workers. */
export const NAMES_MOST = 1024

const ENDING = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const
const TELLING = ['SIGHUP', 'SIGUSR1'] as const

export interface KeeperOptions {
  /** What is started by node: a program and its words. */
  argv: readonly string[]
  /** Whether another process is made ready before it is needed. */
  standby: boolean
  /** A line on stderr. */
  say(text: string): void
}

/** Nothing that a daemon says ends its keeper. */
function wordsOf(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

interface Child {
  child: ChildProcess
  /** Where messages go. */
  socket: number
  bell: Socket | null
  ended: Promise<Ended>
}

interface Ended {
  code: number
  how: string
}

export class Keeper {
  readonly #options: KeeperOptions
  readonly #held = new Map<string, Held>()
  #child: Child | undefined
  /** The standby. */
  #spare: Child | undefined
  readonly #manager = process.env.NOTIFY_SOCKET ?? ''
  #stopping = false
  /** Of the daemon that runs. */
  #ready = false
  /** Told to a daemon once it can hear it. */
  readonly #pending = new Set<NodeJS.Signals>()

  constructor(options: KeeperOptions) {
    this.#options = options
    // And with it what it starts, from the first instruction on. A daemon says where it cannot be.
    ifConfined(confineProcess, () => {})
    for (const signal of ENDING) process.on(signal, () => this.#end(signal))
    for (const signal of TELLING) process.on(signal, () => this.#passOn(signal))
  }

  /** => the exit code of the last daemon, as a shell counts it */
  async run(): Promise<number> {
    let wasReady = false
    let ends: number[] = []
    for (;;) {
      const { code, how } = await this.#daemon()
      wasReady ||= this.#ready
      if (this.#stopping || code === 0 || !wasReady) return code
      const now = performance.now()
      ends = [...ends.filter(at => now - at < ENDS_MS), now]
      if (ends.length >= ENDS_MOST) {
        this.#say(`the daemon ${how}, ${ends.length} times in ${ENDS_MS / 1000} s: giving up`)
        return code
      }
      const afresh = ends.length >= ENDS_WITH_STATE
      if (afresh) {
        this.#dropState()
        // It goes on with that very state.
        this.#endSpare()
      }
      this.#say(`the daemon ${how}; starting another${afresh ? ', without its connections' : ''}`)
      if (ends.length > 1) await sleep(PAUSE_MS * (ends.length - 1))
      if (this.#stopping) return code
    }
  }

  /** One daemon, from its beginning to its end. */
  async #daemon(): Promise<Ended> {
    const daemon = this.#spare ?? this.#start('1')
    this.#spare = undefined
    this.#child = daemon
    this.#ready = false
    this.#tell(daemon, { begin: true })
    return daemon.ended
  }

  /** Starts a process, which is given what is held, and waits until it is told to begin. */
  #start(role: string): Child {
    const [socket, theirs] = socketPair()
    // The daemon speaks by us; its time between two signs of life is ours.
    const { WATCHDOG_PID: _, ...environment } = process.env
    const child = spawn(process.execPath, [...process.execArgv, ...this.#options.argv], {
      stdio: ['inherit', 'inherit', 'inherit', theirs, 'pipe'],
      env: { ...environment, [KEPT]: role },
      detached: true,
    })
    closeFd(theirs)
    const bell = child.stdio[BELL_FD] as Socket | null
    bell?.on('error', () => {})
    bell?.on('data', () => this.#listen(socket))
    const ended = new Promise<Ended>(done => {
      child.once('error', error => done({ code: 1, how: `could not start (${error.message})` }))
      child.once('exit', (code, signal) =>
        done({
          code: code ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0),
          how: signal ? `was ended by ${signal}` : `failed with code ${code}`,
        }),
      )
    }).then(end => {
      this.#listen(socket)
      closeFd(socket)
      bell?.destroy()
      return end
    })
    const started = { child, socket, bell, ended }
    this.#handOn(started)
    return started
  }

  /** Another one that is ready to go on, if it is wanted, some time after this one has begun. */
  #prepare(): void {
    if (!this.#options.standby) return
    setTimeout(() => {
      if (this.#stopping || this.#spare || !this.#ready) return
      const spare = this.#start(STANDBY)
      this.#spare = spare
      void spare.ended.then(() => {
        if (this.#spare !== spare) return
        this.#spare = undefined
        this.#prepare()
      })
    }, STANDBY_MS).unref()
  }

  /** All that is held. */
  #handOn(to: Child): void {
    try {
      for (const [hold, { fds, about }] of this.#held)
        sendMessage(to.socket, { text: JSON.stringify({ hold, about }), fds: [...fds] })
    } catch (error) {
      // The daemon that gets too little says so and fails; the next one has nothing to be handed.
      this.#say(`what was held could not be handed on (${(error as Error).message})`)
      for (const name of [...this.#held.keys()]) this.#drop(name)
    }
  }

  /** => whether it can hear it */
  #tell({ socket, bell }: Child, words: object, fds: readonly number[] = []): boolean {
    try {
      sendMessage(socket, { text: JSON.stringify(words), fds: [...fds] })
      bell?.write('.')
      return true
    } catch {
      // Its end says the rest.
      return false
    }
  }

  /** Of what is held, which it would go on with. One that cannot be told is ended, and another one is started. */
  #tellSpare(words: object, fds: readonly number[] = []): void {
    if (this.#spare === undefined || this.#tell(this.#spare, words, fds)) return
    this.#endSpare()
    this.#prepare()
  }

  #endSpare(): void {
    this.#spare?.child.kill('SIGKILL')
    this.#spare = undefined
  }

  #listen(socket: number): void {
    for (;;) {
      const message = receiveMessage(socket)
      if (message === null || message === 'end') return
      const { hold, drop, ready, stands, about, notify: told } = wordsOf(message.text)
      if (typeof hold === 'string') {
        this.#tellSpare({ hold, about }, message.fds)
        this.#hold(hold, { fds: message.fds, about })
      } else for (const fd of message.fds) closeFd(fd)
      if (typeof drop === 'string') {
        this.#tellSpare({ drop })
        this.#drop(drop)
      }
      if (ready === true) this.#isReady()
      if (stands === true) this.#say('another one stands by')
      if (typeof told === 'string') this.#notify(told)
    }
  }

  #hold(name: string, held: Held): void {
    this.#drop(name)
    if (this.#held.size < NAMES_MOST) this.#held.set(name, held)
    else for (const fd of held.fds) closeFd(fd)
  }

  #drop(name: string): void {
    for (const fd of this.#held.get(name)?.fds ?? []) closeFd(fd)
    this.#held.delete(name)
  }

  #dropState(): void {
    for (const name of [...this.#held.keys()]) if (name.startsWith(STATE)) this.#drop(name)
  }

  /** A manager that cannot be told is no reason to end. */
  #notify(text: string): void {
    try {
      if (this.#manager) notify(this.#manager, text)
    } catch {}
  }

  #isReady(): void {
    this.#ready = true
    for (const signal of this.#pending) this.#child?.child.kill(signal)
    this.#pending.clear()
    this.#prepare()
  }

  #end(signal: NodeJS.Signals): void {
    this.#stopping = true
    this.#endSpare()
    this.#child?.child.kill(signal)
  }

  /** A daemon that starts has no meaning for these yet, and would end by them. */
  #passOn(signal: NodeJS.Signals): void {
    if (this.#ready) this.#child?.child.kill(signal)
    else this.#pending.add(signal)
  }

  #say(text: string): void {
    this.#options.say(`TAPVS: ${text}`)
  }
}

/** Starts src/cli/kept.ts with the words of this program; does not come back. */
export async function keep(): Promise<never> {
  decideSignals()
  const say = (text: string) => process.stderr.write(`${text}\n`)
  const argv = [inDist('bundle', 'kept.cjs'), ...process.argv.slice(2)]
  const standby = argv.includes('--standby')
  process.exit(await new Keeper({ argv, standby, say }).run())
}
