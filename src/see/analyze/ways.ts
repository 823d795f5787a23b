/**
 * One direction of a paired connection: the rows where it enters the balancer's reach and those where it leaves, and by how much
 * the sequence numbers moved in between.
 */

import { FLAG } from '../../wire/tcp.ts'
import type { Packets } from './packets.ts'
import type { Pair } from './pairing.ts'

export interface Way {
  direction: 'in' | 'out'
  entry: Packets
  exit: Packets
  entryRows: readonly number[]
  exitRows: readonly number[]
  /** What was added to seq and to ack on the way, int32. */
  seqDelta: number
  ackDelta: number
  /** Rows of the exit that left a second time. */
  duplicated: Set<number>
}

/** Both directions; the deltas are those of the client's and of the RS's numbers, inner minus outer. */
export interface Ways {
  in: Way
  out: Way
  clientDelta: number
  rsDelta: number
}

export function waysOf({ outer, inner }: Pair): Ways {
  const [clientDelta, rsDelta] = [0, 1].map(who => {
    const [a, b] = [outer.isn[who], inner.isn[who]]
    if (a !== undefined && b !== undefined) return (b - a) | 0
    const voted =
      voteByData(outer.packets, outer.rows[who], inner.packets, inner.rows[who]) ??
      voteByAcks(outer.packets, outer.rows[1 - who], inner.packets, inner.rows[1 - who])
    return voted ?? 0
  })
  const way = (direction: 'in' | 'out', isIn: boolean): Way => {
    const [entry, exit] = isIn ? [outer, inner] : [inner, outer]
    const who = isIn ? 0 : 1
    return {
      direction,
      entry: entry.packets,
      exit: exit.packets,
      entryRows: entry.rows[who],
      exitRows: exit.rows[who],
      seqDelta: isIn ? clientDelta : -rsDelta | 0,
      ackDelta: isIn ? rsDelta : -clientDelta | 0,
      duplicated: new Set(),
    }
  }
  return { in: way('in', true), out: way('out', false), clientDelta, rsDelta }
}

/** Segments of each side that vote. */
const VOTERS = 200

/** The difference of sequence numbers that most segments of the same payload agree on. */
function voteByData(
  a: Packets,
  aRows: readonly number[],
  b: Packets,
  bRows: readonly number[],
): number | undefined {
  const byHash = new Map<number, number[]>()
  for (const j of bRows.slice(0, VOTERS)) {
    if (b.payload[j] === 0) continue
    byHash.set(b.hash[j], [...(byHash.get(b.hash[j]) ?? []), b.seq[j]])
  }
  const votes = new Map<number, number>()
  for (const i of aRows.slice(0, VOTERS)) {
    if (a.payload[i] === 0) continue
    for (const seq of byHash.get(a.hash[i]) ?? []) vote(votes, (seq - a.seq[i]) | 0)
  }
  return winner(votes)
}

/** The same of what the other end acknowledges, which are the same segments in the same order at best. */
function voteByAcks(
  a: Packets,
  aRows: readonly number[],
  b: Packets,
  bRows: readonly number[],
): number | undefined {
  const votes = new Map<number, number>()
  const acks = (p: Packets, rows: readonly number[]) =>
    rows.slice(0, VOTERS).filter(i => (p.flags[i] & (FLAG.ACK | FLAG.RST)) === FLAG.ACK)
  const theirs = acks(b, bRows)
  for (const [k, i] of acks(a, aRows).entries()) {
    for (const j of theirs.slice(Math.max(0, k - 4), k + 5)) {
      if (a.payload[i] !== b.payload[j] || a.hash[i] !== b.hash[j]) continue
      vote(votes, (b.ack[j] - a.ack[i]) | 0)
    }
  }
  return winner(votes)
}

function vote(votes: Map<number, number>, value: number): void {
  votes.set(value, (votes.get(value) ?? 0) + 1)
}

function winner(votes: ReadonlyMap<number, number>): number | undefined {
  let best: number | undefined
  for (const [value, count] of votes)
    if (best === undefined || count > (votes.get(best) ?? 0)) best = value
  return best
}
