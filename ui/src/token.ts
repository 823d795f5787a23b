/**
 * What lets the page in. It comes behind the `#` of the address, which a browser sends to nobody, and is kept for this tab
 * and this origin, port and all, so that a reload needs no new one.
 */

import { tokenIn } from '../../src/page/address-token.ts'

const KEY = 'tapvs-token'

let token = stored()

/** Takes it out of the address, so that nobody finds it there; `hash` is what takes its place. => whether there was one */
function take(hash = ''): boolean {
  const given = tokenIn(location.hash)
  if (given === null) return false
  token = given
  const url = new URL(location.href)
  url.hash = hash
  history.replaceState(null, '', url)
  try {
    sessionStorage.setItem(KEY, token)
  } catch {
    // Private windows may have no storage; then it holds until the page is left.
  }
  return true
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY)
  } catch {
    return null
  }
}

/** Before anything is asked. Another token may come into an address that is open already: of a daemon started anew. */
export function takeToken(): void {
  take()
  addEventListener('hashchange', event => {
    // The page stays at the view that it was at.
    if (!take(new URL(event.oldURL).hash)) return
    event.stopImmediatePropagation()
    if (stored() === token) location.reload()
  })
}

/** Of each request. */
export function withToken(): { authorization: string } | Record<string, never> {
  return token === null ? {} : { authorization: `Bearer ${token}` }
}
