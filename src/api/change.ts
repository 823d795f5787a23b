/** The operations that change one thing. They become edits, so they can only do what a config file could. */

import type * as z from 'zod'
import * as answers from './answers.ts'
import type { Edit } from './edits.ts'
import { booleanText, object, text } from './fields.ts'
import { type Operation, operation } from './operation.ts'

export const arm = text('the name of an arm', 15)
export const dryRun = { dry_run: booleanText.default(false).describe('Only say what it would do.') }
export const how = object(dryRun)

/** A change that consists of edits. */
export function change<
  P extends z.ZodType | undefined,
  Q extends z.ZodType,
  B extends z.ZodType | undefined,
>(
  op: Pick<Operation, 'id' | 'method' | 'path' | 'tag' | 'summary' | 'status' | 'refuses'> & {
    params?: P
    query: Q
    body?: B
    edits(input: {
      params: P extends z.ZodType ? z.output<P> : undefined
      query: z.output<Q>
      body: B extends z.ZodType ? z.output<B> : undefined
    }): Edit[]
  },
): Operation {
  const { edits, ...rest } = op
  return operation<'edit', P, Q, B>({
    ...rest,
    answer: answers.plan,
    request: input => {
      const { dry_run } = input.query as { dry_run: boolean }
      return { verb: 'edit', edits: edits(input as never), dry_run }
    },
  })
}
