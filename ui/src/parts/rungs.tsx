/** Rows of a ladder: a packet is an arrow on each side of the balancer. */

import { Component } from 'preact'
import { useState } from 'preact/hooks'
import { flagWords } from '../../../src/page/format.ts'
import { type Heading, headed, type Numbered } from '../../../src/page/headings.ts'
import { changesText, fateText, legLabels, whoText } from '../../../src/see/ladder/labels.ts'
import type { LadderRow, NoteRow, PacketRow } from '../../../src/see/ladder/ladder.ts'
import type { Leg } from '../../../src/see/ladder/leg.ts'
import { counted } from '../../../src/see/text/counted.ts'
import type { ConnEnds } from '../../../src/see/words/ends.ts'
import { keepsClient, methodWords } from '../../../src/see/words/forwarding.ts'

/** Refused, here or by the device. */
const FAILED: ReadonlySet<string> = new Set(['dropped', 'unsent'])

/** All of them, below the names of the four rails. `ends` are those of connections that began. */
export function LadderRows({
  rows,
  ends,
}: {
  rows: readonly Numbered[]
  ends: ReadonlyMap<number, ConnEnds>
}) {
  return (
    <>
      <div class="rung ladder-head" aria-hidden="true">
        <span class="rung-time">since start</span>
        <span class="end end-client">client</span>
        <span class="end end-vip">VIP</span>
        <span class="end end-lip">LIP</span>
        <span class="end end-rs">RS</span>
      </div>
      <ol class="rungs">
        {headed(rows, ends).map(({ key, ...one }) =>
          one.heading ? (
            <Opening key={key} heading={one.heading} />
          ) : (
            <Rung key={key} row={one.row} />
          ),
        )}
      </ol>
    </>
  )
}

/** A row does not change once it is there, and hundreds of them are drawn again with each new one. */
export class Rung extends Component<{ row: NoteRow | PacketRow }> {
  override shouldComponentUpdate(next: { row: NoteRow | PacketRow }): boolean {
    return next.row !== this.props.row
  }

  override render() {
    const { row } = this.props
    return row.kind === 'note' ? <Note row={row} /> : <Packet row={row} />
  }
}

function since(us: number): string {
  return `${(us / 1e6).toFixed(6)} s`
}

/** Its number, as in the heading above it: rows of several connections may be mixed. */
function When({ row: { conn, sinceUs } }: { row: LadderRow }) {
  return (
    <span class="rung-time">
      <span class="rung-number">{numberOf(conn)}</span> {since(sinceUs)}
    </span>
  )
}

function numberOf(conn: number): string {
  return conn === 0 ? '–' : `#${conn}`
}

/** What the rows below it belong to. */
export function Opening({ heading: { conn, ends, goesOn } }: { heading: Heading }) {
  const more = goesOn && conn !== 0 ? ' goes on' : ''
  if (!ends)
    return (
      <li class="rung rung-conn">
        <span class="rung-time">
          <span class="rung-number">{numberOf(conn)}</span>
          {more}
        </span>
        <span class="end end-client">{conn === 0 ? 'of no connection' : ''}</span>
      </li>
    )
  return (
    <li class="rung rung-conn">
      <span class="rung-time">
        <span class="rung-number">{numberOf(conn)}</span>
        {more}
      </span>
      <span class="end end-client">{ends.client}</span>
      <span class="end end-vip">{ends.vip}</span>
      <Lip ends={ends} />
      <span class="end end-rs">{ends.rs}</span>
    </li>
  )
}

/** The LIP, or what there is instead. */
function Lip({ ends }: { ends: ConnEnds }) {
  const { name, about } = methodWords(ends)
  const by = name === 'FullNAT' ? '' : `by ${name}`
  const lip = keepsClient(ends.forwarding) ? [] : [ends.lip]
  return (
    <span class="end end-lip" title={about}>
      {[...lip, by].join(' ')}
    </span>
  )
}

function Note({ row }: { row: NoteRow }) {
  return (
    <li class="rung rung-note">
      <When row={row} />
      <span class="rung-text">
        <span class="said">{row.text}</span>
      </span>
    </li>
  )
}

function Packet({ row }: { row: PacketRow }) {
  const [open, setOpen] = useState(false)
  const failed = FAILED.has(row.fate)
  const said = [...whoText(row), ...fateText(row), ...(row.again ? [row.again] : [])]
  const changed = changesText(row.changes)
  // Of what DR changes, the MACs, no word is worth the room.
  const shown = changed.length > 0 ? [changed.join(', ')] : []
  const amount = counted(row.changes.length, 'change')
  return (
    <li class={`rung rung-packet${failed ? ' rung-failed' : ''}`} data-fate={row.fate}>
      <When row={row} />
      <LegCell leg={row.outer} row={row} side="outer" />
      <span class="rung-state">
        <State row={row} />
        {row.changes.length > 0 && (
          <button
            type="button"
            class="changes-button"
            title={[...shown, `show all of ${amount}`].join(': ')}
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            {shown[0] ?? amount}
          </button>
        )}
      </span>
      <LegCell leg={row.inner} row={row} side="inner" />
      {said.length > 0 && (
        <span class="rung-text">
          <span class={failed ? 'said bad' : 'said'}>{said.join(' · ')}</span>
        </span>
      )}
      {open && <Changes row={row} />}
    </li>
  )
}

function State({ row: { stateBefore, state } }: { row: PacketRow }) {
  if (state === null) return null
  if (stateBefore === state) return <span class="state">{state}</span>
  return (
    <span class="state state-new" title={`${stateBefore ?? 'no connection'} before`}>
      {state}
    </span>
  )
}

/** The arrow towards whoever gets it; without one there is only the rail. */
function LegCell({ leg, row, side }: { leg: Leg | null; row: PacketRow; side: 'outer' | 'inner' }) {
  if (!leg) return <span class={`leg leg-${side}`} />
  const labels = legLabels(leg, false)
  const label = inWords(labels.at(-1) ?? '', leg)
  // What was refused did not get through: neither into the box, nor out of it.
  const near = (side === 'outer') === (row.toward === 'rs')
  const lost = row.fate === 'dropped' || (row.fate === 'unsent' && !near)
  const from = row.toward === 'rs' ? 'from the left' : 'from the right'
  return (
    <span class={`leg leg-${side}`} title={`${labels[0]}, ${leg.length} bytes on the wire`}>
      <span class="leg-label">{label}</span>
      <span class="visually-hidden">
        {from}
        {lost ? ', lost' : ''}
      </span>
      <span class={`arrow arrow-${row.toward}${lost ? ' arrow-lost' : ''}`} aria-hidden="true" />
    </span>
  )
}

/** tcpdump's letters and bare numbers are for those who know them. */
function inWords(label: string, { segment }: Leg): string {
  if (!segment) return label
  const [, ...rest] = label.split(' ')
  const numbers = rest.join(' ')
  const words = /^\d/.test(numbers) ? `seq ${numbers}` : numbers
  return `${flagWords(segment.bits)} ${words}`
}

function Changes({ row: { changes } }: { row: PacketRow }) {
  return (
    <table class="changes">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Came</th>
          <th scope="col">Left</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(({ what, before, after }) => (
          <tr key={`${what} ${before}`}>
            <th scope="row">{what.replaceAll('_', ' ')}</th>
            <td>{before || 'none'}</td>
            <td>{after || 'none'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
