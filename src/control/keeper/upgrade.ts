/**
 * From one program to another while packets pass: the other one is asked what it is, started to stand by, and rung when the daemon has let
 * go of packets and state. For some time it is watched, and if it fails the former goes on in its place.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { UpgradeBody, UpgradeInfo } from '../../api/upgrade.ts'
import { WATCH_MOST, WATCH_SECONDS } from '../../api/words.ts'
import type { Child } from './child.ts'
import { cannotFollow, lostBetween } from './facts.ts'
import { STANDBY } from './keeping.ts'
import { type Program, programAt } from './program.ts'

/** Until another program stands by: on a machine that has much to do, a start takes many seconds. */
const START_MS = 60_000
/** Until a daemon has let go of everything: its threads end within two seconds or are ended. */
const QUIET_MS = 8000
const LOOK_MS = 20
/** For a start, at least: what is watched for a moment only may be slow. */
const READY_SECONDS = 15

/** A program and how it is started. */
export interface Launch {
  program: Program
  command: readonly string[]
}

/** What a keeper lets be done with its children. */
export interface Hands {
  /** What runs. */
  readonly launch: Launch
  readonly child: Child | undefined
  /** Whether that has said so. */
  readonly isReady: boolean
  readonly isStopping: boolean
  launchOf(program: Program): Launch
  start(launch: Launch, role: string): Child
  /** It is the daemon from now on, and has all that is held. */
  takeOver(child: Child, launch: Launch): void
  /** No other one stands by: two would go on at once. */
  alone(): Promise<void>
  /** Another one may stand by again. */
  prepare(): void
  /** The upgrade stands. */
  renew(): void
  say(text: string): void
}

export class Upgrade {
  readonly #hands: Hands
  #phase: UpgradeInfo['phase'] = 'none'
  #text = 'there was none'
  #former: Program | null
  #wanted: Program | null = null
  /** Whose end is not the keeper's business, and until when. */
  #watched: Child | undefined
  #settled: Promise<void> = Promise.resolve()

  constructor(hands: Hands, former: Program | null = null, done = '') {
    this.#hands = hands
    this.#former = former
    if (done) {
      this.#phase = 'done'
      this.#text = done
      this.#wanted = hands.launch.program
    }
  }

  get former(): Program | null {
    return this.#former
  }

  get text(): string {
    return this.#text
  }

  get isOn(): boolean {
    return !['none', 'checked', 'done', 'failed'].includes(this.#phase)
  }

  get info(): UpgradeInfo {
    const shown = ({ path, facts }: Program) => ({ path, version: facts.version })
    return {
      phase: this.#phase,
      text: this.#text,
      running: shown(this.#hands.launch.program),
      former: this.#former && shown(this.#former),
      wanted: this.#wanted && shown(this.#wanted),
    }
  }

  /** => whether somebody else deals with the end of this one; `settled` resolves when it has */
  watches(child: Child): boolean {
    return this.#watched === child
  }

  get settled(): Promise<void> {
    return this.#settled
  }

  /** Throws an Error in one line if one is under way. */
  begin(wanted: UpgradeBody): UpgradeInfo {
    if (this.isOn) throw new Error(`an upgrade is under way: ${this.#text}`)
    this.#wanted = null
    this.#now('checking', 'asking the other program what it is')
    this.#settled = this.#go(wanted).catch((error: Error) => {
      this.#watched = undefined
      this.#now('failed', error.message)
      this.#hands.say(`upgrade failed: ${error.message}`)
      this.#hands.prepare()
    })
    return this.info
  }

