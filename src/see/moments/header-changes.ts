/** A header of the PROXY protocol that translation has put in front of a payload, or in place of another. */

import { PROXY_V1, versionAt, wholeHeader } from '../../wire/proxy.ts'
import type { Change } from './moment.ts'
import type { Seen } from './seen.ts'

/** Where the payloads of both go on behind their headers, or where they begin if those are none, or the same. */
export interface Headers {
  changes: Change[]
  from: number
  to: number
}

export function headerChanges(a: Seen, from: number, b: Seen, to: number): Headers {
  const [before, after] = [headerOf(a, from), headerOf(b, to)]
  const rest = [a.end - from - before.bytes, b.end - to - after.bytes]
  const isPut = after.bytes > 0 && rest[0] === rest[1] && before.text !== after.text
  if (!isPut) return { changes: [], from, to }
  const change = { what: 'proxy_header', before: before.text, after: after.text }
  return { changes: [change], from: from + before.bytes, to: to + after.bytes }
}

function headerOf({ pkt, end, there }: Seen, at: number): { bytes: number; text: string } {
  const left = Math.min(end, there) - at
  const bytes = left > 0 ? wholeHeader(pkt, at, left) : 0
  if (bytes === 0) return { bytes, text: 'none' }
  const version = versionAt(pkt, at, left) === PROXY_V1 ? 'v1' : 'v2'
  return { bytes, text: `${bytes} bytes of ${version}` }
}
