/** The state of all packet threads, as control keeps it: made, or taken over from an earlier daemon as a whole, or not at all. */

import { closeFd } from '../../io/native.ts'
import { type Keeping, STATE } from '../keeper/keeping.ts'
import { type BareConfig, workerId } from './memory.ts'
import {
  newState,
  type StateFor,
  settleTemplates,
  stateFor,
  stateProblem,
  templatesFor,
  type WorkerState,
} from './state.ts'

const nameOf = (index: number) => `${STATE}${index < 0 ? 'of all' : workerId(index)}`

/** By worker; `hasSessions`: somebody wants to know of connections that end. `warn` is told why what was kept is of no use. Throws NativeError. */
export function openStates(
  config: BareConfig,
  hasSessions: boolean,
  keeping: Keeping,
  warn: (text: string) => void,
): WorkerState[] {
  const all = allOf(config, hasSessions)
  const kept = takeAll(all, keeping, warn)
  const fds = kept ?? all.map(newState)
  if (!kept) {
    for (const [i, what] of all.entries())
      keeping.hold(nameOf(what.index), { fds: [fds[i] as number], about: null })
  }
  return statesOf(fds, kept !== undefined)
}

/** The same of an earlier daemon, which stays where it is. => undefined if openStates would not take it over */
export function leftStates(
  config: BareConfig,
  hasSessions: boolean,
  keeping: Keeping,
): WorkerState[] | undefined {
  const all = allOf(config, hasSessions)
  const fds = all.flatMap(({ index }) => keeping.look(nameOf(index))?.fds.slice(0, 1) ?? [])
  return problemOf(fds, all) === undefined ? statesOf(fds, true) : undefined
}

function allOf(config: BareConfig, hasSessions: boolean): StateFor[] {
  const wanted = Array.from({ length: config.workers.count }, (_, index) =>
    stateFor(config, index, hasSessions),
  )
  return [templatesFor(config), ...wanted]
}

function statesOf([templates = -1, ...own]: readonly number[], adopt: boolean): WorkerState[] {
  return own.map(fd => ({ fd, templates, adopt }))
}

function problemOf(fds: readonly number[], all: readonly StateFor[]): string | undefined {
  if (fds.length < all.length)
    return `state of ${fds.length - 1} workers, this is ${all.length - 1}`
  return fds.map((fd, i) => stateProblem(fd, all[i] as StateFor)).find(Boolean)
}

/** => undefined if there is nothing, or anything of it does not fit; then nothing of it is left */
function takeAll(
  all: readonly StateFor[],
  keeping: Keeping,
  warn: (text: string) => void,
): number[] | undefined {
  const fds = all.flatMap(({ index }) => keeping.take(nameOf(index))?.fds.slice(0, 1) ?? [])
  if (fds.length === 0) return undefined
  const problem = problemOf(fds, all)
  if (problem === undefined) {
    // Threads of a head start may have some locks by now: theirs stay.
    settleTemplates(fds[0] as number, all.length - 1)
    return fds
  }
  warn(`${problem}: starting empty`)
  for (const fd of fds) closeFd(fd)
  return undefined
}
