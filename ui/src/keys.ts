/** Single keys that lead somewhere, for who wants them: what they do stands in src/page/shortcuts.ts. */

import { signal } from '@preact/signals'
import { type Action, actionOf } from '../../src/page/shortcuts.ts'
import { go, narrow, place, placeLeft } from './place.ts'
import { toggleTheme } from './theme.ts'

const KEY = 'tapvs-keys'

/** Off for who speaks to the machine, or hits keys without meaning to. */
export const keysOn = signal(stored() !== 'off')
export const helpOpen = signal(false)
/** What is shown when the ladder was paused; set by the ladder while there is one. */
export const pauseLadder = signal<(() => void) | null>(null)

function stored(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

export function setKeysOn(on: boolean): void {
  keysOn.value = on
  try {
    localStorage.setItem(KEY, on ? 'on' : 'off')
  } catch {
    // Then it holds until the page is left.
  }
}

export function followKeys(): void {
  addEventListener('keydown', event => {
    if (!keysOn.value || event.defaultPrevented || helpOpen.value) return
    const { key, ctrlKey, altKey, metaKey } = event
    const on = document.activeElement?.tagName ?? ''
    const action = actionOf({ key, ctrlKey, altKey, metaKey, on })
    if (!action) return
    event.preventDefault()
    act(action)
  })
}

function act(action: Action): void {
  if ('go' in action) {
    if (place.peek().view !== action.go) go(placeLeft(action.go))
    return
  }
  const acts: Record<typeof action.do, () => void> = {
    search: () => document.querySelector<HTMLElement>('main [data-search]')?.focus(),
    clear: () => narrow({}),
    pause: () => pauseLadder.value?.(),
    theme: toggleTheme,
    help: () => {
      helpOpen.value = true
    },
  }
  acts[action.do]()
}
