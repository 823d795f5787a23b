/** Back, play, forward: packet by packet. */

import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Played } from '../../src/play/played.ts'
import { stopsOf } from './state.ts'

/** ms that a packet is looked at. */
const PACE = 900

interface Props {
  played: Played
  step: number
  go: (step: number) => void
}

export function Player({ played, step, go }: Props) {
  const stops = useMemo(() => [0, ...stopsOf(played)], [played])
  const last = stops.length - 1
  const found = stops.findLastIndex(stop => stop <= step)
  const place = Math.max(0, found)
  const [plays, setPlays] = useState(false)
  const to = (n: number) => go(stops[Math.min(last, Math.max(0, n))] ?? 0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a scenario that has changed stands still
  useEffect(() => setPlays(false), [played])
  useEffect(() => {
    if (!plays) return
    if (place >= last) {
      setPlays(false)
      return
    }
    const timer = setTimeout(() => go(stops[place + 1] ?? 0), PACE)
    return () => clearTimeout(timer)
  }, [plays, place, last, stops, go])
  const play = () => {
    if (!plays && place >= last) to(0)
    setPlays(!plays)
  }
  const now = played.steps[(stops[place] ?? 0) - 1]
  return (
    <fieldset class="player" aria-label="Step through the packets">
      <button type="button" class="button" aria-disabled={place === 0} onClick={() => to(0)}>
        Start
      </button>
      <button
        type="button"
        class="button"
        aria-disabled={place === 0}
        onClick={() => to(place - 1)}
      >
        Back
      </button>
      <button type="button" class="button button-main" onClick={play}>
        {plays ? 'Pause' : 'Play'}
      </button>
      <button
        type="button"
        class="button"
        aria-disabled={place >= last}
        onClick={() => to(place + 1)}
      >
        Next
      </button>
      <button type="button" class="button" aria-disabled={place >= last} onClick={() => to(last)}>
        End
      </button>
      <input
        type="range"
        class="player-range"
        aria-label="Packet"
        aria-valuetext={`${place} of ${last}`}
        min={0}
        max={last}
        value={place}
        onInput={event => to(Number(event.currentTarget.value))}
      />
      <output class="player-place" data-testid="place">
        {place} of {last}
        {now ? `, ${now.atMs} ms` : ''}
      </output>
    </fieldset>
  )
}
