/** What a request brings, judged by its schema: at once, or a long list of a body in pieces, so that others get their turn meanwhile. */

import * as z from 'zod'
import { HttpError, lineOf } from '../../api/errors.ts'
import { inPieces, type Pieces } from '../../config/pieces.ts'

/** Of a list: some milliseconds' worth of edits. */
const AT_ONCE = 250

export type Judged = { value: unknown } | { error: HttpError } | Promise<true>

/**
 * For fastify: `part` is what the request's part is called. A body with a long list comes to a promise, which rejects with what is wrong; what the
 * schema makes of the body is put into it. The list is judged in parts, each as if it were all there is.
 */
export function judged(schema: z.ZodType, part: string, given: unknown): Judged {
  // Without a body, fastify gives null.
  const value = given ?? undefined
  const long = longList(schema, value)
  if (long) return inPieces(listed(schema, part, value as Record<string, unknown>, long))
  const { data, error } = schema.safeParse(value)
  const issue = error?.issues[0]
  return issue ? { error: refusal(part, value, issue) } : { value: data }
}

const refusal = (part: string, value: unknown, issue: z.core.$ZodIssue) =>
  new HttpError(400, lineOf(part, value, issue))

/** => its key, of those that the schema has */
function longList(schema: z.ZodType, value: unknown): string | undefined {
  if (!(schema instanceof z.ZodObject) || typeof value !== 'object' || value === null)
    return undefined
  const of = value as Record<string, unknown>
  const isLong = (one: unknown) => Array.isArray(one) && one.length > AT_ONCE
  return Object.keys(schema.shape).find(key => Object.hasOwn(of, key) && isLong(of[key]))
}

function* listed(
  schema: z.ZodType,
  part: string,
  body: Record<string, unknown>,
  key: string,
): Pieces<true> {
  const list = body[key] as unknown[]
  const taken: unknown[] = []
  let rest = {}
  for (let at = 0; at < list.length; at += AT_ONCE) {
    const some = { ...body, [key]: list.slice(at, at + AT_ONCE) }
    const { data, error } = schema.safeParse(some)
    const issue = error?.issues[0]
    if (issue) throw refusal(part, body, { ...issue, path: shifted(issue.path, key, at) })
    rest = data as Record<string, unknown>
    for (const one of (data as Record<string, unknown[]>)[key] ?? []) taken.push(one)
    yield
  }
  for (const name of Object.keys(body)) delete body[name]
  Object.assign(body, rest, { [key]: taken })
  return true
}

function shifted(path: PropertyKey[], key: string, by: number): PropertyKey[] {
  const [first, index, ...more] = path
  return first === key && typeof index === 'number' ? [first, index + by, ...more] : path
}
