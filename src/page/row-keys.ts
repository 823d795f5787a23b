/** How keys move through the rows of a grid (ARIA's grid pattern). */

/** => the row to go to, of `total`; null if the key is none of ours or there is no row */
export function rowForKey(
  key: string,
  current: number,
  total: number,
  page: number,
): number | null {
  if (total === 0) return null
  const to: Record<string, number> = {
    ArrowDown: current + 1,
    ArrowUp: current - 1,
    PageDown: current + page,
    PageUp: current - page,
    Home: 0,
    End: total - 1,
  }
  const row = to[key]
  return row === undefined ? null : Math.min(total - 1, Math.max(0, row))
}
