/**
 * Where two flows meet. Captures begin when they begin: the first segments that one side has of an old connection may be anywhere in
 * what the other has. Payloads say where: those of the side that begins later are looked for in all of the other, and each that is
 * found votes for the difference of the two sequence numbers, because right ones agree and chance ones do not.
 */

import type { Flow } from './flows.ts'
import type { Packets } from './packets.ts'
import { firstNotBelow } from './sorted.ts'

export interface Overlap {
  /** Of each end, the places in the rows of outer and inner from which on they can be compared. */
  from: [Places, Places]
  /** Of each end, a row of outer and of inner that are the same segment. */
  same: [Places | undefined, Places | undefined]
  /** Of each end, how much was added to its sequence numbers. */
  delta: [number | undefined, number | undefined]
}

type Places = [outer: number, inner: number]

/** Segments with payload at the beginning of a direction that are looked for. */
const SOUGHT = 16
/** A payload that is there more often says nothing by itself: `PING` is all that some clients ever say. */
const ALIKE = 32
/** Only those with the same number or IP ID count, and this many are looked for. */
const SOUGHT_ALIKE = 4
/** An equal IP ID beside an equal payload. */
const ID_VOTES = 4

export function overlapOf(outer: Flow, inner: Flow): Overlap {
  const found: Overlap = {
    from: [
      [0, 0],
      [0, 0],
    ],
    same: [undefined, undefined],
    delta: [undefined, undefined],
  }
  // If both beginnings were captured, there is nothing to look for.
  if ([0, 1].some(who => outer.isn[who] !== undefined && inner.isn[who] !== undefined)) return found
  const met = [0, 1].map(who => meeting(outer, inner, who))
  for (const who of [0, 1]) {
    const own = met[who]
    if (own) {
      found.from[who] = own.places
      found.same[who] = [outer.rows[who][own.places[0]], inner.rows[who][own.places[1]]]
      found.delta[who] = own.delta
      continue
    }
    // An end that says nothing is compared from when the other one is.
    const other = met[1 - who]
    if (other === undefined) continue
    const [a, b] = [outer, inner].map((flow, side) =>
      placeAt(
        flow.packets,
        flow.rows[who],
        flow.packets.at[flow.rows[1 - who][other.places[side]]],
      ),
    )
    found.from[who] = [a, b]
  }
  return found
}

/** The first of the rows that is not before `ns`. */
function placeAt({ at }: Packets, rows: readonly number[], ns: number): number {
  return firstNotBelow(rows.length, place => at[rows[place]] < ns)
}

interface Meeting {
  places: Places
  delta: number
}

interface Vote extends Meeting {
  votes: number
}

function meeting(outer: Flow, inner: Flow, who: number): Meeting | undefined {
  const votes = new Map<number, Vote>()
  seek(votes, inner, outer, who, false)
  // All of both: what the one has not found the other does not either.
  const all = Math.max(outer.rows[who].length, inner.rows[who].length)
  if (all > SOUGHT) seek(votes, outer, inner, who, true)
  // That numbers are the same on both sides is no coincidence.
  const untouched = votes.get(0)
  if (untouched) return untouched
  const [best, next] = [...votes.values()].sort((a, b) => b.votes - a.votes)
  return best && best.votes > 1.5 * (next?.votes ?? 0) ? best : undefined
}

/** Looks the first of `late` up in all of `early`. */
function seek(
  votes: Map<number, Vote>,
  late: Flow,
  early: Flow,
  who: number,
  isTurned: boolean,
): void {
  const [p, q] = [late.packets, early.packets]
  const earlyRows = early.rows[who]
  let many = 0
  for (const place of placesWithData(late, who, 0, SOUGHT)) {
    const row = late.rows[who][place]
    const alike = early.alike(who, p.hash[row])
    const isMany = alike.length > ALIKE
    if (isMany && many++ >= SOUGHT_ALIKE) continue
    const [seq, id] = [p.seq[row], p.ipId[row]]
    for (const there of alike) {
      const other = earlyRows[there]
      const sameId = id !== 0 && id === q.ipId[other]
      if (isMany && !sameId && seq !== q.seq[other]) continue
      const delta = (isTurned ? q.seq[other] - seq : seq - q.seq[other]) | 0
      const places: Places = isTurned ? [place, there] : [there, place]
      const weight = sameId ? ID_VOTES : 1
      const vote = votes.get(delta)
      if (vote === undefined) votes.set(delta, { places, delta, votes: weight })
      else {
        vote.votes += weight
        if (places[0] < vote.places[0]) vote.places = places
      }
    }
  }
}

/** Places of segments with payload, `many` of them or less. */
function placesWithData({ packets, rows }: Flow, who: number, from: number, many: number) {
  const places: number[] = []
  for (let at = from; at < rows[who].length && places.length < many; at++)
    if (packets.payload[rows[who][at]] > 0) places.push(at)
  return places
}
