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
import { meanOfLast, RATE_SEC } from '../../../src/page/smooth.ts'
import type { ArmRow, Moment } from '../../../src/see/numbers/rows.ts'
import { isStale, moment, services } from '../daemon.ts'
import { lastHeard } from '../parts/banner.tsx'
import { Bar } from '../parts/bar.tsx'
import { ScrollBox } from '../parts/scroll-box.tsx'
import { Section } from '../parts/section.tsx'
import { Spark } from '../parts/spark.tsx'
import { Explain, Term } from '../parts/term.tsx'
import { useSeries } from '../parts/use-series.ts'

/** Seconds in the small lines. */
const SPARK_POINTS = 120

/** Lines of what is wrong that are shown at once; a thousand services may fail. */
const PROBLEMS_SHOWN = 8

export function Overview() {
  const now = services.value ? moment.value : null
  return (
    <Section
      id="overview"
      title="Overview"
      about={
        <>
          One balancer as it is now: what it carries, on which{' '}
          <Term of="arm" after=",">
            arms
          </Term>{' '}
          and what is wrong, if anything. Rates are means of the last {inWords(RATE_SEC)} seconds.
        </>
      }
      aside={now && <Process moment={now} />}
    >
      {now ? <Numbers moment={now} /> : <p class="empty">Waiting for the first word…</p>}
    </Section>
  )
}

function inWords(count: number): string {
  return ['no', 'one', 'two', 'three', 'four', 'five'][count] ?? `${count}`
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
  const { conns, drops, handshakes, problems } = moment
  const dropsPerSecond = drops.reduce((all, { perSecond }) => all + perSecond, 0)
  const series = useSeries()
  const packets = series.of('packets').slice(-SPARK_POINTS)
  // Of the first word there is nothing before it to take a rate from.
  const rated = (value: number) => (moment.seconds > 0 ? rate(value) : '…')
  return (
    <>
      <Problems problems={problems} none={moment.services.length === 0} />
      <dl class="tiles">
        <Tile
          name="Connections"
          value={<span data-testid="conn-total">{whole(conns.used)}</span>}
          says="connections in the tables of all workers, in any state, with those of health checks, which no listing has"
        >
          {percent(conns.used, conns.capacity)} of {short(conns.capacity)}
          <Bar share={conns.used / conns.capacity} />
        </Tile>
        <Tile
          name="New"
          value={rated(conns.opened)}
          unit="/s"
          says="connections opened per second, with those of health checks"
        >
          last two minutes
          <Spark values={series.of('conns').slice(-SPARK_POINTS)} />
        </Tile>
        <Carried moment={moment} way="in" rated={rated} />
        <Carried moment={moment} way="out" rated={rated} />
        <Tile
          name="Packets in"
          value={rate(meanOfLast(packets))}
          unit="/s"
          says="all that the arms read, also what was refused"
        >
          last two minutes
          <Spark values={packets} />
        </Tile>
        <Tile
          name="Drops"
          value={rated(dropsPerSecond)}
          unit="/s"
          tone={dropsPerSecond > 0 ? 'bad' : 'plain'}
          says="frames refused per second, for any reason"
        >
          <a href="#drops">reasons</a>
        </Tile>
        <Tile
          name="Handshake"
          value={handshakes.rs ? rate(handshakes.rs.p50) : '-'}
          unit="ms"
          says="from a client’s SYN to the SYN+ACK of the RS: half of them are quicker"
        >
          {handshakes.rs ? `95 % within ${rate(handshakes.rs.p95)} ms` : 'none yet'}
        </Tile>
      </dl>
      <Arms arms={moment.arms.filter(({ worker }) => worker === null)} rated={rated} />
    </>
  )
}

interface CarriedProps {
  moment: Moment
  way: 'in' | 'out'
  rated: (value: number) => string
}

/** Of all services. */
function Carried({ moment, way, rated }: CarriedProps) {
  const sum = (field: 'packets' | 'bytes') =>
    moment.services.reduce((all, { rates }) => all + rates[`${way}_${field}`], 0)
  const says = {
    in: 'from clients to real servers, of all services',
    out: 'from real servers to clients, of all services',
  }
  return (
    <Tile
      name={way === 'in' ? 'To real servers' : 'To clients'}
      value={rated(sum('packets'))}
      unit="packets/s"
      says={says[way]}
    >
      {bandwidth(sum('bytes'))} · {byteRate(sum('bytes'))}
    </Tile>
  )
}

function Problems({ problems, none }: { problems: readonly string[]; none: boolean }) {
  if (isStale.value)
    return (
      <p class="all-well unknown">
        Nobody knows how it is: the last word of the daemon is of {lastHeard()}, and so is all
        below.
      </p>
    )
  if (problems.length === 0)
    return (
      <p class="all-well">
        {none
          ? 'Nothing is wrong: every arm is up. There is no service yet.'
          : 'Nothing is wrong: every arm is up, every service has real servers.'}
      </p>
    )
  const [first, rest] = [problems.slice(0, PROBLEMS_SHOWN), problems.slice(PROBLEMS_SHOWN)]
  return (
    <div class="problems">
      <Lines problems={first} label="What is wrong" />
      {rest.length > 0 && (
        <details>
          <summary>
            and {whole(rest.length)} more; <a href="#services?show=failing">services that fail</a>
          </summary>
          <ScrollBox label="More that is wrong">
            <Lines problems={rest} label="What else is wrong" />
          </ScrollBox>
        </details>
      )}
    </div>
  )
}

function Lines({ problems, label }: { problems: readonly string[]; label: string }) {
  return (
    <ul aria-label={label}>
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
  says: string
  tone?: 'plain' | 'bad'
  children: ComponentChildren
}

function Tile({ name, value, unit, says, tone = 'plain', children }: TileProps) {
  return (
    <div class={`tile tile-${tone}`}>
      <dt>
        <Explain says={says}>{name}</Explain>
      </dt>
      <dd class="tile-value">
        {value}
        {unit && <span class="unit"> {unit}</span>}
      </dd>
      <dd class="tile-more">{children}</dd>
    </div>
  )
}

interface ArmsProps {
  arms: readonly ArmRow[]
  rated: (value: number) => string
}

function Arms({ arms, rated }: ArmsProps) {
  return (
    <ScrollBox label="Arms">
      <table class="grid-table">
        <thead>
          <tr>
            <th scope="col">
              <Term of="arm">Arm</Term>
            </th>
            <th scope="col">Link</th>
            <th scope="col" class="number">
              <Explain says="frames read from it">In, packets/s</Explain>
            </th>
            <th scope="col" class="number">
              In, bits
            </th>
            <th scope="col" class="number">
              <Explain says="frames written to it">Out, packets/s</Explain>
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
              <td class="number">{rated(arm.rxPackets)}</td>
              <td class="number">{bandwidth(arm.rxBits / 8)}</td>
              <td class="number">{rated(arm.txPackets)}</td>
              <td class="number">{bandwidth(arm.txBits / 8)}</td>
              <td class="number">{rated(arm.drops)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  )
}