  #now(phase: UpgradeInfo['phase'], text: string): void {
    this.#phase = phase
    this.#text = text
  }

  async #go(wanted: UpgradeBody): Promise<void> {
    const hands = this.#hands
    const before = hands.launch
    const program = await this.#chosen(wanted)
    this.#wanted = program
    const { path, facts } = program
    const from = before.program.facts.version
    const lost = lostBetween(facts, before.program.facts)
    const wayBack = this.#wayBack(program, before.program)
    const what = `${from} to ${facts.version} (${path})`
    if (wanted.check) {
      const loses = lost ? `${lost}; ` : ''
      this.#now('checked', `would hand over from ${what}; ${loses}${backText(wayBack)}`)
      return
    }
    if (lost && !wanted.lose_connections)
      throw new Error(`${path} has ${lost}; insist with --lose-connections`)
    hands.say(`upgrade from ${what}: starting it`)
    this.#now('starting', `starting ${facts.version}`)
    await hands.alone()
    const launch = hands.launchOf(program)
    const next = await this.#started(launch)
    await this.#hush(next)
    hands.takeOver(next, launch)
    this.#watched = next
    const seconds = wanted.watch ?? WATCH_SECONDS
    this.#now('watching', `${facts.version} has taken over, and is watched for ${seconds} s`)
    const failure = await this.#watch(next, seconds)
    if (failure) return this.#goBack(next, before, `${facts.version} ${failure}`)
    this.#watched = undefined
    if (failure === undefined) return this.#now('failed', 'stopped while it was watched')
    this.#former = wayBack
    this.#now('done', `${what} is done; ${backText(wayBack)}`)
    hands.say(`upgrade from ${what} is done`)
    hands.renew()
  }

  async #chosen({ program, back }: UpgradeBody): Promise<Program> {
    const { path, facts } = this.#hands.launch.program
    if (back && !this.#former) throw new Error('there is no former program to go back to')
    const chosen = await programAt(back ? (this.#former as Program).real : (program ?? path))
    const why = cannotFollow(chosen.facts, facts)
    if (why) throw new Error(`${chosen.path}: ${why}`)
    return chosen
  }

  /** What can be returned to: nothing, where the new one lies in its place. */
  #wayBack(after: Program, before: Program): Program | null {
    const isReplaced = after.real === before.real && after.facts.version !== before.facts.version
    return isReplaced ? null : before
  }

  /** => it stands by */
  async #started(launch: Launch): Promise<Child> {
    const { version } = launch.program.facts
    const next = this.#hands.start(launch, STANDBY)
    const failure = await Promise.race([
      next.standing.then(its => (its === version ? '' : `says that it is ${its}`)),
      next.ended.then(({ how }) => how),
      sleep(START_MS, `is not ready to take over after ${START_MS / 1000} s`, { ref: false }),
    ])
    // It may have died, and another one of it is on its way.
    const isThere = () => this.#hands.isReady || this.#hands.isStopping
    for (const end = performance.now() + START_MS; !isThere() && performance.now() < end; )
      await sleep(LOOK_MS)
    const why = failure || (this.#hands.isReady ? '' : 'finds no daemon that it could follow')
    if (why === '' && !this.#hands.isStopping) return next
    next.kill('SIGKILL')
    const { version: runs } = this.#hands.launch.program.facts
    throw new Error(`${version} ${why || 'is not needed any more'}; ${runs} goes on`)
  }

  /** The daemon lets go. */
  async #hush(next: Child): Promise<void> {
    const hands = this.#hands
    const old = hands.child as Child
    this.#watched = old
    this.#now('handing_over', 'the daemon lets go of packets and state')
    try {
      old.send({ hush: true })
      old.ring()
    } catch {
      // It reads nothing, and is ended below.
    }
    const gone = old.ended.then(() => true)
    if (!(await Promise.race([old.quiet, gone, sleep(QUIET_MS, false, { ref: false })]))) {
      hands.say(`the daemon has not let go within ${QUIET_MS / 1000} s, and is ended`)
      old.kill('SIGKILL')
      await gone
    }
    if (!hands.isStopping) return
    next.kill('SIGKILL')
    throw new Error('the daemon was asked to stop')
  }

  /** => how it has failed, in words; '' if it has not; undefined if it was asked to end */
  async #watch(next: Child, seconds: number): Promise<string | undefined> {
    const hands = this.#hands
    const patience = Math.max(seconds, READY_SECONDS)
    let end: { how: string; code: number } | undefined
    void next.ended.then(ended => {
      end = ended
    })
    const until = async (limit: number, holds = () => false) => {
      const over = performance.now() + limit * 1000
      while (performance.now() < over && !end && !holds()) await sleep(LOOK_MS)
    }
    await until(patience, () => hands.isReady)
    if (hands.isReady) await until(seconds)
    if (hands.isStopping || (end?.code === 0 && hands.isReady)) return undefined
    if (end) return `${end.how} after it took over`
    return hands.isReady ? '' : `was not ready within ${patience} s`
  }

  async #goBack(next: Child, before: Launch, why: string): Promise<void> {
    const hands = this.#hands
    next.kill('SIGKILL')
    await next.ended
    const { version } = before.program.facts
    const isThere = this.#wayBack(hands.launch.program, before.program) !== null
    if (!isThere) throw new Error(`${why}; ${version} was replaced by it, so there is no way back`)
    hands.takeOver(hands.start(before, '1'), before)
    throw new Error(`${why}; ${version} goes on`)
  }
}

/** What a daemon asks for, of which nothing is believed that has another type. */
export function bodyOf(asked: unknown): UpgradeBody {
  const { program, back, check, lose_connections: lose, watch } = Object(asked)
  const isTime = Number.isInteger(watch) && watch >= 1 && watch <= WATCH_MOST
  return {
    ...(typeof program === 'string' && { program }),
    ...{ back: back === true, check: check === true, lose_connections: lose === true },
    ...(isTime && { watch }),
  }
}

function backText(former: Program | null): string {
  return former
    ? `tapvs upgrade --back returns to ${former.facts.version}`
    : 'it lies in the place of the former one, to which there is no way back then'
}
