/** What another config would have made of the connections of a journal. */

import { type Config, configOf } from '../../config/config.ts'
import { PARKED } from '../../engine/counters.ts'
import { withJournal } from '../journal/damaged.ts'
import type { Journal } from '../journal/format.ts'
import { alone, type LeftOut, Rerun } from './rerun.ts'
import { frameText, outcomeText } from './texts.ts'

export interface Group {
  recorded: string
  here: string
  frames: number
  /** The first of them. */
  first: { number: number; us: number; text: string }
}

export interface WhatIf {
  /** Frames that were judged. */
  frames: number
  /** Verdicts that differ, by what they were and are; the most frequent first. */
  groups: Group[]
  /** Connections by the RS they were given, recorded and here. */
  servers: { rs: string; recorded: number; here: number }[]
  leftOut: LeftOut
}

/** `config` begins with nothing but itself; what was changed while the journal was recorded is not changed here. */
export function whatIf(journal: Journal, config: Config): WhatIf {
  return withJournal(() => compared(journal, config))
}

function compared(journal: Journal, config: Config): WhatIf {
  const own = configOf(alone(config), config.lists)
  const rerun = new Rerun(journal, own, { changes: false, wire: false })
  const names = own.arms.map(arm => arm.name)
  const groups = new Map<string, Group>()
  const servers = new Map<string, { rs: string; recorded: number; here: number }>()
  const count = (rs: string, side: 'recorded' | 'here') => {
    const row = servers.get(rs) ?? { rs, recorded: 0, here: 0 }
    servers.set(rs, row)
    row[side]++
  }
  let frames = 0
  for (const step of rerun.run()) {
    if (step.step !== 'frame') continue
    frames++
    const { number, us, frame } = step
    if (step.rs) {
      count(step.rs.recorded, 'recorded')
      if (step.rs.here !== undefined) count(step.rs.here, 'here')
    }
    // Here nobody waits for a MAC.
    if (step.recorded === PARKED && step.verdict >= 0) continue
    const recorded = outcomeText(step.recorded, journal.header.arms)
    const here = outcomeText(step.verdict, names)
    if (recorded === here) continue
    const key = `${recorded} => ${here}`
    const first = { number, us, text: frameText(frame.bytes, frame.length) }
    const group = groups.get(key) ?? { recorded, here, frames: 0, first }
    groups.set(key, group)
    group.frames++
  }
  return {
    frames,
    groups: [...groups.values()].sort((a, b) => b.frames - a.frames),
    servers: [...servers.values()].sort((a, b) => a.rs.localeCompare(b.rs)),
    leftOut: rerun.leftOut,
  }
}
