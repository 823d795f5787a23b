/** The schema of the keys of acl-keys.ts. */

import * as z from 'zod'
import { RATE_MAX } from '../api/limits.ts'
import { ACL_ESTABLISHED } from '../api/words.ts'
import { A_PREFIX } from './prefix-lists.ts'
import { whole, word } from './word.ts'

const A_PATH = 'an absolute path'
const filePath = z.string(A_PATH).refine(value => /^\/\P{C}*[^/\p{C}]$/u.test(value), A_PATH)
const prefixes = z.array(z.string(A_PREFIX), 'a list').default([])

export const aclSchema = {
  deny: prefixes,
  deny_file: filePath.optional(),
  allow: prefixes,
  allow_file: filePath.optional(),
  acl_established: word(ACL_ESTABLISHED),
  connection_rate: whole(1, RATE_MAX).optional(),
  connection_burst: whole(1, RATE_MAX).optional(),
  client_rate: whole(1, RATE_MAX).optional(),
  client_burst: whole(1, RATE_MAX).optional(),
}
