/** Worlds one after the other, and what is told of one that does not hold. */

import { Broken } from './broken.ts'
import { type Plan, planOf } from './plan.ts'
import { breaks, Shrinker } from './shrink.ts'
import { story } from './story.ts'
import { World } from './world.ts'

export interface Tally {
  worlds: number
  frames: number
  conversations: number
  /** Why some did not have to end well, and how many. */
  excuses: Map<string, number>
  /** All of those. */
  excused: number
}

export interface Runs {
  from: number
  /** Until one of them is reached. */
  worlds: number
  frames: number
  minutes?: number
  plan: (seed: number) => Plan
}

export const small = (seed: number) => planOf(seed, true)

/** Throws what does not hold, made small, as a transcript and with the command that plays it again. */
export function run({ from, worlds, frames, minutes = 600, plan }: Runs): Tally {
  const tally: Tally = { worlds: 0, frames: 0, conversations: 0, excuses: new Map(), excused: 0 }
  const end = performance.now() + minutes * 60_000
  const isOver = () => tally.worlds >= worlds || tally.frames >= frames || performance.now() >= end
  for (let seed = from; !isOver(); seed++) {
    const world = new World(plan(seed))
    try {
      const outcome = world.run()
      tally.frames += outcome.frames
      tally.conversations += outcome.attempts
      for (const [why, count] of outcome.excuses) {
        tally.excuses.set(why, (tally.excuses.get(why) ?? 0) + count)
        tally.excused += count
      }
    } catch (error) {
      throw new Error(`seed ${seed}: ${told(plan(seed))}`, { cause: error })
    }
    tally.worlds++
  }
  return tally
}

function told(plan: Plan): string {
  const broken = breaks(plan)
  if (!(broken instanceof Broken)) return 'it does not happen again, and must'
  const shrunk = new Shrinker(plan, broken).shrink()
  const only = shrunk.only && [...shrunk.only]
  const json = JSON.stringify({ plan: shrunk.plan, only })
  return `${broken.message}
after ${shrunk.runs} smaller worlds: ${shrunk.broken.message}
${story(shrunk.plan, shrunk.only)}
node dist/test/sim/main.js --world '${json}'`
}
