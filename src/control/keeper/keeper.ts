/**
 * The keeper, what `tapvs run` is: it starts the daemon, holds the descriptors by which arms and state live, and starts another
 * daemon when one has ended that was not asked to. It reads no packet, no config and no request, and loads next to nothing.
 *
 * The daemon is in a session of its own, so signals of a terminal reach it once, by the keeper.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { ifConfined } from '../../io/confined.ts'
import { closeFd, confineProcess } from '../../io/native.ts'
import { KEPT_BUNDLE } from '../system/built-file.ts'
import { decideSignals } from '../system/signals.ts'
import { beginning } from './beginning.ts'
import { Child, type Ended, type Words } from './child.ts'
import { Children } from './children.ts'
import type { Holdings } from './holdings.ts'
import { STANDBY } from './keeping.ts'
import { ownProgram, type Program } from './program.ts'
import { goOn, type Left, leftIn } from './renew.ts'
import { tell } from './store.ts'
import { bodyOf, type Hands, type Launch, Upgrade } from './upgrade.ts'

/** So many ends within so many ms are the last. */
export const ENDS_MOST = 5
const ENDS_MS = 10_000
/** From so many on the state may be what ends them: the next one starts without. */
export const ENDS_WITH_STATE = 3
const PAUSE_MS = 200
/** One that has lived longer did not end because it was started too soon. */
const HASTY_MS = ENDS_MS / ENDS_MOST
/** From when a daemon is ready until the next one is started to stand by: the start of the first is over then. */
const STANDBY_MS = 2000
/** A process that is not needed any more may write out what it has for so long. */
const LEAVE_MS = 60_000
/** A wrong config. */
const WRONG = 2

const ENDING = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const

export interface KeeperOptions {
  /** What Node runs as a daemon, and the words for it. */
  argv: readonly string[]
  /** What Node runs as this process. */
  script: string
  /** Whether another process is made ready before it is needed. */
  standby: boolean
  environment: NodeJS.ProcessEnv
  /** What a keeper before this one has left in this process. */
  left?: Left | undefined
  /** A line on stderr. */
  say(text: string): void
}

export class Keeper implements Hands {
  readonly #options: KeeperOptions
  readonly #holdings: Holdings
  readonly #upgrade: Upgrade
  readonly #manager: string
  launch: Launch
  child: Child | undefined
  /** Of the daemon that runs. */
  isReady = false
  isStopping = false
  /** The standby. */
  #spare: Child | undefined
  readonly #children: Children
  /** Told to a daemon once it can hear it. */
  readonly #pending = new Set<NodeJS.Signals>()
  /** A stop that was wanted came before, so the config file counts. */
  #afresh: boolean
  /** Some daemon was ready. */
  #wasReady = false
  /** Some daemon was before this keeper, and has left what is gone on with. */
  readonly #follows: boolean

