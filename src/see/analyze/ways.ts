/**
 * One direction of a paired connection: the rows where it enters the balancer's reach and those where it leaves, and by how much
 * the sequence numbers moved in between.
 */

import { FLAG } from '../../wire/tcp.ts'
import type { Packets } from './packets.ts'
import type { Pair } from './pairing.ts'

/** A column of the key: of the entry's row i, and of the exit's row j as it would have been at the entry. */
export interface Column {
  entry: (i: number) => number
  exit: (j: number) => number
}

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
  /** Rows of the entry that the capture has twice, as one on all devices does. */
  seenTwice: Set<number>
}

/** Both directions; the deltas are those of the client's and of the RS's numbers, inner minus outer. */
export interface Ways {
  in: Way
  out: Way
  clientDelta: number
  rsDelta: number
}

export function waysOf({ outer, inner, overlap }: Pair): Ways {
  const [clientDelta, rsDelta] = [0, 1].map(who => {
    const [a, b] = [outer.isn[who], inner.isn[who]]
    if (a !== undefined && b !== undefined) return (b - a) | 0
    const known = overlap.delta[who]
    if (known !== undefined) return known
    const votes: Votes = new Map()
    const [own, others] = [who, 1 - who].map(end =>
      [outer, inner].map(({ rows }, side) => {
        const from = overlap.from[end][side]
        return rows[end].slice(from, from + VOTERS)
      }),
    )
    voteByData(votes, outer.packets, own[0], inner.packets, own[1])
    voteByAcks(votes, outer.packets, others[0], inner.packets, others[1])
    return winner(votes)
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
      seenTwice: new Set(),
    }
  }
  return { in: way('in', true), out: way('out', false), clientDelta, rsDelta }
}

/** Segments of each side that vote, from where both have the conversation. */
const VOTERS = 200

/** By difference. */
type Votes = Map<number, number>

/** A segment votes for the differences to all segments of the same payload; those that are not its own agree on nothing. */
function voteByData(
  votes: Votes,
  a: Packets,
  aRows: readonly number[],
  b: Packets,
  bRows: readonly number[],
): void {
  const byHash = new Map<number, number[]>()
  for (const j of bRows) {
    if (b.payload[j] === 0) continue
    const same = byHash.get(b.hash[j])
    if (same) same.push(j)
    else byHash.set(b.hash[j], [j])
  }
  for (const i of aRows) {
    if (a.payload[i] === 0) continue
    for (const j of byHash.get(a.hash[i]) ?? [])
      vote(votes, (b.seq[j] - a.seq[i]) | 0, isSameId(a, i, b, j))
  }
}

/** The same of what the other end acknowledges, near the same place of the conversation. */
function voteByAcks(
  votes: Votes,
  a: Packets,
  aRows: readonly number[],
  b: Packets,
  bRows: readonly number[],
): void {
  const acks = (p: Packets, rows: readonly number[]) =>
    rows.filter(i => (p.flags[i] & (FLAG.ACK | FLAG.RST)) === FLAG.ACK)
  const theirs = acks(b, bRows)
  for (const [k, i] of acks(a, aRows).entries()) {
    for (const j of theirs.slice(Math.max(0, k - 4), k + 5)) {
      if (a.hash[i] === b.hash[j]) vote(votes, (b.ack[j] - a.ack[i]) | 0, isSameId(a, i, b, j))
    }
  }
}

function isSameId(a: Packets, i: number, b: Packets, j: number): boolean {
  return a.ipId[i] !== 0 && a.ipId[i] === b.ipId[j]
}

function vote(votes: Votes, value: number, sameId: boolean): void {
  votes.set(value, (votes.get(value) ?? 0) + (sameId ? 4 : 1))
}

function winner(votes: Votes): number {
  // That numbers are the same on both sides is no coincidence.
  if (votes.has(0)) return 0
  let best: [number, number] = [0, 0]
  for (const entry of votes) if (entry[1] > best[1]) best = entry
  return best[0]
}
