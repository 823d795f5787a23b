/** The numbers that tell at a glance how it goes, and what is wrong. */

import type { ComponentChildren } from 'preact'
import { linkWords } from '../../../src/api/link-state.ts'
import {
  bandwidth,
  byteRate,
  percent,
  rate,
  short,
  uptime,
  whole,
} from '../../../src/page/format.ts'
import type { ArmRow, Moment } from '../../../src/see/numbers/rows.ts'
import { isStale, series, seriesVersion, view } from '../daemon.ts'
import { lastHeard } from '../parts/banner.tsx'
import { Bar } from '../parts/bar.tsx'
import { ScrollBox } from '../parts/scroll-box.tsx'
import { Section } from '../parts/section.tsx'
import { Spark } from '../parts/spark.tsx'
import { Term } from '../parts/term.tsx'

/** Seconds in the small lines. */
const SPARK_POINTS = 120

export function Overview() {
  const now = view.value
  return (
    <Section
      id="overview"
      title="Overview"
      about={
        <>
          One balancer as it is this second: what it carries, on which <Term of="arm">arms</Term>,
          and what is wrong, if anything.
        </>
      }
      aside={now && <Process moment={now.moment} />}
    >
      {now ? <Numbers moment={now.moment} /> : <p class="empty">Waiting for the first word…</p>}
    </Section>
  )
}

function Process({ moment: { version, pid, upSec, workers } }: { moment: Moment }) {
  return (
    <p class="facts">
      version {version} · up {uptime(upSec)} · pid {pid} · {workers}{' '}
      <Term of="worker">{workers === 1 ? 'worker' : 'workers'}</Term>
    </p>
  )
}

function Numbers({ moment }: { moment: Moment }) {
  const { conns, services, drops, handshakes, problems } = moment
  const sum = (field: 'in_packets' | 'out_packets' | 'in_bytes' | 'out_bytes') =>
    services.reduce((all, { rates }) => all + rates[field], 0)
  const dropsPerSecond = drops.reduce((all, { perSecond }) => all + perSecond, 0)
  const past = seriesVersion.value >= 0
  const line = (what: 'conns' | 'packets') => (past ? series.of(what).slice(-SPARK_POINTS) : [])
  return (
    <>
      <Problems problems={problems} />
      <dl class="tiles">
        <Tile
          name="Connections"
          value={<span data-testid="conn-total">{whole(conns.used)}</span>}
          title="Connections in the tables of all workers, in any state"
        >
          {percent(conns.used, conns.capacity)} of {short(conns.capacity)}
          <Bar share={conns.used / conns.capacity} />
        </Tile>
        <Tile name="New" value={rate(conns.opened)} unit="/s" title="Connections opened per second">
          last two minutes
          <Spark values={line('conns')} />
        </Tile>
        <Tile
          name="To real servers"
          value={rate(sum('in_packets'))}
          unit="packets/s"
          title="From clients to real servers, of all services"
        >
          {bandwidth(sum('in_bytes'))} · {byteRate(sum('in_bytes'))}
        </Tile>
        <Tile
          name="To clients"
          value={rate(sum('out_packets'))}
          unit="packets/s"
          title="From real servers to clients, of all services"
        >
          {bandwidth(sum('out_bytes'))} · {byteRate(sum('out_bytes'))}
        </Tile>
        <Tile
          name="Packets in"
          value={rate(line('packets').at(-1) ?? 0)}
          unit="/s"
          title="All that the arms read, also what was refused"
        >
          last two minutes
          <Spark values={line('packets')} />
        </Tile>
        <Tile
          name="Drops"
          value={rate(dropsPerSecond)}
          unit="/s"
          tone={dropsPerSecond > 0 ? 'bad' : 'plain'}
          title="Frames refused per second, for any reason"
        >
          <a href="#over-time">reasons</a>
        </Tile>
        <Tile
          name="Handshake"
          value={handshakes.rs ? rate(handshakes.rs.p50) : '-'}
          unit="ms"
          title="From a client’s SYN to the SYN+ACK of the RS: half of them are quicker"
        >
          {handshakes.rs ? `95 % within ${rate(handshakes.rs.p95)} ms` : 'none yet'}
        </Tile>
      </dl>
      <Arms arms={moment.arms.filter(({ worker }) => worker === null)} />
    </>
  )
}

function Problems({ problems }: { problems: readonly string[] }) {
  if (isStale.value)
    return (
      <p class="all-well unknown">
        Nobody knows how it is: the last word of the daemon is of {lastHeard()}, and so is all
        below.
      </p>
    )
  if (problems.length === 0)
    return (
      <p class="all-well">Nothing is wrong: every arm is up, every service has real servers.</p>
    )
  return (
    <ul class="problems" aria-label="What is wrong">
      {problems.map(problem => (
        <li key={problem}>{problem}</li>
      ))}
    </ul>
  )
}

interface TileProps {
  name: string
  value: ComponentChildren
  unit?: string
  title: string
  tone?: 'plain' | 'bad'
  children: ComponentChildren
}

function Tile({ name, value, unit, title, tone = 'plain', children }: TileProps) {
  return (
    <div class={`tile tile-${tone}`} title={title}>
      <dt>{name}</dt>
      <dd class="tile-value">
        {value}
        {unit && <span class="unit"> {unit}</span>}
      </dd>
      <dd class="tile-more">{children}</dd>
    </div>
  )
}

function Arms({ arms }: { arms: readonly ArmRow[] }) {
  return (
    <ScrollBox label="Arms">
      <table class="grid-table">
        <thead>
          <tr>
            <th scope="col">
              <Term of="arm">Arm</Term>
            </th>
            <th scope="col">Link</th>
            <th scope="col" class="number" title="Frames read from it">
              In, packets/s
            </th>
            <th scope="col" class="number">
              In, bits
            </th>
            <th scope="col" class="number" title="Frames written to it">
              Out, packets/s
            </th>
            <th scope="col" class="number">
              Out, bits
            </th>
            <th scope="col" class="number">
              Drops/s
            </th>
          </tr>
        </thead>
        <tbody>
          {arms.map(arm => (
            <tr key={arm.arm}>
              <th scope="row" class="code">
                {arm.arm}
              </th>
              <td>
                <span class={arm.up ? 'pill pill-good' : 'pill pill-bad'}>
                  {arm.up && !arm.orphaned ? 'up' : linkWords(arm)}
                </span>
              </td>
              <td class="number">{rate(arm.rxPackets)}</td>
              <td class="number">{bandwidth(arm.rxBits / 8)}</td>
              <td class="number">{rate(arm.txPackets)}</td>
              <td class="number">{bandwidth(arm.txBits / 8)}</td>
              <td class="number">{rate(arm.drops)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  )
}
