/** What is wider than its box says so: to which sides one can scroll. */

export interface Scrolled {
  scrollLeft: number
  clientWidth: number
  scrollWidth: number
}

/** px that browsers are wrong by, as they round. */
const NEAR = 2

/** `left right`, one of them, or empty: as a style sheet finds it by `~=`. */
export function sidesOf({ scrollLeft, clientWidth, scrollWidth }: Scrolled): string {
  const left = scrollLeft > NEAR
  const right = scrollLeft + clientWidth < scrollWidth - NEAR
  return [...(left ? ['left'] : []), ...(right ? ['right'] : [])].join(' ')
}
