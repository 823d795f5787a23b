/** One frame of `tapvs top`: what is shown of a moment, in so many rows and columns. Pure. */

import { duration, type Line, line, percent, plain, short } from '../../see/numbers/text.ts'
import { counted } from '../../see/text/counted.ts'
import { PANE, PANES, type PaneName, type Shown } from './panes.ts'

/** What the keys have changed. */
export interface View {
  pane: PaneName
  /** Index of its way to sort, by pane. */
  sorts: Record<PaneName, number>
  /** The first row that is shown. */
  top: number
  paused: boolean
  help: boolean
  /** Why there is nothing newer to see. */
  failure: string | null
}

export const FIRST_VIEW: View = {
  pane: 'services',
  sorts: { services: 0, lports: 0, drops: 0, arms: 0, clients: 0, conns: 0, health: 0 },
  top: 0,
  paused: false,
  help: false,
  failure: null,
}

const HELP = [
  'tab, right, left   the next pane, the one before',
  '1 to 6             a pane by its place',
  'up, down           scroll; page up, page down too',
  's                  sort by something else',
  'p, blank           stand still, go on',
  'h, ?               this help',
  'q, Ctrl-C          quit',
  '',
  '>  from clients to real servers     <  back',
  'ROOM is of the lport pools that the real servers use; LASTS is how long it',
  'will be there if the use goes on growing as in the last ten seconds.',
  'Rates are those of the last second; k is 1000.',
]

/** Lines above and below a pane's rows. */
const AROUND = 5

/** `rows` lines at most. */
export function frame(shown: Shown, view: View, rows: number): Line[] {
  const pane = PANE[view.pane]
  const room = Math.max(1, rows - AROUND)
  const sort = pane.sorts[view.sorts[view.pane]] ?? ''
  const all = view.help ? HELP.map(text => line(text)) : pane.rows(shown, sort)
  const top = Math.min(view.top, Math.max(0, all.length - room))
  const body = all.slice(top, top + room)
  while (body.length < room) body.push(line(''))
  return [
    ...headLines(shown),
    tabs(view),
    line((view.help ? 'KEYS' : pane.head).padEnd(80), { bold: true, inverse: true }),
    ...body,
    footLine(view, sort, top, all.length, room),
  ]
}

/** Every pane one after the other, as they come. */
export function wholeText(shown: Shown, panes: readonly PaneName[] = PANES): string {
  const lines = [
    ...headLines(shown),
    ...panes.flatMap(name => {
      const { head, rows, sorts } = PANE[name]
      return [line(''), line(head), ...rows(shown, sorts[0] ?? '')]
    }),
  ]
  return lines.map(spans => `${plain(spans)}\n`).join('')
}

function headLines({ moment }: Shown): Line[] {
  const { version, pid, upSec, workers, conns, frames, problems } = moment
  const threads = counted(workers, 'worker')
  const established = conns.states.established ?? 0
  const health: Line =
    problems.length === 0
      ? line('health ok', { color: 'green' })
      : line(counted(problems.length, 'problem'), { color: 'red' })
  const first = `tapvs ${version}  pid ${pid}  up ${duration(upSec)}  ${threads}`
  const second =
    `conns ${conns.used} (${percent(conns.used, conns.capacity)})  established ${established}  ` +
    `new ${short(conns.opened)}/s  frames ${percent(frames.free, frames.slots)} free`
  return [[...line(first.padEnd(60)), ...health], line(second)]
}

function tabs({ pane }: View): Line {
  return PANES.flatMap((name, i) => [
    { text: ` ${i + 1} ${name} `, ...(name === pane && { inverse: true }) },
    { text: ' ' },
  ])
}

function footLine(view: View, sort: string, top: number, all: number, room: number): Line {
  if (view.failure !== null) return line(view.failure.slice(0, 80), { color: 'red' })
  const parts = [
    'q quit  tab pane  s sort  p pause  h help',
    ...(sort && !view.help ? [`by ${sort}`] : []),
    ...(all > room ? [`${top + 1}-${Math.min(all, top + room)} of ${all}`] : []),
    ...(view.paused ? ['PAUSED'] : []),
  ]
  return line(parts.join('   '), { dim: true })
}
