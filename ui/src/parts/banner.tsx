/** Says so when the daemon is not heard any more. */

import { clockText } from '../../../src/see/text/times.ts'
import { heardMs, link } from '../daemon.ts'

export function Banner() {
  // The region is always there: only changes inside of one are read aloud.
  return (
    <div role="alert" class="banner-place">
      {words() && <p class="banner">{words()}</p>}
    </div>
  )
}

function words(): string | null {
  if (link.value === 'refused')
    return 'The daemon does not know this page: run tapvs ui there, and open the address that it prints.'
  if (link.value !== 'lost') return null
  const since = heardMs.value ? ` since ${lastHeard()}; what is shown is from then` : ''
  return `No word from the daemon${since}. Trying again…`
}

/** The time of its last word. */
export function lastHeard(): string {
  return clockText(heardMs.value * 1000, 0)
}
