/** The token behind the `#` of the page's address. */

/** null if there is none, or one that no address could have been made with. */
export function tokenIn(hash: string): string | null {
  const [, given] = /^#token=(.+)$/.exec(hash) ?? []
  if (given === undefined) return null
  try {
    return decodeURIComponent(given)
  } catch {
    return null
  }
}
