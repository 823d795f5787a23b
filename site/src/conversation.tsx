/** The packets on both arms, as far as they have been stepped through. */

import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { headed } from '../../src/page/headings.ts'
import type { Played } from '../../src/play/played.ts'
import { rowsOf } from '../../src/play/rows.ts'
import type { ConnEnds } from '../../src/see/words/ends.ts'
import { Opening, Rung } from '../../ui/src/parts/rungs.tsx'
import { Panel } from './panel.tsx'

export function Conversation({ played, step }: { played: Played; step: number }) {
  const { rows, more } = useMemo(() => rowsOf(played), [played])
  const shown = useMemo(() => {
    const ends = new Map<number, ConnEnds>()
    for (const { row } of rows) if (row.kind === 'conn') ends.set(row.conn, row.ends)
    const there = rows.flatMap(({ row, behind }, id) => (behind <= step ? [{ id, row }] : []))
    return headed(there, ends)
  }, [rows, step])
  const box = useRef<HTMLElement>(null)
  const isWhole = step >= played.steps.length
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new row is what there is to scroll to
  useLayoutEffect(() => {
    box.current?.scrollTo({ top: isWhole ? 0 : box.current.scrollHeight })
  }, [shown])
  return (
    <Panel id="ladder" title="On both arms">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <section ref={box} class="ladder" tabIndex={0} aria-label="Ladder of packets">
        <div class="rung ladder-head" aria-hidden="true">
          <span class="rung-time">Time</span>
          <span class="end end-client">Client</span>
          <span class="end end-vip">VIP</span>
          <span class="end end-lip">LIP</span>
          <span class="end end-rs">RS</span>
        </div>
        <ol class="rungs" data-testid="rungs">
          {shown.map(one =>
            one.heading ? (
              <Opening key={one.key} heading={one.heading} />
            ) : (
              <Rung key={one.key} row={one.row} />
            ),
          )}
        </ol>
        {shown.length === 0 && <p class="empty">Nothing has happened yet.</p>}
      </section>
      {more > 0 && (
        <p class="facts">
          {more} rows more are not drawn; the capture and the transcript have all of them.
        </p>
      )}
    </Panel>
  )
}
