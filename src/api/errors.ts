/** What a failure is in HTTP. Every error body is `{ "error": "one line" }`, with `problems` if there are several. */

import * as z from 'zod'

export const errorSchema = z
  .object({
    error: z.string().describe('One line that says what to do.'),
    problems: z.array(z.string()).exactOptional().describe('A line for each mistake in a config.'),
  })
  .meta({ id: 'Error' })

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

/** The control says what is wrong in words only, so these are what its errors are told apart by. */
const KINDS: [status: number, words: RegExp][] = [
  [409, / exists already\b/],
  [404, /^no (?:arm|service|real server|LIP|address|route|static neighbour) /],
  [503, /packet thread/],
]

/** The status of an error that the control answered or threw. */
export function statusOf(message: string): number {
  return KINDS.find(([, words]) => words.test(message))?.[0] ?? 400
}

/** One line for what a schema refused: `query.limit: expected a whole number 1-1000, found "x"`. */
export function lineOf(part: string, value: unknown, issue: z.core.$ZodIssue): string {
  const at = (path: readonly PropertyKey[]) =>
    path.map(step => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
  const place = `${part}${at(issue.path)}`
  if (issue.code === 'unrecognized_keys')
    return `${place}: there is no ${issue.keys.map(key => JSON.stringify(key)).join(', ')}`
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
