/**
 * The ladder in a terminal, from 80 columns on:
 *
 *      seconds client                     VIP         LIP                      RS
 *     0.000000 │── S 0 win 29200 ─────────▶│ SYN_RECV  │── S 0 win 29200 ───────▶│
 *              │ seq +3107328973, TOA 202.108.10.2:33896 added                   │
 *
 * An arrow has a label inside it, or above it if that is too long. With `ascii` only ASCII is used.
 */

import type { AnyForwarding } from '../../api/words.ts'
import { printable } from '../text/printable.ts'
import { instantText } from '../text/times.ts'
import type { ConnEnds } from '../words/ends.ts'
import { keepsClient } from '../words/forwarding.ts'
import { ansi, type Paint } from './colours.ts'
import { changesText, fateText, legLabels, methodLegend, whoText } from './labels.ts'
import type { ConnRow, LadderRow, NoteRow, PacketRow } from './ladder.ts'
import type { Leg } from './leg.ts'

export interface LadderTextOptions {
  /** Columns of the terminal; fewer than 80 are taken as 80. */
  width: number
  ascii: boolean
  colours: boolean
  /** Sequence numbers as on the wire, below each arrow. */
  absolute: boolean
  /** Connections come mixed: each line tells its own by a number, and offsets are those of the whole ladder. */
  mixed: boolean
}

/** Where a leg's arrow ends. */
type Tip = 'there' | 'lost'

const TIME = 11
const TAG = 6
/** The longest state, ESTABLISHED, with the appliance's two rails. */
const BOX = 13
const LEAST = 80

const GLYPHS = {
  lines: { rail: '│', dash: '─', right: '▶', left: '◀', lost: '✗', note: '·' },
  ascii: { rail: '|', dash: '-', right: '>', left: '<', lost: 'X', note: '*' },
}

export class LadderText {
  readonly #options: LadderTextOptions
  readonly #glyphs: (typeof GLYPHS)['lines']
  readonly #outer: number
  readonly #inner: number
  readonly #tag: number
  readonly #width: number
  #firstUs: number | undefined
  /** The connection of the last row. */
  #last: number | undefined

  constructor(options: LadderTextOptions) {
    this.#options = options
    this.#glyphs = options.ascii ? GLYPHS.ascii : GLYPHS.lines
    this.#tag = options.mixed ? TAG : 0
    this.#width = Math.max(LEAST, options.width)
    const gaps = this.#width - this.#tag - TIME - BOX - 2
    this.#outer = gaps >> 1
    this.#inner = gaps - this.#outer
  }