  constructor(options: KeeperOptions) {
    const { environment, left, argv, script } = options
    this.#options = options
    this.#manager = environment.NOTIFY_SOCKET ?? ''
    // And with it what it starts, from the first instruction on. A daemon says where it cannot be.
    ifConfined(confineProcess, () => {})
    for (const signal of ENDING) process.on(signal, () => this.#end(signal))
    for (const signal of ['SIGHUP', 'SIGUSR1'] as const)
      process.on(signal, () => this.#tell(signal))
    const program = left?.program ?? ownProgram(script)
    this.launch = { program, command: [process.execPath, ...process.execArgv, ...argv] }
    const { holdings, afresh, problem } = beginning(environment, this.#manager, left)
    if (problem) this.say(`${problem}: starting empty`)
    this.#holdings = holdings
    this.#afresh = afresh
    this.#follows = holdings.size > 0
    this.#children = new Children(this.#holdings)
    this.#upgrade = new Upgrade(this, left?.former, left?.text)
    if (!left) return
    this.child = this.#mine(this.#children.add(Child.adopt(left.child)))
    this.isReady = true
    this.#wasReady = true
    this.prepare()
    this.say(`the keeper is that of ${program.facts.version}`)
  }

  /** => the exit code of the last daemon, as a shell counts it */
  async run(): Promise<number> {
    let ends: number[] = []
    for (;;) {
      const began = performance.now()
      const { code, how } = await this.#daemon()
      this.#wasReady ||= this.isReady
      const failed = !this.#wasReady && (code === WRONG || !this.#follows)
      if (this.isStopping || code === 0 || failed) {
        this.#holdings.store?.stopped(true)
        return code
      }
      const now = performance.now()
      ends = [...ends.filter(at => now - at < ENDS_MS), now]
      if (ends.length >= ENDS_MOST) {
        this.say(`the daemon ${how}, ${ends.length} times in ${ENDS_MS / 1000} s: giving up`)
        this.#holdings.unstore()
        return code
      }
      const afresh = ends.length >= ENDS_WITH_STATE
      if (afresh) {
        this.#holdings.dropState()
        // It goes on with that very state.
        this.#endSpare()
      }
      this.say(`the daemon ${how}; starting another${afresh ? ', without its connections' : ''}`)
      if (ends.length > 1 && now - began < HASTY_MS) await sleep(PAUSE_MS * (ends.length - 1))
      if (this.isStopping) return code
    }
  }

  /** From the beginning of a daemon to the end of the one that runs then: upgrades put others in its place. */
  async #daemon(): Promise<Ended> {
    if (this.child === undefined) {
      const spare = this.#spare
      this.#spare = undefined
      this.takeOver(spare ?? this.start(this.launch, '1'), this.launch)
    }
    for (;;) {
      const child = this.child as unknown as Child
      const end = await child.ended
      if (child === this.child && this.#upgrade.watches(child)) await this.#upgrade.settled
      if (child !== this.child) continue
      this.child = undefined
      return end
    }
  }

  launchOf(program: Program): Launch {
    return { program, command: [program.real, ...this.#options.argv.slice(1)] }
  }

  start({ command }: Launch, role: string): Child {
    const child = this.#children.start(command, role, why => {
      // The daemon that gets too little says so and fails; the next one has nothing to be handed.
      this.say(`what was held could not be handed on (${why})`)
      this.#holdings.dropAll()
    })
    return this.#mine(child)
  }

  #endSpare(): void {
    this.#spare?.kill('SIGKILL')
    this.#spare = undefined
  }

  #mine(child: Child): Child {
    child.heard = (words, fds) => this.#heard(child, words, fds)
    return child
  }

  takeOver(child: Child, launch: Launch): void {
    this.child = child
    this.launch = launch
    this.isReady = false
    this.#children.takesOver(child)
    try {
      child.send({ begin: true, afresh: this.#afresh, stored: this.#holdings.store !== null })
    } catch {
      // Its end says the rest.
    }
    child.ring()
  }

  async alone(): Promise<void> {
    const spare = this.#spare
    this.#endSpare()
    await spare?.ended
  }

  /** Another one that is ready to go on, if it is wanted, some time after this one has begun. */
  prepare(): void {
    if (!this.#options.standby) return
    setTimeout(() => {
      if (this.isStopping || this.#spare || !this.isReady || this.#upgrade.isOn) return
      const spare = this.start(this.launch, STANDBY)
      this.#spare = spare
      void spare.ended.then(() => {
        if (this.#spare !== spare) return
        this.#spare = undefined
        this.prepare()
      })
    }, STANDBY_MS).unref()
  }

  renew(): void {
    const { former, text } = this.#upgrade
    void this.#renew(former, text).catch((error: Error) => {
      this.say(`the keeper stays what it was (${error.message})`)
      this.prepare()
    })
  }

  /** In place of this one, when nobody else is left that is a child of ours: the next one knows of the daemon only. */
  async #renew(former: Program | null, text: string): Promise<void> {
    for (const end = performance.now() + LEAVE_MS; this.#children.size > 1; await sleep(10)) {
      if (performance.now() < end) continue
      this.#children.killBut(this.child)
    }
    if (this.isStopping || !this.isReady || !this.child) return
    const { program } = this.launch
    const left: Left = {
      child: this.child.inherited,
      held: [...this.#holdings.all],
      index: this.#holdings.store?.fd ?? null,
      ...{ program, former, text },
    }
    goOn(left, this.#options.argv.slice(1), this.#options.environment)
  }

  #heard(child: Child, words: Words, fds: readonly number[]): void {
    const { hold, drop, ready, about, notify: told, ask } = words
    const counts = child === this.child
    if (counts && typeof hold === 'string') {
      this.#children.tellStandbys({ hold, about }, fds)
      this.#holdings.hold(hold, { fds, about })
    } else for (const fd of fds) closeFd(fd)
    if (words.stands === true) this.say('another one stands by')
    if (!counts) return
    if (typeof drop === 'string') {
      this.#children.tellStandbys({ drop })
      this.#holdings.drop(drop)
    }
    if (ready === true) this.#isReady()
    if (typeof told === 'string' && this.#manager) tell(this.#manager, told)
    if (typeof ask === 'number') this.#answer(child, ask, words.upgrade)
  }

  /** How an upgrade goes, or the beginning of one. */
  #answer(child: Child, answer: number, wanted: unknown): void {
    let said: object
    try {
      const ok = wanted === undefined ? this.#upgrade.info : this.#upgrade.begin(bodyOf(wanted))
      said = { answer, ok }
    } catch (error) {
      said = { answer, error: (error as Error).message }
    }
    try {
      child.send(said)
      child.ring()
    } catch {
      // Who asks and does not listen.
    }
  }

  #isReady(): void {
    this.isReady = true
    this.#afresh = false
    this.#holdings.store?.stopped(false)
    for (const signal of this.#pending) this.child?.kill(signal)
    this.#pending.clear()
    this.prepare()
  }

  #end(signal: NodeJS.Signals): void {
    this.isStopping = true
    this.#holdings.store?.stopped(true)
    this.#children.killStandbys()
    this.child?.kill(signal)
  }

  /** A daemon that starts has no meaning for these yet, and would end by them. */
  #tell(signal: NodeJS.Signals): void {
    if (this.isReady) this.child?.kill(signal)
    else this.#pending.add(signal)
  }

  say(text: string): void {
    this.#options.say(`TAPVS: ${text}`)
  }
}

/** This program again, as a daemon; does not come back. */
export async function keep(): Promise<never> {
  decideSignals()
  const say = (text: string) => process.stderr.write(`${text}\n`)
  const [, script = '', ...words] = process.argv
  const argv = [KEPT_BUNDLE, ...words]
  const standby = words.includes('--standby')
  const environment = process.env
  const left = leftIn(environment)
  process.exit(await new Keeper({ argv, script, standby, environment, left, say }).run())
}
