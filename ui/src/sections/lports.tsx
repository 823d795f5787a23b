/** How much of the lports of each LIP is used, as a map of colours with the numbers in it. */

import { lasting, percent, short, whole } from '../../../src/page/format.ts'
import type { LportCell, LportLine } from '../../../src/page/lport-map.ts'
import { view } from '../daemon.ts'
import { ScrollBox } from '../parts/scroll-box.tsx'
import { Section } from '../parts/section.tsx'
import { Term } from '../parts/term.tsx'

export function Lports() {
  const now = view.value
  const lines = now?.lports ?? []
  const workers = now && now.numbers.workers.length > 1 ? now.numbers.workers : []
  return (
    <Section
      id="lports"
      title="Lports"
      about={
        <>
          How much of each <Term of="LIP" />
          ’s <Term of="lport">lports</Term> is in use, of each <Term of="worker" /> and in all: the
          stronger the colour, the fuller; who runs out refuses new connections.
        </>
      }
    >
      {now && lines.length === 0 && <p class="empty">No arm has a LIP.</p>}
      {lines.length > 0 && (
        <ScrollBox label="Lports by LIP and worker">
          <table class="grid-table heat" data-testid="lport-map">
            <thead>
              <tr>
                <th scope="col">
                  <Term of="LIP" />
                </th>
                {workers.map(({ worker }) => (
                  <th scope="col" key={worker} class="number">
                    worker {worker}
                  </th>
                ))}
                <th scope="col" class="number">
                  {workers.length > 0 ? 'All' : 'Used'}
                </th>
                <th scope="col" class="number" title="Lports that its real servers can still take">
                  Left
                </th>
                <th scope="col" class="number" title="Connections that found no lport">
                  Misses
                </th>
                <th scope="col" title="At the growth of the last ten seconds">
                  Runs out
                </th>
              </tr>
            </thead>
            <tbody>
              {lines.map(line => (
                <Line key={line.lip} line={line} />
              ))}
            </tbody>
          </table>
        </ScrollBox>
      )}
    </Section>
  )
}

function Line({ line: { lip, arm, all, workers } }: { line: LportLine }) {
  return (
    <tr>
      <th scope="row" class="code" title={`on ${arm}`}>
        {lip}
      </th>
      {workers.map(cell => (
        <Cell key={cell.worker} cell={cell} />
      ))}
      <Cell cell={all} />
      <td class="number">{whole(all.room)}</td>
      <td class={all.missesPerSecond > 0 ? 'number bad' : 'number'}>{whole(all.misses)}</td>
      <td>{all.room === 0 ? 'has run out' : lasting(all.exhaustedInSec)}</td>
    </tr>
  )
}

function Cell({ cell }: { cell: LportCell }) {
  const { used, room, share, heat, exhaustedInSec } = cell
  return (
    <td
      class={`number heat-cell heat-${heat}`}
      title={`${whole(used)} used, ${whole(room)} left; runs out ${lasting(exhaustedInSec)}`}
    >
      <strong>{percent(share, 1)}</strong>
      <span class="unit"> {short(used)}</span>
    </td>
  )
}
