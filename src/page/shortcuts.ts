/** What single keys do. The table is what `?` lists, and what the page goes by. */

import { VIEWS, type ViewId } from './place.ts'

export type Action = { go: ViewId } | { do: 'search' | 'clear' | 'pause' | 'theme' | 'help' }

export interface Shortcut {
  key: string
  about: string
  action: Action
}

export const SHORTCUTS: readonly Shortcut[] = [
  ...VIEWS.map(({ id, title }, i) => ({ key: `${i + 1}`, about: title, action: { go: id } })),
  { key: '/', about: 'to the field for searching', action: { do: 'search' } },
  { key: 'c', about: 'clear the filters of the view', action: { do: 'clear' } },
  { key: 'p', about: 'pause the ladder, and go on', action: { do: 'pause' } },
  { key: 't', about: 'light or dark', action: { do: 'theme' } },
  { key: '?', about: 'this list', action: { do: 'help' } },
]

/** A key as it was pressed, and the name of the element that had the focus, in capitals. */
export interface Pressed {
  key: string
  ctrlKey: boolean
  altKey: boolean
  metaKey: boolean
  on: string
}

/** Where keys are letters, or choose something. */
const TYPING: ReadonlySet<string> = new Set(['INPUT', 'TEXTAREA', 'SELECT'])

/** null for a key that is none of ours, or not meant for us. */
export function actionOf({ key, ctrlKey, altKey, metaKey, on }: Pressed): Action | null {
  if (ctrlKey || altKey || metaKey || TYPING.has(on)) return null
  return SHORTCUTS.find(shortcut => shortcut.key === key)?.action ?? null
}

/** The key of a view, as its link says it. */
export function keyOf(view: ViewId): string {
  return `${VIEWS.findIndex(({ id }) => id === view) + 1}`
}
