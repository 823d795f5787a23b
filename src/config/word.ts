/** A key of the config file that takes one of a few words. */

import * as z from 'zod'
import { oneOf } from '../api/words.ts'

/** The first word is the default. */
export function word<const W extends readonly [string, ...string[]]>(words: W) {
  return z.enum(words, oneOf(words)).default(words[0])
}
