/** Edits sent to the daemon, and what it says of them in words of the command line: names, not places in a config. */

import type { PlanInfo } from '../../api/commands.ts'
import type { Edit } from '../../api/edits.ts'
import { CliError } from './client.ts'
import type { Desk } from './desk.ts'

/**
 * Carries out all of `edits` or none, and tells on stderr what the config has become that looks like a mistake and was
 * none before. Throws CliError.
 */
export async function change(desk: Desk, edits: Edit[]): Promise<void> {
  const { new_warnings } = await tryEdits(desk, edits, false)
  for (const warning of new_warnings) desk.warn(`warning: ${warning}`)
}

/** Throws CliError if the daemon cannot carry them out; with `dryRun` it only says whether it could. */
export async function tryEdits(desk: Desk, edits: Edit[], dryRun: boolean): Promise<PlanInfo> {
  const plan = await desk
    .ask({ verb: 'edit', edits, ...(dryRun && { dry_run: true }) })
    .catch((error: unknown) => {
      throw error instanceof CliError && error.refusal ? withoutPlaces(error) : error
    })
  if (plan.restart.length > 0)
    throw new CliError(`nothing was changed: only a restart changes ${plan.restart.join(', ')}`)
  return plan
}

/** In a config that is none yet, services and arms have no names that could be looked up. */
function withoutPlaces(error: CliError): CliError {
  const { problems, mistakes } = error.refusal ?? {}
  if (!problems || !mistakes) return error
  const lines = mistakes.map(({ path: [part, index], text }, i) =>
    (part === 'services' || part === 'arms') && typeof index === 'number' ? text : problems[i],
  )
  return new CliError(lines.join('; '), error.exitCode)
}
