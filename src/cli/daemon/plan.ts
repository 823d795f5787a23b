/** What a change of the config does, as text. */

import type { PlanInfo } from '../../api/commands.ts'
import { counted } from '../../see/text/counted.ts'
import { CliError } from './client.ts'

/** The steps, one per line, and what was done about them. */
export function formatPlan({ steps }: PlanInfo): string {
  const count = counted(steps.length, 'change')
  return `${[...steps, steps.length === 0 ? 'nothing to do' : `applied, ${count}`].join('\n')}\n`
}

/** The steps alone; keys that only a restart changes begin with `!`. */
export function formatDifference({ steps, restart }: PlanInfo): string {
  return [...steps, ...restart.map(key => `! ${key} (needs a restart)`)]
    .map(line => `${line}\n`)
    .join('')
}

/** Throws CliError if the plan was refused, because something in it needs a restart. */
export function refuseRestart({ restart }: PlanInfo): void {
  if (restart.length === 0) return
  throw new CliError(`nothing was applied: only a restart changes ${restart.join(', ')}`)
}
