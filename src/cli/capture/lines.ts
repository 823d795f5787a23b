/** Moments as lines: the time, the arm, the frame in tcpdump's words, and the note. */

import { frameText } from '../../see/frame/frame-text.ts'
import type { Moment } from '../../see/moments/moment.ts'
import { noteOf } from '../../see/moments/note.ts'
import { timeText } from '../../see/text/times.ts'
import { type MomentsQuery, moments } from '../daemon/moments.ts'
import { print } from '../terminal/common.ts'
import { Stop, tellEnd } from './stop.ts'

export interface Limits {
  /** Packets; what happens without one is shown and not counted. */
  count?: number
  seconds?: number
}

/** Until a limit, a signal or the end of what there is; then says on stderr how much there was. */
export async function printMoments(
  socket: string,
  query: MomentsQuery,
  { count = Number.POSITIVE_INFINITY, seconds }: Limits,
): Promise<void> {
  const stop = new Stop(seconds)
  let packets = 0
  let lost = 0
  try {
    const all = moments(socket, {
      ...query,
      signal: stop.signal,
      lost: records => {
        lost += records
      },
    })
    for await (const moment of all) {
      print(`${lineOf(moment)}\n`)
      if (moment.kind !== 'event') packets++
      stop.saw(moment.atUs)
      if (packets >= count || stop.signal.aborted) break
    }
  } finally {
    stop.end()
  }
  tellEnd(packets, lost)
}

/** `08:15:01.123456+01:00 ext0 In  IP 202.108.10.2.33896 > ...: Flags [S], ... | pair 17 in from client | ...` */
export function lineOf(moment: Moment): string {
  const note = noteOf(moment)
  const time = timeText(moment.atUs, Date.now() * 1000)
  // The note of an event has its own time, which is for files.
  if (moment.kind === 'event') return `${time} ${note.replace(/^at \S+ /, '')}`
  const way = moment.kind === 'in' ? 'In ' : 'Out'
  return `${time} ${moment.arm} ${way} ${frameText(moment.bytes, moment.length)} | ${note}`
}
