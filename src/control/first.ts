/**
 * The first thing that a daemon does which a keeper has started (cli/kept.ts), before anything else is loaded: it takes what is held, and
 * starts the packet threads that can be started. A standby starts them too: they wait for the end of the daemon before.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { ifConfined } from '../io/confined.ts'
import { createLives, type Life, live, MAIN_SLOT, watchLives } from '../io/life.ts'
import { confineProcess } from '../io/native.ts'
import { BELL_FD, KEPT, type Keeping, LIVES, STANDBY } from './keeper/keeping.ts'
import { Kept } from './keeper/kept.ts'
import { endHeadStart, type HeadStart, headStart } from './threads/head-start.ts'

/** Its main thread, and more workers than a config may have. */
const SLOTS = 64
/** Until they forward nothing else is loaded, which would take their time; at most so long. */
const SET_MS = 2000
/** And so long after that: what has waited for them meets code that has hardly run. */
const CATCH_UP_MS = 30
/** From when something else is held until the threads of a standby are others: what comes together is taken together. */
const RENEW_MS = 100

/** What a daemon begins with. */
export interface Begun {
  keeping: Keeping
  lives: number
  life: Life
  head?: HeadStart | undefined
  /** What was no good, for a log, each in one line. */
  problems: string[]
}

/** A process that a keeper has started. */
export interface First {
  /** Whether it is to be the daemon later, and there is time to get ready. */
  standby: boolean
  /** Resolves when it is to be the daemon. */
  begun: Promise<Begun>
  /** A standby has loaded everything. */
  loaded(): Promise<void>
}

/** Takes the keeper's variable out of `environment`, so that no child of ours believes in it. */
export function first(environment: NodeJS.ProcessEnv): First {
  const standby = environment[KEPT] === STANDBY
  delete environment[KEPT]
  const problems: string[] = []
  // Before the first packet thread, which has a filter of its own.
  ifConfined(confineProcess, text => problems.push(text))
  const lives = createLives(SLOTS)
  const own = { keeping: new Kept(), lives, life: live(lives, MAIN_SLOT), problems }
  const stood = { done: () => {} }
  const stands = new Promise<void>(done => {
    stood.done = done
  })
  return {
    standby,
    begun: standby ? standBy(own, stood.done) : begin(own),
    loaded: () => stands.then(() => own.keeping.standing()),
  }
}

type Own = Begun & { keeping: Kept }

async function begin(own: Own): Promise<Begun> {
  own.keeping.untilBegun()
  await own.keeping.live()
  own.head = started(own)
  own.keeping.hold(LIVES, { fds: [own.lives], about: null })
  await run(own.head)
  await listen(own.keeping)
  return own
}

/** Threads that wait are what is held wants them to be, until this process is the daemon. */
async function standBy(own: Own, stood: () => void): Promise<Begun> {
  const { keeping } = own
  // All of it was said before the process was there.
  keeping.listen()
  const [watched = -1] = keeping.take(LIVES)?.fds ?? []
  const died = watched < 0 ? undefined : watchLives(watched)
  own.head = died === undefined ? undefined : started(own, died)
  await all(own.head, 'stands')
  if (own.head) keeping.stands()
  stood()
  let last = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const renew = async () => {
    if (own.head) await endHeadStart(own.head)
    own.head = started(own, died)
    keeping.tidy()
  }
  await listen(keeping, () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      last = last.then(renew)
    }, RENEW_MS)
  })
  // Whether they are right control finds out.
  clearTimeout(timer)
  await last
  await keeping.live()
  own.head ??= started(own)
  await run(own.head)
  keeping.hold(LIVES, { fds: [own.lives], about: null })
  return own
}

function started({ keeping, lives, problems }: Own, died?: number): HeadStart | undefined {
  try {
    return headStart(keeping, lives, died)
  } catch (error) {
    const [why = ''] = (error as Error).message.split('\n')
    problems.push(`packet threads could not be started at once (${why})`)
    return undefined
  }
}

/** Resolves when all of its threads have got so far, or too late. */
async function all(head: HeadStart | undefined, how: 'stands' | 'runs'): Promise<void> {
  if (head === undefined) return
  const every = Promise.all(head.threads.map(thread => thread[how]))
  await Promise.race([every, sleep(SET_MS, undefined, { ref: false })])
}

/** They have the processors until they have read what waits for them. */
async function run(head: HeadStart | undefined): Promise<void> {
  await all(head, 'runs')
  if (head) await sleep(CATCH_UP_MS)
}

/** Resolves when this process is to be the daemon; `changed` is called when something else is held. */
async function listen(keeping: Kept, changed = () => {}): Promise<void> {
  const { Socket } = await import('node:net')
  const bell = new Socket({ fd: BELL_FD, readable: true, writable: false })
  bell.on('error', () => {})
  let onClose: () => void = () => process.exit(0)
  bell.once('close', () => onClose())
  await new Promise<void>(done => {
    const hear = () => {
      if (keeping.listen()) changed()
      if (keeping.begun) done()
    }
    bell.on('data', hear)
    hear()
  })
  onClose = () => keeping.gone()
  bell.unref()
}
