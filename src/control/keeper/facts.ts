/** What one tapvs has to know of another before it hands over to it: `tapvs version --json` says it. */

import { CONFIG_LAYOUT, KEEPING, STATE_LAYOUT } from '../system/layouts.ts'
import { version } from '../system/version.ts'

export interface Facts {
  version: string
  /** As layouts.ts has them. */
  keeping: number
  layouts: { state: number; config: number }
}

export const FACTS: Facts = {
  version,
  keeping: KEEPING,
  layouts: { state: STATE_LAYOUT, config: CONFIG_LAYOUT },
}

const NAME = 'tapvs'

/** One line of JSON. */
export function factsText(): string {
  return JSON.stringify({ program: NAME, ...FACTS })
}

const isNumber = (value: unknown): value is number => Number.isInteger(value) && Number(value) > 0

/** => what another program has said, undefined if that is not what a tapvs says */
export function factsOf(text: string): Facts | undefined {
  let said: Record<string, unknown>
  try {
    said = Object(JSON.parse(text))
  } catch {
    return undefined
  }
  const { program, version: its, keeping, layouts } = said
  const { state, config } = Object(layouts) as Record<string, unknown>
  if (program !== NAME || typeof its !== 'string' || !/^[\w.+-]{1,64}$/.test(its)) return undefined
  if (!isNumber(keeping) || !isNumber(state) || !isNumber(config)) return undefined
  return { version: its, keeping, layouts: { state, config } }
}

/** => why one program cannot follow the other in a running daemon, in words; undefined if it can */
export function cannotFollow(after: Facts, before: Facts): string | undefined {
  if (after.keeping === before.keeping) return undefined
  return `its keeper and daemon speak another language (${after.keeping}, this is ${before.keeping}); stop this one and start that`
}

/** => what would be lost if one program followed the other, in words; undefined if nothing would */
export function lostBetween(after: Facts, before: Facts): string | undefined {
  const differs = (name: keyof Facts['layouts']) => after.layouts[name] !== before.layouts[name]
  const text = (what: string, name: keyof Facts['layouts']) =>
    `${what} of another layout (${after.layouts[name]}, this is ${before.layouts[name]})`
  if (differs('state')) return `${text('state', 'state')}: all connections would be lost`
  if (differs('config'))
    return `${text('config', 'config')}: what was changed since the start, and connections of it, would be lost`
  return undefined
}
