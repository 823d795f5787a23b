/** "Did you mean": the word that a mistyped one was probably meant to be. */

/** No word that is known is half as long, and the work grows with the length. */
const WORD_MAX = 64

/** The known word with the fewest edits to `word`, or undefined if none is within a third of its length. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > WORD_MAX) return undefined
  let best: string | undefined
  let fewest = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    // People think of the plain word: `lips` is far from local_addresses, and `address` is not from addresses.
    const edits = distance(word, candidate)
    // Of two as near it is the one that has only been begun.
    const isBegun = edits === fewest && best !== undefined && candidate.startsWith(word)
    if (edits < fewest || isBegun) {
      best = candidate
      fewest = edits
    }
  }
  return best
}

/** Levenshtein's distance, one row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] as number) + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
