/** Which view is shown, and narrowed down to what: the address of the page, as a signal. */

import { signal } from '@preact/signals'
import { tokenIn } from '../../src/page/address-token.ts'
import { hashOf, type Place, placeOf, type ViewId } from '../../src/page/place.ts'

export const place = signal<Place>(placeOf(location))
/** Where each view was left, so that its link leads back there. */
const left = new Map<ViewId, Place>()

function show(next: Place): void {
  left.set(next.view, next)
  place.value = next
}

/** Another view, to which the browser's way back leads too. */
export function go(next: Place): void {
  history.pushState(null, '', hashOf(next))
  show(next)
}

/** The same view narrowed down to something else: each letter of a search is no place to come back to. */
export function narrow(words: Record<string, string>): void {
  const next = { view: place.peek().view, words }
  history.replaceState(null, '', hashOf(next))
  show(next)
}

/** The view as it was left. */
export function placeLeft(view: ViewId): Place {
  return left.get(view) ?? { view, words: {} }
}

/** From now on the page is where its address says. */
export function followAddress(): void {
  const read = () => {
    // That is not for us.
    if (tokenIn(location.hash) !== null) return
    const next = placeOf(location)
    // Of old, or half of one: from here on it is written as all are.
    const url = new URL(location.href)
    url.search = ''
    url.hash = hashOf(next)
    const plain = next.view === 'overview' && location.hash === ''
    if (!plain && url.href !== location.href) history.replaceState(null, '', url)
    show(next)
  }
  read()
  addEventListener('popstate', read)
  addEventListener('hashchange', read)
}
