/** What deny and allow lists and named sets hold, which is answered page by page (list-verbs.ts). */

import { ACL_PER_REQUEST } from './limits.ts'

/** Asks for so many prefixes, from one on. */
type AskPage<P> = (part: { from: number; limit: number }) => Promise<{
  prefixes: P[]
  total: number
}>

export async function* prefixPages<P>(ask: AskPage<P>): AsyncGenerator<P[]> {
  for (let from = 0; ; ) {
    const { prefixes, total } = await ask({ from, limit: ACL_PER_REQUEST })
    yield prefixes
    from += prefixes.length
    if (prefixes.length === 0 || from >= total) return
  }
}

/** Those of all pages. */
export async function allPrefixes<P>(ask: AskPage<P>): Promise<P[]> {
  const all: P[] = []
  for await (const page of prefixPages(ask)) all.push(...page)
  return all
}
