/**
 * Which rows of a very long table are seen. Browsers draw no box above some 17 million px (Firefox; Chromium 33 million), which
 * a million rows exceed, so a longer table gets a scroll bar that moves more than a px per px.
 */

/** px */
export const ROW_HEIGHT = 28
export const HEIGHT_MAX = 12_000_000
/** Rows are asked for in steps of so many, so that small ways to scroll need no new request. */
const STEP = 50

export interface Seen {
  /** Number of the first row that is seen, even if in part. */
  first: number
  /** How many rows to draw. */
  count: number
  /** Where the first one is drawn, px from the top of the body. */
  top: number
}

export interface Span {
  offset: number
  limit: number
}

/** px of the scrolled body. */
export function bodyHeight(total: number): number {
  return Math.min(total * ROW_HEIGHT, HEIGHT_MAX)
}

/** px of rows per px of the scroll bar; 1 for a table that is not too long. */
function scale(total: number, viewport: number): number {
  const real = total * ROW_HEIGHT
  const body = bodyHeight(total)
  return real > body && body > viewport ? (real - viewport) / (body - viewport) : 1
}

export function seenRows(scrollTop: number, viewport: number, total: number): Seen {
  const end = Math.max(0, bodyHeight(total) - viewport)
  const at = Math.min(Math.max(0, scrollTop), end)
  const y = at * scale(total, viewport)
  const first = Math.min(Math.floor(y / ROW_HEIGHT), Math.max(0, total - 1))
  const count = Math.min(Math.ceil(viewport / ROW_HEIGHT) + 1, total - first)
  return { first, count, top: at - (y - first * ROW_HEIGHT) }
}

/** Where to scroll to so that `row` is wholly seen, as short a way as possible. */
export function scrollTo(row: number, scrollTop: number, viewport: number, total: number): number {
  const factor = scale(total, viewport)
  const y = scrollTop * factor
  const top = row * ROW_HEIGHT
  if (top < y) return top / factor
  if (top + ROW_HEIGHT > y + viewport) return (top + ROW_HEIGHT - viewport) / factor
  return scrollTop
}

/**
 * What to ask for so that the rows from `first` on that fit are at hand, and some on both sides. How many there are does not
 * matter: it is not known before the first answer, and another limit would be another question.
 */
export function spanFor(first: number, viewport: number): Span {
  const offset = Math.max(0, (Math.floor(first / STEP) - 1) * STEP)
  const fit = Math.ceil(viewport / ROW_HEIGHT) + 1
  return { offset, limit: Math.ceil((STEP + STEP + fit) / STEP) * STEP }
}
