/**
 * Every drop reason: what it means in a sentence, which rule refused the frame, with the values that failed it, and what
 * to do about it. A reason without a row does not compile.
 */

import { DROP_REASONS, type DropReason } from '../../api/names.ts'
import { ACL_DROPS } from './acl-drops.ts'
import { type DropContext, Refused, type RefusedFrame } from './drop-context.ts'
import type { DropRow, Explanation } from './drop-row.ts'
import { FRAGMENT_DROPS } from './fragment-drops.ts'
import { ICMP_DROPS } from './icmp-drops.ts'
import { IP_DROPS } from './ip-drops.ts'
import { LINK_DROPS } from './link-drops.ts'
import { ND_DROPS } from './nd-drops.ts'
import { SENDING_DROPS } from './sending-drops.ts'
import { TCP_DROPS } from './tcp-drops.ts'
import { UDP_DROPS } from './udp-drops.ts'

export type { DropReason } from '../../api/names.ts'
export type { DropContext } from './drop-context.ts'
export type { Explanation } from './drop-row.ts'

const DROPS: Record<DropReason, DropRow> = {
  ...LINK_DROPS,
  ...IP_DROPS,
  ...FRAGMENT_DROPS,
  ...ICMP_DROPS,
  ...ND_DROPS,
  ...TCP_DROPS,
  ...UDP_DROPS,
  ...ACL_DROPS,
  ...SENDING_DROPS,
}

/** The sentences, by the reason's name. */
export const DROP_WORDS: Readonly<Record<string, string>> = Object.fromEntries(
  DROP_REASONS.map(reason => [reason, DROPS[reason].says]),
)

/** True if the kept header is the translated one: it was refused on its way out. */
export function wasLeaving(reason: DropReason): boolean {
  return DROPS[reason].leaving === true
}

/** Why a frame was refused. `bytes` are its first ones from the Ethernet header on, `vnet` the 10 in front. */
export function explainDrop(
  reason: DropReason,
  frame: RefusedFrame,
  context: DropContext,
): Explanation {
  return DROPS[reason].explain(new Refused(frame, context))
}
