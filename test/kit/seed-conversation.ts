/** The seed's conversation on any stand: what the RS says is addressed to the lport and acknowledges the numbers that it has there. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from '../../netns/topology.ts'
import { WAN } from './connection.ts'
import type { TcpFields } from './frame.ts'
import { Numbers, parseTcp } from './notation.ts'
import type { Stand } from './stand.ts'

const SEED_ISN = 2976553321

/** Arm and segment of each line of the seed's transcript that goes in. */
export const SEED_SEGMENTS = readFileSync(
  join(CHECKOUT, 'test/transcripts/seed-client-close.txt'),
  'utf8',
)
  .split('\n')
  .filter(line => line.startsWith('> '))
  .map(line => line.slice(2).split(' | ') as [arm: string, segment: string])

/** 20 ms between two segments. */
export function seedConversation(stand: Stand): void {
  const numbers = new Numbers()
  let syn: { sport: number; seq: number } | undefined
  for (const [arm, line] of SEED_SEGMENTS) {
    const fields = parseTcp(numbers.of(line))
    if (arm === WAN) {
      const out = stand.forward(arm, fields)
      syn ??= out
    } else if (syn) stand.forward(arm, ofStand(fields, syn))
    stand.pass(20)
  }
}

function ofStand(fields: TcpFields, syn: { sport: number; seq: number }): TcpFields {
  return { ...fields, dport: syn.sport, ack: ((fields.ack ?? 0) - SEED_ISN + syn.seq) >>> 0 }
}
