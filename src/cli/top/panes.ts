/** The panes of `tapvs top`, each a head line and rows for 80 columns. */

import { HANDSHAKE_BOUNDS } from '../../engine/handshake-cells.ts'
import { DROP_WORDS } from '../../see/drops/drops.ts'
import type { ClientRow } from '../../see/numbers/clients.ts'
import type { LipRow } from '../../see/numbers/lports.ts'
import type { Quantiles } from '../../see/numbers/quantiles.ts'
import type {
  ArmRow,
  BalancedRow,
  DropRow,
  Moment,
  RsRow,
  ServiceRow,
} from '../../see/numbers/rows.ts'
import { duration, type Line, line, percent, row, short } from '../../see/numbers/text.ts'
import { counted } from '../../see/text/counted.ts'
import type { BusyRow } from './busy.ts'

export const PANES = ['services', 'lports', 'drops', 'arms', 'clients', 'conns', 'health'] as const
export type PaneName = (typeof PANES)[number]

/** What a pane is drawn of; `clients` and `busy` are null until they were asked for. */
export interface Shown {
  moment: Moment
  clients: ClientRow[] | null
  busy: BusyRow[] | null
}

export interface Pane {
  /** Ways to sort it, the first one to begin with; empty if there is one order only. */
  sorts: readonly string[]
  head: string
  rows(shown: Shown, sort: string): Line[]
}

const SERVICE_WIDTHS = [27, 6, 6, 6, 7, 7, 7, 7, 7]
const LIP_WIDTHS = [16, 12, 9, 11, 7, 10, 7, 8]
const DROP_WIDTHS = [19, 9, 8]
const ARM_WIDTHS = [18, 10, 10, 10, 10, 10]
const CLIENT_WIDTHS = [18, 9, 13, 9]
const CONN_WIDTHS = [21, 22, 22, 7, 8]

export const PANE: Record<PaneName, Pane> = {
  services: {
    sorts: ['address', 'conn/s', 'traffic', 'active'],
    head: row(SERVICE_WIDTHS, [
      ...['SERVICE, RS', 'WEIGHT', 'ACT', 'INACT', 'CONN/S'],
      ...['PKT/S>', '<PKT/S', 'BIT/S>', '<BIT/S'],
    ]),
    rows: ({ moment }, sort) => sorted(moment.services, sort).flatMap(serviceLines(sort)),
  },
  lports: {
    sorts: [],
    head: row(LIP_WIDTHS, [...['LIP', 'ARM', 'USED', 'ROOM', 'USE', 'MISSES', '/S', 'LASTS']]),
    rows: ({ moment }) => moment.lips.map(lipLine),
  },
  drops: {
    sorts: ['rate', 'total'],
    head: `${row(DROP_WIDTHS, ['DROPPED', 'FRAMES', '/S'])}  BECAUSE`,
    rows: ({ moment }, sort) => dropRows(moment.drops, sort).map(dropLine),
  },
  arms: {
    sorts: [],
    head: row(ARM_WIDTHS, ['ARM', 'RX BIT/S', 'RX PKT/S', 'TX BIT/S', 'TX PKT/S', 'DROPS/S']),
    rows: ({ moment }) => moment.arms.map(armLine),
  },
  clients: {
    sorts: ['conns', 'active', 'address'],
    head: row(CLIENT_WIDTHS, ['CLIENT', 'CONNS', 'ESTABLISHED', 'SHARE']),
    rows: ({ clients, moment }, sort) => clientLines(clients, moment, sort),
  },
  conns: {
    sorts: ['traffic', 'in', 'out'],
    head: `${row(CONN_WIDTHS, ['CLIENT', 'VIP', 'RS', 'BIT/S>', '<BIT/S'])}`,
    rows: ({ busy, moment }, sort) => connLines(busy, moment, sort),
  },
  health: {
    sorts: [],
    head: 'HEALTH',
    rows: ({ moment }) => healthLines(moment),
  },
}

function traffic({ rates }: Pick<RsRow, 'rates'>): number {
  return rates.in_bytes + rates.out_bytes
}

/** By number the largest first; by address as they come, which is sorted. */
function sorted<T extends BalancedRow>(rows: readonly T[], sort: string): T[] {
  const by: Record<string, (item: T) => number> = {
    'conn/s': ({ rates }) => rates.conns,
    traffic,
    active: ({ active }) => active,
  }
  const value = by[sort]
  return value ? rows.toSorted((a, b) => value(b) - value(a)) : [...rows]
}

const serviceLines =
  (sort: string) =>
  (service: ServiceRow): Line[] => [
    line(trafficRow(`${service.service} ${service.scheduler}`, service), {
      bold: true,
      ...(!service.usable && { color: 'red' }),
    }),
    ...(service.synProxyWorkers > 0 ? [line(cookieText(service), { color: 'yellow' })] : []),
    ...sorted(service.realServers, sort).map(rs =>
      line(trafficRow(`${arrow(rs)}${rs.rs}`, rs), rs.usable ? {} : { color: 'yellow' }),
    ),
  ]

function cookieText({ synProxyWorkers: workers }: ServiceRow): string {
  return `  SYNs are answered by cookies, by ${counted(workers, 'worker')}`
}

/** In front, where no address is too long for it; FullNAT is what all have that say nothing. */
const ARROWS = {
  ...{ fullnat: '  -> ', nat: ' nat ', dr: '  dr ', tunnel: ' tun ' },
  snat: ' snat ',
} as const satisfies Record<RsRow['forwarding'], string>

