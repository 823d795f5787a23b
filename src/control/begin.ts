/** What a daemon begins with: the config that an earlier one ran, edits included, or that of the file. Places are those of the earlier one. */

import { type Config, ConfigError, readConfig } from '../config/config.ts'
import type { Places } from '../config/places.ts'
import { type KeptHealth, openKeptHealth } from './checks/kept-health.ts'
import { NO_KEEPER } from './keeper/keeping.ts'
import { type KeptConfig, openKeptConfig, type Ran } from './model/kept-config.ts'

export interface Begin {
  config: Config
  /** Of the earlier daemon. */
  ran: Ran | undefined
  /** What the checks think, and have thought, of real servers. */
  health: KeptHealth
  /** Where this one writes what it runs; null if nobody holds that. */
  kept: KeptConfig | null
  /** Why what was kept is not gone on with, in words. */
  problem?: string
}

/** Throws ConfigError for what is wrong in the file, if it comes to that. */
export function beginWith(file: string, keeping = NO_KEEPER): Begin {
  const kept = openKeptConfig(keeping)
  const health = openKeptHealth(keeping)
  let problem: string | undefined
  try {
    const ran = kept?.read()
    // Who has stopped and started it wants the file; connections have their places.
    if (ran) return { config: keeping.afresh ? readConfig(file) : ran.config, ran, kept, health }
  } catch (error) {
    if (keeping.afresh && error instanceof ConfigError) throw error
    const [why = ''] = (error as Error).message.split('\n')
    problem = `the config that ran cannot be gone on with (${why}): starting from ${file}`
  }
  return { config: readConfig(file), ran: undefined, kept, health, ...(problem && { problem }) }
}

/** Gives out the places that the earlier daemon had given out. => why not, in words; '' if nothing stands against it */
export function restorePlaces({ dests, lips }: Places, ran: Ran | undefined): string {
  if (ran === undefined) return ''
  try {
    dests.restore(ran.places.dests)
    lips.restore(ran.places.lips)
    return ''
  } catch (error) {
    return `${(error as Error).message}; connections go on where the config alone says where they were`
  }
}
