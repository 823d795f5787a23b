/** Sequence numbers of connections that live. */

import { CELL, RECORD, RS_SEEN } from '../../../src/engine/conn-layout.ts'
import { State } from '../../../src/engine/tcp-state.ts'
import type { Stand } from '../../kit/stand.ts'
import type { Chance } from '../chance.ts'

/** What the other end of tuple t awaits, or near it. */
export function numbersOf({ engine }: Stand, t: number, chance: Chance): [number, number] {
  const { cells } = engine.conns.table
  const at = RECORD.of(t)
  const isOpening = engine.conns.table.state(t >> 1) === State.SYN_RECV
  const isSeen = ((cells[at | CELL.WORD] as number) & RS_SEEN) !== 0
  const near = chance.below(3) > 0 ? 0 : (1 << chance.below(32)) * (chance.below(2) ? 1 : -1)
  const ofRs = isSeen ? (cells[at | (isOpening ? CELL.RS_ISN1 : CELL.RST_SEQ)] as number) : 9000
  const ofClient = cells[at | CELL.RST_ACK] as number
  if ((t & 1) === 1) return [(ofRs + near) | 0, ofClient]
  const seen = engine.syn.space.clientSees(t >> 1, ofRs)
  return [(ofClient - (cells[at | CELL.DELTA] as number) + near) | 0, seen]
}
