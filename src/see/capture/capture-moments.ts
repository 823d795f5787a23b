/** Moments out of a capture that was written with notes; what the notes leave out is empty. */

import type { FrameIn, FrameOut, Happening, Moment } from '../moments/moment.ts'
import { type Note, parseNote } from '../moments/note.ts'
import type { Captured, CapturedPacket } from './captured.ts'

/** In the order of the file. Packets without a note are passed over, because nothing is known of what was done with them. */
export function momentsOfCapture(captured: Captured): Moment[] {
  const moments: Moment[] = []
  for (const packet of captured.packets) {
    const notes = packet.comments.map(parseNote).filter(note => note !== null)
    moments.push(...happenings(notes))
    const note = notes.find(({ kind }) => kind !== 'event')
    const arm = captured.interfaces[packet.interface]?.name ?? ''
    if (note !== undefined) moments.push(frameOf(packet, note, arm))
  }
  moments.push(...happenings(captured.endComments.map(parseNote).filter(note => note !== null)))
  return moments
}

function happenings(notes: readonly Note[]): Happening[] {
  return notes.flatMap(({ kind, atUs, worker, pair, conn, said }) =>
    kind === 'event' && atUs !== null ? [{ kind, atUs, worker, pair, conn, said }] : [],
  )
}

function frameOf(packet: CapturedPacket, note: Note, arm: string): FrameIn | FrameOut {
  const { pair, worker, direction, conn, gsoSize, partial } = note
  const frame = {
    atUs: Number(packet.atNs / 1000n),
    worker,
    pair,
    conn,
    direction,
    arm,
    length: packet.length,
    bytes: packet.bytes,
    gsoSize,
    partial,
  }
  if (note.kind === 'out') {
    return { kind: 'out', ...frame, changes: note.changes, own: note.own, drop: note.drop }
  }
  const { states, said } = note
  return { kind: 'in', ...frame, states, said, verdict: note.verdict ?? { done: true } }
}
