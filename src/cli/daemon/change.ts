/** Edits sent to the daemon, and what it says of them in words of the command line: names, not places in a config. */

import type { Edit } from '../../api/edits.ts'
import { CliError } from './client.ts'
import type { Desk } from './desk.ts'

/**
 * Carries out all of `edits` or none, and tells on stderr what the config has become that looks like a mistake and was
 * none before. Throws CliError.
 */
export async function change(desk: Desk, edits: Edit[]): Promise<void> {
  const before = await warnings(
    desk,
    (await desk.ask({ verb: 'edit', edits: [], dry_run: true })).warnings,
  )
  const plan = await tryEdits(desk, edits, false)
  for (const warning of await warnings(desk, plan.warnings))
    if (!before.includes(warning)) desk.warn(`warning: ${warning}`)
}

/** Throws CliError if the daemon cannot carry them out; with `dryRun` it only says whether it could. */
export async function tryEdits(
  desk: Desk,
  edits: Edit[],
  dryRun: boolean,
): Promise<{ warnings: string[] }> {
  const plan = await desk
    .ask({ verb: 'edit', edits, ...(dryRun && { dry_run: true }) })
    .catch((error: unknown) => {
      if (!(error instanceof CliError)) throw error
      const { problems = [error.message] } = error as { problems?: string[] }
      throw new CliError(withoutPlaces(problems.join('\n')))
    })
  if (plan.restart.length > 0)
    throw new CliError(`nothing was changed: only a restart changes ${plan.restart.join(', ')}`)
  return plan
}

const PLACE = /^(services|arms)\[(\d+)\][\w.[\]]*: /

/** What is wrong with a config that is none yet has no name that could be looked up. */
function withoutPlaces(message: string): string {
  const lines = message.split('\n').map(line => line.replace(PLACE, ''))
  return lines.join('; ')
}

interface Named {
  arms?: { name: string }[]
  services?: { address: string; port: number }[]
}

/** The services and arms that they are about, by their names. */
async function warnings(desk: Desk, texts: readonly string[]): Promise<string[]> {
  if (texts.length === 0) return []
  const config: Named = await desk.ask({ verb: 'config' })
  return texts.map(text =>
    text.replace(PLACE, (place, kind: string, index: string) => {
      const service = config.services?.[Number(index)]
      if (kind === 'services') return service ? `TCP ${service.address}:${service.port}: ` : place
      const arm = config.arms?.[Number(index)]
      return arm ? `${arm.name}: ` : place
    }),
  )
}
