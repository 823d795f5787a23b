/** A connection's packets on both sides of the balancer, as they come. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { parseFilter } from '../../../src/see/moments/filter.ts'
import { ladderFilter, showLadder } from '../choice.ts'
import { pauseLadder } from '../keys.ts'
import { LadderRows } from '../parts/rungs.tsx'
import { Section } from '../parts/section.tsx'
import { Term } from '../parts/term.tsx'
import { type LadderView, useLadder } from '../parts/use-ladder.ts'
import { useSides } from '../parts/use-sides.ts'

/** px from the end within which one is taken to look at the newest. */
const AT_END = 24

export function LadderSection() {
  const filter = ladderFilter()
  const wanted = filterProblem(filter) === null ? filter : ''
  return (
    <Section
      id="ladder"
      title="Ladder"
      about={
        <>
          Each packet of a connection twice, as it came and as it left: on the left between client
          and <Term of="VIP" after="," /> on the right between <Term of="LIP" /> and{' '}
          <Term of="RS" after=";" /> in the middle its state and what was changed.
        </>
      }
    >
      <FilterForm key={filter} filter={filter} />
      {wanted === '' ? (
        <p class="empty">
          Nothing is chosen: press a connection in <a href="#connections">Connections</a>, or type
          which packets to show; <code class="code">tcp</code> shows all of TCP,{' '}
          <code class="code">drop</code> what is refused.
        </p>
      ) : (
        <Live key={`live ${wanted}`} filter={wanted} />
      )}
    </Section>
  )
}

/** One line; null if the filter is right. */
function filterProblem(text: string): string | null {
  try {
    parseFilter(text)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

function FilterForm({ filter }: { filter: string }) {
  const [text, setText] = useState(filter)
  const problem = filterProblem(text)
  return (
    <form
      class="filters"
      onSubmit={event => {
        event.preventDefault()
        if (problem === null) showLadder(text)
      }}
    >
      <label class="field field-wide">
        <span>Packets to show</span>
        <input
          type="text"
          data-search
          value={text}
          placeholder="conn 202.108.10.2:33896"
          spellcheck={false}
          aria-invalid={problem !== null}
          aria-describedby="ladder-words"
          onInput={event => setText(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button button-main">
        Show
      </button>
      <button type="button" class="button" disabled={filter === ''} onClick={() => showLadder('')}>
        Clear filter
      </button>
      <p id="ladder-words" class={problem === null ? 'facts' : 'facts bad'}>
        {problem ?? 'as conn A:P, host A, rs A, drop, state TIME_WAIT; with and, or, not'}
      </p>
    </form>
  )
}

const LINK_WORDS: Record<LadderView['link'], string> = {
  connecting: 'asking for packets…',
  up: 'live',
  lost: 'no word from the daemon',
  refused: 'refused',
}

function Live({ filter }: { filter: string }) {
  const live = useLadder(filter)
  /** What was shown when it was paused. */
  const [held, setHeld] = useState<LadderView | null>(null)
  const paused = held !== null
  const { rows, ends, gone, lost, link } = held ?? live
  const box = useRef<HTMLElement>(null)
  const sides = useSides(box)
  const pause = () => setHeld(held ? null : live)
  useEffect(() => {
    pauseLadder.value = pause
    return () => {
      pauseLadder.value = null
    }
  })
  const atEnd = useRef(true)
  const last = rows.at(-1)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new row is what there is to scroll to
  useLayoutEffect(() => {
    if (atEnd.current) box.current?.scrollTo({ top: box.current.scrollHeight })
  }, [last])
  return (
    <>
      <p class="facts ladder-facts">
        <button
          type="button"
          class="button"
          aria-pressed={paused}
          aria-keyshortcuts="p"
          onClick={pause}
        >
          {paused ? 'Go on' : 'Pause'}
        </button>
        <span>
          {paused ? 'paused' : LINK_WORDS[link]} · {rows.length} rows
          {gone > 0 && `, ${gone} older ones are gone`}
        </span>
        {lost > 0 && <span class="bad">{lost} packets were too quick to be shown</span>}
      </p>
      <div class="sideways" data-more={sides}>
        <section
          ref={box}
          class="ladder"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys must reach what is outside of the box
          tabIndex={0}
          aria-label="Packets, the newest last"
          data-testid="ladder"
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            atEnd.current = scrollTop + clientHeight > scrollHeight - AT_END
          }}
        >
          <LadderRows rows={rows} ends={ends} />
          {rows.length === 0 && link === 'up' && (
            <p class="empty">
              No packet yet: the flight recorder holds none that fits. What comes from now on is
              shown as it comes.
            </p>
          )}
        </section>
      </div>
    </>
  )
}
