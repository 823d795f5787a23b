/** A long list in a body is judged in pieces, and comes to the same as at once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { HttpError } from '../../../src/api/errors.ts'
import { judged } from '../../../src/control/http/judged.ts'

const number = z.int({ error: 'a whole number' })
const schema = z.strictObject({
  edits: z.array(z.strictObject({ n: number, name: z.string().default('none') }), 'a list'),
  dry_run: z.boolean().default(false),
})
const body = (count: number) => ({ edits: Array.from({ length: count }, (_, n) => ({ n })) })

/** => the value, or the line of what is wrong, as fastify has it */
async function outcome(given: object): Promise<unknown> {
  try {
    const came = judged(schema, 'body', given)
    if (came instanceof Promise) return (await came) && given
    return 'error' in came ? came.error.message : came.value
  } catch (error) {
    assert.ok(error instanceof HttpError && error.status === 400)
    return error.message
  }
}

test('what the schema makes of it is in the body, of short lists and of long ones', async () => {
  for (const count of [0, 250, 251, 1000]) {
    const edits = body(count).edits.map(one => ({ ...one, name: 'none' }))
    assert.deepEqual(await outcome(body(count)), { edits, dry_run: false }, String(count))
  }
  assert.ok(judged(schema, 'body', body(251)) instanceof Promise)
})

test('a mistake is told by its place in the whole list, and the first one is', async () => {
  for (const at of [3, 249, 250, 777]) {
    const wrong = body(1000)
    for (const place of [at, 900]) Object.assign(wrong.edits[place] as object, { n: 'x' })
    const line = `body.edits[${at}].n: expected a whole number, found "x"`
    assert.equal(await outcome(wrong), line)
  }
  const strange = { ...body(1000), ...Object.fromEntries(Array(10).entries()) }
  assert.equal(
    await outcome(strange),
    'body: there is no "0", "1", "2", "3", "4", "5", "6", "7", and 2 more',
  )
})
