/** How much of the lports of each LIP is used, as a map of colours with the numbers in it. */

import { lasting, percent, short, whole } from '../../../src/page/format.ts'
import type { LportCell, LportLine } from '../../../src/page/lport-map.ts'
import { heard, lports } from '../daemon.ts'
import { ScrollBox } from '../parts/scroll-box.tsx'
import { Section } from '../parts/section.tsx'
import { Explain, Term } from '../parts/term.tsx'

export function Lports() {
  const lines = lports.value
  const all = heard.value?.live.numbers.workers ?? []
  const workers = all.length > 1 ? all : []
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
      {!lines && <p class="empty">Asking for the lports…</p>}
      {lines?.length === 0 && (
        <p class="empty">
          No arm has a LIP, so no lport can run out: services by NAT, DR or tunnels need none.
          FullNAT does: <code class="code">tapvs ipvsadm -P -z LIP -t VIP:PORT -F ARM</code> gives a
          service one.
        </p>
      )}
      {lines && lines.length > 0 && (
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
                <th scope="col" class="number">
                  <Explain says="lports that its real servers can still take">Left</Explain>
                </th>
                <th scope="col" class="number">
                  <Explain says="connections that found no lport">Misses</Explain>
                </th>
                <th scope="col">
                  <Explain says="at the growth of the last ten seconds">Runs out</Explain>
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
