/** What the page shows: a scenario, what came of it, and how far the reader has gone in it. */

import { useEffect, useMemo, useState } from 'preact/hooks'
import { LESSONS } from '../../src/play/lessons.ts'
import type { Played } from '../../src/play/played.ts'
import { BadScenario, linkOf, ofLink, type Scenario } from '../../src/play/scenario.ts'
import { play } from '../../src/play/world.ts'

/** What the page begins with: the seed's conversation. */
const SEED = LESSONS[0]?.start ?? 'v=1'
const DONE = 'tapvs-playground-done'

export interface Chosen {
  scenario: Scenario
  /** Of the link that was refused. */
  mistakes: readonly string[]
}

/** The link's, or the seed's. */
function chosenByLink(): Chosen {
  try {
    return { scenario: ofLink(location.hash || SEED), mistakes: [] }
  } catch (error) {
    if (!(error instanceof BadScenario)) throw error
    return { scenario: ofLink(SEED), mistakes: error.mistakes }
  }
}

export function useScenario() {
  const [chosen, setChosen] = useState(chosenByLink)
  useEffect(() => {
    const follow = () => setChosen(chosenByLink())
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  const choose = (scenario: Scenario) => {
    history.replaceState(null, '', `#${linkOf(scenario)}`)
    setChosen({ scenario, mistakes: [] })
  }
  const played = useMemo(() => play(chosen.scenario), [chosen.scenario])
  return { ...chosen, played, choose }
}

/** The last packet: behind it only timers run on. */
export function lastPacket({ steps }: Played): number {
  return steps.findLastIndex(({ given }) => 'packet' in given) + 1
}

/** Steps worth a stop: those in which anything was given, sent or said, but for a flood's. */
export function stopsOf({ steps }: Played): number[] {
  return steps.flatMap((step, i) =>
    !step.isFlood && ('packet' in step.given || step.sent.length > 0 || step.said.length > 0)
      ? [i + 1]
      : [],
  )
}

/** Lessons that are done, kept by the browser if it keeps anything. */
export function useDone(played: Played) {
  const [done, setDone] = useState<ReadonlySet<string>>(readDone)
  useEffect(() => {
    const now = LESSONS.filter(({ id, isDone }) => !done.has(id) && isDone(played))
    if (now.length === 0) return
    const all = new Set([...done, ...now.map(({ id }) => id)])
    setDone(all)
    try {
      localStorage.setItem(DONE, [...all].join(' '))
    } catch {
      // Private windows may have no storage.
    }
  }, [played, done])
  return done
}

function readDone(): ReadonlySet<string> {
  try {
    return new Set((localStorage.getItem(DONE) ?? '').split(' ').filter(id => id !== ''))
  } catch {
    return new Set()
  }
}
