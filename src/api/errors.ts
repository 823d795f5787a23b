/** What a failure is in HTTP. */

import * as z from 'zod'
import { REFUSAL_KINDS, type Refusal, type RefusalKind } from './refused.ts'

export const errorSchema = z
  .object({
    error: z.string().describe('One line that says what to do.'),
    kind: z
      .enum(REFUSAL_KINDS)
      .exactOptional()
      .describe('Why the daemon refuses it; left out of what never came so far.'),
    what: z.string().exactOptional().describe('What exists or is missing, `real server`;'),
    name: z.string().exactOptional().describe('its name,'),
    where: z.string().exactOptional().describe('and where, `in TCP 192.0.2.1:80`.'),
    problems: z.array(z.string()).exactOptional().describe('A line for each mistake in a config.'),
    mistakes: z
      .array(z.object({ path: z.array(z.union([z.string(), z.int()])), text: z.string() }))
      .exactOptional()
      .describe('The same, the place apart from the words.'),
  })
  .meta({ id: 'Error' }) satisfies z.ZodType<Refusal>

/** Thrown where the status is known. */
export class HttpError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'HttpError'
    this.status = status
  }
}

/** Without packet threads: for printing the document, and for tests. */
export const NO_RECORDER = 'there is no packet thread to watch'

const STATUS: Record<RefusalKind, number> = {
  exists: 409,
  missing: 404,
  invalid: 400,
  mistakes: 422,
  unanswered: 503,
}

export function statusOf(kind: RefusalKind): number {
  return STATUS[kind]
}

/** Of keys that there are not. */
const KEYS_NAMED = 8

/** One line for what a schema refused: `query.limit: expected a whole number 1-1000, found "x"`. */
export function lineOf(part: string, value: unknown, issue: z.core.$ZodIssue): string {
  const at = (path: readonly PropertyKey[]) =>
    path.map(step => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
  const place = `${part}${at(issue.path)}`
  if (issue.code === 'unrecognized_keys') {
    const named = issue.keys.slice(0, KEYS_NAMED).map(key => JSON.stringify(key))
    const more = issue.keys.length - named.length
    return `${place}: there is no ${named.join(', ')}${more > 0 ? `, and ${more} more` : ''}`
  }
  let found = value
  for (const step of issue.path) found = (found as Record<PropertyKey, unknown> | null)?.[step]
  return `${place}: expected ${issue.message}, found ${shown(found)}`
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
