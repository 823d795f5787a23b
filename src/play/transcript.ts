/** A scenario that was played as a transcript for test/transcripts: what went in, and all that came of it. */

import type { Played, Step } from './played.ts'
import { linkOf } from './scenario.ts'

export function transcriptOf(played: Played): string {
  const { scenario, yaml, steps, used } = played
  const { workers, worker, isn } = scenario
  return [
    `# Made by the playground of ${linkOf(scenario)}`,
    `set workers ${workers} worker ${worker}${isn === 0 ? '' : ` isn ${isn}`} arp answered`,
    'config',
    ...yaml
      .trimEnd()
      .split('\n')
      .map(line => `| ${line}`),
    ...steps.flatMap(linesOf),
    `conns ${used}`,
    '',
  ].join('\n')
}

function linesOf({ given, sent, drop, said }: Step): string[] {
  const first =
    'packet' in given ? `> ${numbered(given.packet, given.seq)}` : `wait ${given.waitMs / 1000}`
  return [
    first,
    ...sent.map(line => `< ${line}`),
    ...(drop === null ? [] : [`drop ${drop}`]),
    // Editors eat blanks at the end.
    ...said.map(line => `log ${line.replace(/ $/, ' ~')}`),
  ]
}

/** tcpdump leaves out the number of what has no payload; behind a retransmission nobody could tell it. */
function numbered(line: string, seq: number | null): string {
  return seq === null || line.includes(', seq ')
    ? line
    : line.replace(/Flags \[.*?\]/, `$&, seq ${seq}`)
}
