/** What an operation of the API is. The tables of them are the API: routes, checks, document and client follow. */

import type * as z from 'zod'
import type { Request, VerbName, Verbs } from './commands.ts'
import { VERB_TABLE, type VerbRow } from './verb-table.ts'
import { type Method, VERB_ROUTES } from './verbs.ts'

type Schema = z.ZodType | undefined
type Read<S extends Schema> = S extends z.ZodType ? z.output<S> : undefined

/** What came in, as its schemas left it. */
export interface Input<P extends Schema, Q extends Schema, B extends Schema> {
  params: Read<P>
  query: Read<Q>
  body: Read<B>
}

export interface Operation<
  P extends Schema = Schema,
  Q extends Schema = Schema,
  B extends Schema = Schema,
  V extends VerbName = VerbName,
> extends Omit<VerbRow, 'query' | 'body'> {
  method: Method
  /** With `:name` for each key of `params`. */
  path: string
  params?: P
  query?: Q
  body?: B
  /** Of the answer; 200 if left out. */
  status?: number
  /** Of the answer, which is a text then; JSON if left out. */
  type?: string
  /** What the control is asked. */
  request(input: Input<P, Q, B>): Request<V>
  /** What of the control's answer is this operation's. */
  pick?(answer: Verbs[V]['answer'], input: Input<P, Q, B>): unknown
}

/** Lets the schemas of an operation type its functions. */
export function operation<
  V extends VerbName,
  P extends Schema = undefined,
  Q extends Schema = undefined,
  B extends Schema = undefined,
>(op: Operation<P, Q, B, V>): Operation {
  return op as unknown as Operation
}

/** Of each verb; its arguments are the query or the body as they are. */
export const VERB_OPERATIONS = Object.fromEntries(
  Object.entries(VERB_TABLE).map(([verb, row]) => [verb, operationOf(verb as VerbName, row)]),
) as Record<VerbName, Operation>

function operationOf(verb: VerbName, row: VerbRow): Operation {
  const request = ({ query, body }: Input<Schema, Schema, Schema>) =>
    ({ verb, ...((query ?? body ?? {}) as object) }) as Request
  return { ...row, ...VERB_ROUTES[verb], request }
}
