/** Keys of the config file that take one of a few words, or a number. */

import * as z from 'zod'
import { oneOf } from '../api/words.ts'

/** The first word is the default. */
export function word<const W extends readonly [string, ...string[]]>(words: W) {
  return z.enum(words, oneOf(words)).default(words[0])
}

export function whole(min: number, max: number): z.ZodInt {
  const expected = `a whole number ${min}-${max}`
  return z.int(expected).min(min, expected).max(max, expected)
}
