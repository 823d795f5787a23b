/** Upgrades of a running daemon, as the API has them. */

import * as z from 'zod'
import { object, text, whole } from './fields.ts'
import { WATCH_MOST, WATCH_SECONDS } from './words.ts'

/** In this order, but that `checking` may end in `checked`, and anything in `failed`. */
export const UPGRADE_PHASES = [
  ...(['none', 'checking', 'checked', 'starting', 'handing_over', 'watching'] as const),
  ...(['done', 'failed'] as const),
] as const

const program = z
  .object({ path: z.string(), version: z.string() })
  .meta({ id: 'Program', description: 'A program that is, was or is to be the daemon.' })

export const upgrade = z
  .object({
    phase: z.enum(UPGRADE_PHASES),
    text: z.string().describe('What is being done, or what came of it, in a line.'),
    running: program,
    former: program.nullable().describe('What `back` returns to.'),
    wanted: program.nullable().describe('Once it has said what it is.'),
  })
  .meta({ id: 'Upgrade' })

export type UpgradeInfo = z.output<typeof upgrade>

export const upgradeBody = object({
  program: text('an absolute path', 4095)
    .exactOptional()
    .describe('Left out, it is what stands now where the running one was started from.'),
  back: z.boolean('true or false').exactOptional().describe('To the former program.'),
  check: z.boolean('true or false').exactOptional().describe('Only says what would be.'),
  lose_connections: z
    .boolean('true or false')
    .exactOptional()
    .describe('Also if the other program has another layout of what is kept.'),
  watch: whole(1, WATCH_MOST)
    .exactOptional()
    .describe(
      `Seconds, from when the new program is ready, in which the former one comes back if it fails; ${WATCH_SECONDS}.`,
    ),
})

export type UpgradeBody = z.output<typeof upgradeBody>
