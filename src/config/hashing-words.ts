/** How a service's scheduler hashes, and which text it is of, in words of a change. */

import { createHash } from 'node:crypto'
import type { ConfigService } from './config.ts'

/** By which an operator sees that it is another text. */
export function sumOf(source: string): string {
  return createHash('sha256').update(source).digest('hex').slice(0, 8)
}

export function hashingWords({ hashing: { fallback, port, byId } }: ConfigService): string[] {
  return [
    ...(fallback ? ['hash_fallback'] : []),
    ...(port ? ['hash_port'] : []),
    ...(byId ? ['hash_target qid'] : []),
  ]
}

export function isUsualHashing({ fallback, port, byId }: ConfigService['hashing']): boolean {
  return !fallback && !port && !byId
}
