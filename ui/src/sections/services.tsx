/** Each service with its real servers: who takes how much, and who takes nothing. */

import type { RealServerInfo, ServiceInfo } from '../../../src/api/commands.ts'
import { bandwidth, percent, rate, whole } from '../../../src/page/format.ts'
import { type RsHealth, rsHealth } from '../../../src/page/rs-health.ts'
import { type ServiceFact, serviceFacts } from '../../../src/page/service-facts.ts'
import type { RsRow, ServiceRow } from '../../../src/see/numbers/rows.ts'
import { methodWords } from '../../../src/see/words/forwarding.ts'
import { view } from '../daemon.ts'
import { Bar } from '../parts/bar.tsx'
import { ScrollBox } from '../parts/scroll-box.tsx'
import { Section } from '../parts/section.tsx'
import { Term } from '../parts/term.tsx'

export function Services() {
  const now = view.value
  return (
    <Section
      id="services"
      title="Services"
      about={
        <>
          Each <Term of="VIP" /> and how its connections are spread over the{' '}
          <Term of="RS">real servers</Term>; the bars are shares of the service.
        </>
      }
    >
      <div class="stack" data-testid="services">
        {now?.numbers.services.map((service, i) => {
          const row = now.moment.services[i]
          return row && <Service key={row.service} service={service} row={row} />
        })}
        {now?.numbers.services.length === 0 && <p class="empty">There is no service.</p>}
      </div>
    </Section>
  )
}

function Service({ service, row }: { service: ServiceInfo; row: ServiceRow }) {
  const facts: ServiceFact[] = [
    ...serviceFacts(service),
    { text: `${rate(row.rates.conns)} new/s` },
  ]
  return (
    <article class="panel">
      <h3 class="panel-title">
        <span class="code">{row.service}</span>
        {!row.usable && <span class="pill pill-bad">takes no new connections</span>}
        <span class="facts">
          {facts.map(({ text, title }, i) => (
            <span key={text.replace(/[\d,]+/g, '')} title={title}>
              {i > 0 && ' · '}
              {text}
            </span>
          ))}
        </span>
      </h3>
      <ScrollBox label={`Real servers of ${row.service}`}>
        <table class="grid-table">
          <thead>
            <tr>
              <th scope="col">
                <Term of="RS">Real server</Term>
              </th>
              <th scope="col">Health</th>
              <th scope="col" class="number">
                <Term of="weight">Weight</Term>
              </th>
              <th scope="col" class="number">
                <Term of="active">Active</Term>
              </th>
              <th scope="col" class="share-head">
                Share
              </th>
              <th scope="col" class="number">
                <Term of="inactive">Inactive</Term>
              </th>
              <th scope="col" class="number">
                New/s
              </th>
              <th scope="col" class="number" title="Packets per second from and to clients">
                Packets/s in, out
              </th>
              <th scope="col" class="number">
                Bits in, out
              </th>
            </tr>
          </thead>
          <tbody>
            {service.real_servers.map((rs, i) => {
              const own = row.realServers[i]
              return own && <RealServer key={own.rs} rs={rs} row={own} all={row} />
            })}
          </tbody>
        </table>
      </ScrollBox>
    </article>
  )
}

/** FullNAT is what all have that say nothing. */
function Method({ rs: { forwarding, address } }: { rs: RealServerInfo }) {
  if (forwarding === 'fullnat') return null
  const { name, about } = methodWords({ client: address, rs: address, forwarding })
  return (
    <span class="unit" title={about}>
      {' '}
      by {name}
    </span>
  )
}

const TONES: Record<RsHealth['tone'], string> = {
  good: 'pill pill-good',
  warn: 'pill pill-warn',
  bad: 'pill pill-bad',
}

function RealServer({ rs, row, all }: { rs: RealServerInfo; row: RsRow; all: ServiceRow }) {
  const health = rsHealth(rs)
  const share = all.active > 0 ? row.active / all.active : 0
  return (
    <tr>
      <th scope="row" class="code">
        {row.rs}
        <Method rs={rs} />
      </th>
      <td>
        <span class={TONES[health.tone]} title={health.title}>
          {health.word}
        </span>
        {health.reason !== undefined && <span class="unit bad rs-reason"> {health.reason}</span>}
      </td>
      <td class="number">{row.weight}</td>
      <td
        class="number"
        title={rs.upper_threshold > 0 ? `threshold ${rs.upper_threshold}` : undefined}
      >
        <span data-testid={`rs-${row.rs}-active`}>{whole(row.active)}</span>
        {rs.upper_threshold > 0 && <span class="unit"> of {whole(rs.upper_threshold)}</span>}
      </td>
      <td class="share">
        <Bar share={share} />
        <span class="number">{percent(row.active, all.active)}</span>
      </td>
      <td class="number" data-testid={`rs-${row.rs}-inactive`}>
        {whole(row.inactive)}
      </td>
      <td class="number">{rate(row.rates.conns)}</td>
      <td class="number">
        {rate(row.rates.in_packets)}, {rate(row.rates.out_packets)}
      </td>
      <td class="number">
        {bandwidth(row.rates.in_bytes)}, {bandwidth(row.rates.out_bytes)}
      </td>
    </tr>
  )
}
