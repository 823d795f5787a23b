/** Numbers per second are means, or nobody could read them: over how long, and of what the charts are made of. */

/** Seconds; the page says so. */
export const RATE_SEC = 5

/** The mean of the last `count` values, or of as many as there are; 0 of none. */
export function meanOfLast(values: readonly number[], count = RATE_SEC): number {
  const last = values.slice(-count)
  return last.length === 0 ? 0 : last.reduce((sum, value) => sum + value, 0) / last.length
}
