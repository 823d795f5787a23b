/** What an operation of the API is. The tables of them are the API: routes, checks, document and client follow. */

import type * as z from 'zod'
import type { Request, VerbName, Verbs } from './commands.ts'
import { type Method, VERB_ROUTES, type VerbRoute } from './verbs.ts'

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
> {
  /** Name of the client's method; operationId of the document. */
  id: string
  method: Method
  /** With `:name` for each key of `params`. */
  path: string
  tag: string
  summary: string
  params?: P
  query?: Q
  body?: B
  answer: z.ZodType
  /** Of the answer; 200 if left out. */
  status?: number
  /** Statuses of refusals, without those that any operation may have. */
  refuses?: readonly number[]
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

/** The operation of a verb: its arguments are the query or the body as they are. */
export function verbOperation(
  verb: VerbName,
  op: Pick<Operation, 'id' | 'tag' | 'summary' | 'query' | 'body' | 'answer' | 'refuses'>,
  route: VerbRoute = VERB_ROUTES[verb],
): Operation {
  const request = ({ query, body }: Input<Schema, Schema, Schema>) =>
    ({ verb, ...((query ?? body ?? {}) as object) }) as Request
  return { ...op, ...route, request }
}
