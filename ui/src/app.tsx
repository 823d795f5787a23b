/** The page: a bar on top, and sections one below the other. */

import { useEffect } from 'preact/hooks'
import { followDaemon, isStale } from './daemon.ts'
import { Banner } from './parts/banner.tsx'
import { TopBar } from './parts/top-bar.tsx'
import { Words } from './parts/words.tsx'
import { Connections } from './sections/connections.tsx'
import { LadderSection } from './sections/ladder.tsx'
import { Lports } from './sections/lports.tsx'
import { OverTime } from './sections/over-time.tsx'
import { Overview } from './sections/overview.tsx'
import { Services } from './sections/services.tsx'
import { States } from './sections/states.tsx'

const SECTIONS = [
  { id: 'overview', title: 'Overview' },
  { id: 'services', title: 'Services' },
  { id: 'connections', title: 'Connections' },
  { id: 'ladder', title: 'Ladder' },
  { id: 'states', title: 'States' },
  { id: 'lports', title: 'Lports' },
  { id: 'over-time', title: 'Drops' },
] as const

export function App() {
  useEffect(followDaemon, [])
  return (
    <>
      <a class="skip" href="#overview">
        Skip to the content
      </a>
      <TopBar sections={SECTIONS} />
      <Banner />
      <main class={isStale.value ? 'stale' : undefined}>
        <Overview />
        <Services />
        <Connections />
        <LadderSection />
        <States />
        <Lports />
        <OverTime />
        <Words />
      </main>
    </>
  )
}
