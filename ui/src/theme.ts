/** Light or dark: as the system has it, until somebody chooses. */

import { effect, signal } from '@preact/signals'

export type Theme = 'light' | 'dark'
const KEY = 'tapvs-theme'

const dark = matchMedia('(prefers-color-scheme: dark)')

function chosen(): Theme | null {
  const text = stored()
  return text === 'light' || text === 'dark' ? text : null
}

/** Private windows may have no storage. */
function stored(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

export const theme = signal<Theme>(chosen() ?? (dark.matches ? 'dark' : 'light'))

dark.addEventListener('change', () => {
  if (!chosen()) theme.value = dark.matches ? 'dark' : 'light'
})

effect(() => {
  document.documentElement.dataset.theme = theme.value
})

export function toggleTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark'
  try {
    localStorage.setItem(KEY, theme.value)
  } catch {
    // Then it holds until the page is left.
  }
}

/** A colour of the style sheet as a canvas takes it. */
export function colour(name: string): string {
  const probe = document.createElement('span')
  probe.hidden = true
  probe.style.color = `var(${name})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