function arrow({ forwarding }: RsRow): string {
  return ARROWS[forwarding]
}

function trafficRow(name: string, item: BalancedRow): string {
  const { conns, in_packets, out_packets, in_bytes, out_bytes } = item.rates
  return row(SERVICE_WIDTHS, [
    name,
    short(item.weight),
    short(item.active),
    short(item.inactive),
    ...[conns, in_packets, out_packets, in_bytes * 8, out_bytes * 8].map(short),
  ])
}

function lipLine(lip: LipRow): Line {
  const { used, room, misses, missesPerSecond, exhaustedInSec } = lip
  const lasts = exhaustedInSec === null ? '-' : duration(exhaustedInSec)
  const short5 = [percent(used, used + room), short(misses), short(missesPerSecond), lasts]
  return line(
    row(LIP_WIDTHS, [lip.lip, lip.arm, used, room, ...short5]),
    missesPerSecond > 0 ? { color: 'red' } : {},
  )
}

/** What has never dropped anything is left out. */
function dropRows(drops: readonly DropRow[], sort: string): DropRow[] {
  const some = drops.filter(({ total }) => total > 0)
  return some.sort((a, b) => (sort === 'rate' ? b.perSecond - a.perSecond : 0) || b.total - a.total)
}

function dropLine({ reason, total, perSecond }: DropRow): Line {
  const text = row(DROP_WIDTHS, [reason, short(total), short(perSecond)])
  return line(`${text}  ${DROP_WORDS[reason] ?? ''}`.slice(0, 80), {
    ...(perSecond > 0 && { color: 'yellow' }),
  })
}

function armLine(arm: ArmRow): Line {
  const { worker, up } = arm
  const name = worker === null ? `${arm.arm}${up ? '' : ' DOWN'}` : `  worker ${worker}`
  const rates = [arm.rxBits, arm.rxPackets, arm.txBits, arm.txPackets, arm.drops]
  return line(row(ARM_WIDTHS, [name, ...rates.map(short)]), {
    ...(worker === null && { bold: true }),
    ...(!up && { color: 'red' }),
  })
}

function clientLines(clients: readonly ClientRow[] | null, moment: Moment, sort: string): Line[] {
  if (clients === null) return [line('asking for the connections ...', { dim: true })]
  const by: Record<string, (a: ClientRow, b: ClientRow) => number> = {
    conns: (a, b) => b.conns - a.conns,
    active: (a, b) => b.established - a.established,
    address: (a, b) => a.client.localeCompare(b.client, 'en', { numeric: true }),
  }
  const rows = clients.toSorted(by[sort])
  const seen = rows.reduce((sum, { conns }) => sum + conns, 0)
  const lines = rows.map(({ client, conns, established }) =>
    line(row(CLIENT_WIDTHS, [client, conns, established, percent(conns, seen)])),
  )
  const { used } = moment.conns
  if (seen > 0 && seen < used) {
    lines.push(line(`(of the first ${seen} of ${used} connections)`, { dim: true }))
  }
  return lines.length > 0 ? lines : [line('no connections', { dim: true })]
}

/** Those that carried something since the last look, the busiest first. */
function connLines(busy: readonly BusyRow[] | null, moment: Moment, sort: string): Line[] {
  if (busy === null) return [line('asking for the connections ...', { dim: true })]
  const by: Record<string, (conn: BusyRow) => number> = {
    traffic: ({ inBytes, outBytes }) => inBytes + outBytes,
    in: ({ inBytes }) => inBytes,
    out: ({ outBytes }) => outBytes,
  }
  const value = by[sort] as (conn: BusyRow) => number
  const rows = busy.filter(conn => value(conn) > 0).sort((a, b) => value(b) - value(a))
  const lines = rows.map(({ client, vip, rs, inBytes, outBytes }) =>
    line(row(CONN_WIDTHS, [client, vip, rs, short(inBytes * 8), short(outBytes * 8)])),
  )
  const { used } = moment.conns
  const idle = busy.length - rows.length
  lines.push(
    line(`(${idle} more carried nothing; ${busy.length} of ${used} looked at)`, { dim: true }),
  )
  return lines
}

function healthLines({ problems, handshakes, conns, frames }: Moment): Line[] {
  const states = Object.entries(conns.states).filter(([, count]) => count > 0)
  return [
    ...(problems.length === 0
      ? [line('nothing is wrong', { color: 'green' as const })]
      : problems.map(problem => line(problem.slice(0, 80), { color: 'red' as const }))),
    line(''),
    line(
      `connections  ${states.map(([state, count]) => `${state} ${count}`).join('  ') || 'none'}`,
    ),
    line(
      `table        ${conns.used} of ${conns.capacity} (${percent(conns.used, conns.capacity)})`,
    ),
    line(`frames       ${frames.free} of ${frames.slots} slots free`),
    line(`handshake    ${quantileText('RS', handshakes.rs)}`),
    line(`             ${quantileText('client', handshakes.client)}`),
  ]
}

function quantileText(who: string, of: Quantiles | null): string {
  const name = who.padEnd(7)
  if (of === null) return `${name} none yet`
  const longest = HANDSHAKE_BOUNDS[HANDSHAKE_BOUNDS.length - 1] as number
  const ms = (value: number) => (value < longest ? `${value.toFixed(1)} ms` : `over ${longest} ms`)
  return `${name} p50 ${ms(of.p50)}  p95 ${ms(of.p95)}  p99 ${ms(of.p99)}  of ${short(of.count)}`
}
