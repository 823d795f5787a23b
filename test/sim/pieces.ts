/** Payload that has come ahead of its turn: in order, without overlaps, bounded by the window. */

interface Piece {
  at: number
  bytes: Uint8Array
}

export class Pieces {
  #pieces: Piece[] = []

  add(at: number, bytes: Uint8Array): void {
    const all = this.#pieces
    let place = all.length
    while (place > 0 && (all[place - 1] as Piece).at > at) place--
    const before = all[place - 1]
    if (before !== undefined && before.at + before.bytes.length >= at + bytes.length) return
    all.splice(place, 0, { at, bytes: bytes.slice() })
  }

  /** What goes on from `next`, which is taken out; undefined if nothing does. */
  take(next: number): Uint8Array | undefined {
    for (;;) {
      const [first] = this.#pieces
      if (first === undefined || first.at > next) return undefined
      this.#pieces.shift()
      if (first.at + first.bytes.length > next) return first.bytes.subarray(next - first.at)
    }
  }

  /** At most three ranges, as SACK tells them, of the one whose numbers begin at `irs`. */
  edges(irs: number): number[] {
    const edges: number[] = []
    let end = -1
    for (const { at, bytes } of this.#pieces) {
      const to = at + bytes.length
      if (edges.length > 0 && at <= end) {
        end = Math.max(end, to)
        edges[edges.length - 1] = (irs + end) | 0
      } else {
        if (edges.length === 6) break
        edges.push((irs + at) | 0, (irs + to) | 0)
        end = to
      }
    }
    return edges
  }
}
