/** What a key does to the view. Pure. */

import type { View } from './frame.ts'
import { PANE, PANES, type PaneName } from './panes.ts'

/** Of ink's Key, what is used. */
export interface Key {
  tab: boolean
  shift: boolean
  leftArrow: boolean
  rightArrow: boolean
  upArrow: boolean
  downArrow: boolean
  pageUp: boolean
  pageDown: boolean
}

const PAGE = 15

/** => the next view; null to quit */
export function press(view: View, input: string, key: Key): View | null {
  if (input === 'q') return null
  if (input === 'h' || input === '?') return { ...view, help: !view.help, top: 0 }
  if (input === 'p' || input === ' ') return { ...view, paused: !view.paused }
  if (input === 's') return sortedOtherwise(view)
  const named = /^[1-9]$/.test(input) ? PANES[Number(input) - 1] : undefined
  if (named) return turnedTo(view, named)
  const step = key.rightArrow || (key.tab && !key.shift) ? 1 : key.leftArrow || key.tab ? -1 : 0
  if (step !== 0) {
    const at = (PANES.indexOf(view.pane) + step + PANES.length) % PANES.length
    return turnedTo(view, PANES[at] as PaneName)
  }
  const rows = Number(key.downArrow) - Number(key.upArrow)
  const pages = Number(key.pageDown) - Number(key.pageUp)
  return { ...view, top: Math.max(0, view.top + rows + pages * PAGE) }
}

function turnedTo(view: View, pane: PaneName): View {
  return { ...view, pane, top: 0, help: false }
}

function sortedOtherwise(view: View): View {
  const { length } = PANE[view.pane].sorts
  if (length === 0) return view
  const next = (view.sorts[view.pane] + 1) % length
  return { ...view, sorts: { ...view.sorts, [view.pane]: next }, top: 0 }
}
