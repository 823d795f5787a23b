/**
 * A client that has begun anew from the same port while its connection of before, which a cookie has begun, still waits for the RS. Its
 * SYN was answered by another cookie (syn-answers.ts), for anybody could have sent it; whoever brings that back is the client.
 */

import { FLAG } from '../wire/tcp.ts'
import type { Arm } from './arm.ts'
import { Drop } from './counters.ts'
import { MAY_OPEN, type Opening, serviceOf } from './opening.ts'
import type { Parsed } from './parsed.ts'
import type { Reuse } from './reuse.ts'
import type { Services } from './services.ts'
import type { SynAnswers } from './syn-answers.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { SYN, ACK, FIN, RST } = FLAG
const { SYN_PROXY_WAITS } = Drop

/** What judges any segment. */
export interface Judging {
  readonly setup: { readonly services: Services }
  readonly opening: Opening
  readonly reuse: Reuse
}

/** Of SynProxy. */
interface Cookies {
  readonly answers: SynAnswers
  begin(slot: number, p: Parsed, conn: number, now: number): number
}

/** The segment in `slot` is of the client's tuple of a pending conn, and nothing that could be said in that one. => The verdict on it */
export function beginAnew(
  { setup, opening, reuse }: Judging,
  syn: Cookies,
  slot: number,
  p: Parsed,
  conn: number,
  arm: Arm,
  now: number,
): number {
  if ((p.flags & (SYN | ACK | FIN | RST)) !== ACK) return -SYN_PROXY_WAITS
  const service = serviceOf(setup.services, p, arm)
  if (service === undefined || !syn.answers.isGood(p, service)) return -SYN_PROXY_WAITS
  const verdict = opening.judge(p, arm, slot, service, conn << 1, now)
  if (verdict !== MAY_OPEN) return verdict
  const t = reuse.openAnew(conn << 1, p, service, arm, now)
  if (t < 0) return opening.refuse(p, arm, slot, service, t)
  return syn.begin(slot, p, t >> 1, now)
}
