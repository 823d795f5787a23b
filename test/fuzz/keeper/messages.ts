/**
 * What a daemon that means no good says to its keeper in one life, and what the keeper is to hold behind it: both follow from a seed,
 * so that the next life knows what it has to be given.
 */

import { NAMES_MOST } from '../../../src/control/keeper/holdings.ts'
import { ENDS_WITH_STATE } from '../../../src/control/keeper/keeper.ts'
import { STATE } from '../../../src/control/keeper/keeping.ts'
import { Chance } from '../chance.ts'
import { mutateJson, mutateText } from '../readers/mutations.ts'

/** Messages of a life. */
const MESSAGES = 300
/** Bytes of a message, less than what a socket takes at once. */
const BYTES_MOST = 20_000
/** All that is held has to get through the socket to the next one. */
const NAMES = [
  'arm a ',
  'arm b /x',
  `${STATE}1`,
  `${STATE}of all`,
  'config',
  '',
  '__proto__',
  'x'.repeat(3000),
]

export interface Said {
  text: string
  /** Numbers that stand in the memory of each descriptor. */
  fds: number[]
  /** The keeper is woken. */
  rings: boolean
}

interface Holding {
  about: unknown
  fds: readonly number[]
}

function words(chance: Chance, number: number): Record<string, unknown> {
  const name = chance.pick(NAMES)
  switch (chance.below(10)) {
    case 0:
      return { drop: name }
    case 1:
      return { notify: chance.pick(['READY=1', 'x\ny', '', 'a'.repeat(9000)]) }
    case 2:
      return { hold: name, drop: chance.pick(NAMES), about: number }
    case 3:
      return chance.pick([{ quiet: true }, { standing: true, version: name }, { ask: number }])
    case 4: {
      const upgrade = { program: chance.pick(['/nonexistent', name, 7]), check: true, watch: 1 }
      return { ask: number, upgrade: mutateJson(chance, upgrade, number) }
    }
    default:
      return {
        hold: name,
        about: mutateJson(chance, { kind: 'tap', queues: [1, { unsteered: null }] }, number),
      }
  }
}

/** => what a daemon says in its life of this number */
export function saidIn(seed: number, life: number): Said[] {
  const chance = new Chance(seed * 64 + life)
  const said: Said[] = []
  for (let i = 0; i < MESSAGES; i++) {
    const good = words(chance, i)
    const value = chance.once(4) ? mutateJson(chance, good, i) : good
    let text = JSON.stringify(value) ?? 'null'
    if (chance.once(6)) text = mutateText(chance, text, '{"hold":"config","about":[]}', NAMES)
    const count = chance.once(20) ? 30 : chance.below(4)
    const fds = Array.from({ length: count }, (_, n) => life * 1_000_000 + i * 100 + n)
    const bytes = Buffer.from(text).subarray(0, BYTES_MOST)
    // The socket takes no message of no bytes, and what is no UTF-8 becomes another text.
    said.push({ text: bytes.toString() || ' ', fds, rings: chance.once(3) })
  }
  return said
}

/** What is held behind these messages, of what was held before. */
export function heldBehind(
  before: ReadonlyMap<string, Holding>,
  said: readonly Said[],
): Map<string, Holding> {
  const held = new Map(before)
  for (const { text, fds } of said) {
    let value: Record<string, unknown> = {}
    try {
      value = Object(JSON.parse(text))
    } catch {}
    const { hold, drop, about } = value
    if (typeof hold === 'string') {
      held.delete(hold)
      if (held.size < NAMES_MOST) held.set(hold, { about, fds })
    }
    if (typeof drop === 'string') held.delete(drop)
  }
  return held
}

/** What a daemon has to be given that begins its life of this number. */
export function heldAtStart(seed: number, life: number): Map<string, Holding> {
  let held = new Map<string, Holding>()
  for (let before = 0; before < life; before++) {
    held = heldBehind(held, saidIn(seed, before))
    const isAfresh = before + 1 >= ENDS_WITH_STATE
    if (isAfresh) for (const name of [...held.keys()]) if (name.startsWith(STATE)) held.delete(name)
  }
  return held
}