  /** The line that names the columns: of all connections, or of those that are forwarded so. */
  heading(forwarding?: AnyForwarding): string {
    const [vip, lip, far] = columnsOf(forwarding)
    const client = 'client'.padEnd(this.#outer + 1)
    const box = `${vip}${lip.padStart(BOX - vip.length)}`
    const left = 'seconds '.padStart(this.#tag + TIME)
    return this.#paint('dim', `${left}${client}${box}${far.padStart(this.#inner + 1)}`)
  }

  /** The lines of a row. */
  lines(row: LadderRow): string[] {
    this.#firstUs ??= row.atUs
    if (row.kind === 'conn') {
      this.#last = row.conn
      return this.#conn(row)
    }
    const lines = row.kind === 'note' ? this.#note(row) : this.#packet(row)
    // Where connections come one after another, what belongs to none needs its own head.
    if (this.#options.mixed || row.conn === this.#last) return lines
    this.#last = row.conn
    const title = row.conn === 0 ? 'of no connection' : `connection ${row.conn} goes on`
    return ['', this.#paint('bold', title), this.heading(), ...lines]
  }

  #conn(row: ConnRow): string[] {
    const words = [
      `connection ${row.conn}`,
      `at ${instantText(row.atUs)}:`,
      row.ends.protocol,
      ...endsWords(row.ends),
    ]
    const lines = [words, methodLegend(row.ends)]
      .flatMap(part => wrap(part, this.#width - this.#tag))
      .map(line => this.#paint('bold', line))
    if (this.#options.mixed) return lines.map(line => `${this.#tagOf(row)}${line}`)
    return ['', ...lines, this.heading(row.ends.forwarding)]
  }

  #note(row: NoteRow): string[] {
    const words = `${this.#glyphs.note} ${row.text}`.split(' ')
    return this.#besideRails(row, words, 'yellow', true)
  }

  #packet(row: PacketRow): string[] {
    const toRs = row.toward === 'rs'
    const refused = row.fate === 'dropped' || row.fate === 'unsent'
    const far: Tip = row.fate === 'unsent' ? 'lost' : 'there'
    const near: Tip = row.fate === 'dropped' ? 'lost' : 'there'
    const colour: Paint = refused
      ? 'red'
      : row.again === null
        ? toRs
          ? 'cyan'
          : 'green'
        : 'magenta'
    const outer = this.#arrow(row.outer, this.#outer, toRs, toRs ? near : far, colour)
    const inner = this.#arrow(row.inner, this.#inner, toRs, toRs ? far : near, colour)
    const lines: string[] = []
    const above = Math.max(outer.above.length, inner.above.length)
    for (let i = 0; i < above; i++) {
      const at = i - above
      lines.push(this.#rails(row, outer.above.at(at) ?? '', '', inner.above.at(at) ?? '', false))
    }
    const state = row.state ?? ''
    const changed = row.state !== row.stateBefore && row.state !== null
    const middle = this.#paint(changed ? 'bold' : 'plain', center(state, BOX - 2))
    lines.push(this.#rails(row, outer.arrow, middle, inner.arrow, true))
    if (this.#options.absolute) {
      const numbers = [absoluteText(row.outer, this.#outer), absoluteText(row.inner, this.#inner)]
      lines.push(this.#rails(row, numbers[0] ?? '', '', numbers[1] ?? '', false))
    }
    const details = [
      ...whoText(row),
      ...(row.again ? [row.again] : []),
      ...fateText(row),
      ...changesText(row.changes),
    ]
    if (details.length > 0)
      lines.push(
        ...this.#besideRails(row, details.join(', ').split(' '), refused ? 'red' : 'dim', false),
      )
    return lines
  }

  /** The leg's arrow in a gap of `width` columns, and its label if that had to go above it. */
  #arrow(
    leg: Leg | null,
    width: number,
    right: boolean,
    tip: Tip,
    colour: Paint,
  ): { arrow: string; above: string[] } {
    const { dash, lost, left: toLeft, right: toRight } = this.#glyphs
    if (leg === null) return { arrow: ' '.repeat(width), above: [] }
    const end = tip === 'lost' ? lost : right ? toRight : toLeft
    const labels = legLabels(leg, this.#options.ascii)
    // Blanks around the label, the tip behind it and a dash before it; more dashes if there is room.
    const label = labels.find(text => text.length <= width - 4)
    const inside = label === undefined ? '' : ` ${label} `
    const lead = dash.repeat(Math.min(2, width - 1 - inside.length))
    const tail = dash.repeat(Math.max(0, width - 1 - lead.length - inside.length))
    const arrow = right ? `${lead}${inside}${tail}${end}` : `${end}${tail}${inside}${lead}`
    const above = label === undefined ? wrap((labels.at(-1) ?? '').split(' '), width) : []
    return { arrow: this.#paint(colour, arrow), above }
  }

  /** A line with all four rails. The three parts are as wide as their places or shorter; what is painted is as wide. */
  #rails(row: LadderRow, outer: string, middle: string, inner: string, timed: boolean): string {
    const { rail } = this.#glyphs
    const parts = [
      this.#lead(row, timed),
      rail,
      outer.padEnd(this.#outer),
      rail,
      middle === '' ? ' '.repeat(BOX - 2) : middle,
      rail,
      inner.padEnd(this.#inner),
      rail,
    ]
    return parts.join('')
  }

  /** Words between the outermost rails. */
  #besideRails(row: LadderRow, words: string[], colour: Paint, timed: boolean): string[] {
    const { rail } = this.#glyphs
    const width = this.#outer + BOX + this.#inner - 2
    return wrap(words, width).map((text, i) => {
      const lead = this.#lead(row, timed && i === 0)
      return `${lead}${rail} ${this.#paint(colour, text.padEnd(width))} ${rail}`
    })
  }

  #lead(row: LadderRow, timed: boolean): string {
    const sinceUs = this.#options.mixed ? row.atUs - (this.#firstUs ?? row.atUs) : row.sinceUs
    const time = timed ? `${secondsText(sinceUs)} ` : ''
    return this.#tagOf(row) + this.#paint('dim', time.padStart(TIME))
  }

  #tagOf({ conn }: LadderRow): string {
    if (this.#tag === 0) return ''
    const text = (conn === 0 ? '-' : `#${conn}`).padEnd(TAG - 1)
    return `${this.#paint(conn === 0 ? 'dim' : TAG_COLOURS[conn % TAG_COLOURS.length], text)} `
  }

  #paint(paint: Paint | undefined, text: string): string {
    return this.#options.colours && paint !== undefined ? ansi(paint, text) : printable(text)
  }
}

/** Of the VIP's side, of the LIP's and of the far end; a host inside speaks to an end outside, which no VIP stands for. */
function columnsOf(forwarding: AnyForwarding | undefined): [vip: string, lip: string, far: string] {
  if (forwarding === 'snat') return ['', 'LIP', 'outside']
  return ['VIP', keepsClient(forwarding) ? '' : 'LIP', 'RS']
}

function endsWords({ client, vip, lip, rs, forwarding }: ConnEnds): string[] {
  if (forwarding === 'snat') return [`client ${client},`, `LIP ${lip},`, `outside ${rs}`]
  const own = keepsClient(forwarding) ? [] : [`LIP ${lip},`]
  return [`client ${client},`, `VIP ${vip},`, ...own, `RS ${rs}`]
}

const TAG_COLOURS: readonly Paint[] = ['cyan', 'green', 'yellow', 'magenta', 'blue', 'red']

function absoluteText(leg: Leg | null, width: number): string {
  if (!leg?.segment) return ''
  const { seq, ack, flags } = leg.segment
  if (!flags.includes('.')) return `${seq}`
  const text = `${seq} ack ${ack}`
  return text.length <= width ? text : `${seq}/${ack}`
}

/** Words filled into lines of `width` columns; one that is longer has a line of its own, cut. */
function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of words) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length > width && line !== '') {
      lines.push(line)
      line = word
    } else line = longer
    line = line.slice(0, width)
  }
  if (line !== '') lines.push(line)
  return lines
}

function center(text: string, width: number): string {
  const left = (width - text.length) >> 1
  return `${' '.repeat(Math.max(0, left))}${text}`.padEnd(width)
}

/** Seconds with µs: 12.345678 */
function secondsText(us: number): string {
  return (us / 1e6).toFixed(6)
}
