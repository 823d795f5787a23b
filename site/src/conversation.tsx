/** The packets on both arms, as far as they have been stepped through. */

import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { Played } from '../../src/play/played.ts'
import { rowsOf } from '../../src/play/rows.ts'
import type { ConnEnds } from '../../src/see/words/ends.ts'
import { LadderRows } from '../../ui/src/parts/rungs.tsx'
import { useSides } from '../../ui/src/parts/use-sides.ts'
import { Panel } from './panel.tsx'

export function Conversation({ played, step }: { played: Played; step: number }) {
  const { rows, more } = useMemo(() => rowsOf(played), [played])
  const ends = useMemo(() => {
    const all = new Map<number, ConnEnds>()
    for (const { row } of rows) if (row.kind === 'conn') all.set(row.conn, row.ends)
    return all
  }, [rows])
  const there = useMemo(
    () => rows.flatMap(({ row, behind }, id) => (behind <= step ? [{ id, row }] : [])),
    [rows, step],
  )
  const box = useRef<HTMLElement>(null)
  const sides = useSides(box)
  const isWhole = step >= played.steps.length
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new row is what there is to scroll to
  useLayoutEffect(() => {
    box.current?.scrollTo({ top: isWhole ? 0 : box.current.scrollHeight })
  }, [there])
  return (
    <Panel id="ladder" title="On both arms">
      <div class="sideways" data-more={sides}>
        <section
          ref={box}
          class="ladder"
          data-testid="rungs"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
          tabIndex={0}
          aria-label="Ladder of packets"
        >
          <LadderRows rows={there} ends={ends} />
          {there.length === 0 && <p class="empty">Nothing has happened yet.</p>}
        </section>
      </div>
      {more > 0 && (
        <p class="facts">
          {more} rows more are not drawn; the capture and the transcript have all of them.
        </p>
      )}
    </Panel>
  )
}
