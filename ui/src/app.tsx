/** The page: a bar on top, and below it one view at a time. */

import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { partsOf, titleOf, type ViewId } from '../../src/page/place.ts'
import { connections, followDaemon, heardMs, isStale, link } from './daemon.ts'
import { Banner } from './parts/banner.tsx'
import { Help } from './parts/help.tsx'
import { TopBar } from './parts/top-bar.tsx'
import { Words } from './parts/words.tsx'
import { place } from './place.ts'
import { Connections } from './sections/connections.tsx'
import { Drops } from './sections/drops.tsx'
import { LadderSection } from './sections/ladder.tsx'
import { Lports } from './sections/lports.tsx'
import { Overview } from './sections/overview.tsx'
import { Refused } from './sections/refused.tsx'
import { Services } from './sections/services.tsx'
import { States } from './sections/states.tsx'

const SHOWN: Record<ViewId, () => JSX.Element> = {
  overview: Overview,
  services: Services,
  connections: Connections,
  ladder: LadderSection,
  states: States,
  lports: Lports,
  drops: Drops,
}

export function App() {
  const { view } = place.value
  const parts = partsOf(view)
  useEffect(() => followDaemon(parts), [parts])
  useTitle(view)
  useHeading(view)
  // Not let in, and nothing heard before: there is nothing else to show.
  const isStranger = link.value === 'refused' && heardMs.value === 0
  const Shown = SHOWN[view]
  return (
    <>
      <button type="button" class="skip" onClick={() => headingOf(view)?.focus()}>
        Skip to the content
      </button>
      <TopBar view={view} />
      <Banner />
      <main class={isStale.value && !isStranger ? 'stale' : undefined} data-view={view}>
        {isStranger ? <Refused /> : <Shown key={view} />}
        <Words />
      </main>
      <Help view={view} />
    </>
  )
}

function useTitle(view: ViewId): void {
  const title = titleOf(view, { connections: connections.value, heard: !isStale.value })
  useEffect(() => {
    document.title = title
  }, [title])
}

function headingOf(view: ViewId): HTMLElement | null {
  return document.getElementById(`${view}-title`)
}

/** Another view is as another page: one begins at its top, and hears its heading. */
function useHeading(view: ViewId): void {
  const first = useRef(true)
  useLayoutEffect(() => {
    if (!first.current) {
      scrollTo({ top: 0, behavior: 'instant' })
      headingOf(view)?.focus({ preventScroll: true })
    }
    first.current = false
  }, [view])
}
