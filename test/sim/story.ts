/** What passed the appliance in a world, in the notation of transcripts (kit/transcript.ts). */

import { decode } from '../kit/decode.ts'
import { printed } from '../kit/printed.ts'
import { Broken } from './broken.ts'
import { configOf } from './config.ts'
import { get16, IP_AT, ipHeader } from './packet.ts'
import type { Plan } from './plan.ts'
import type { Spoil } from './shrink.ts'
import { World } from './world.ts'

const HEAD = `# A transcript plays as it stands with one worker, all lports, MACs that are configured, and nothing that happens beside. Fragments and what came spoilt are told only.`

/** The transcript of a plan's world, up to where it breaks; `spoil` as in shrink.ts. */
export function story(plan: Plan, only?: ReadonlySet<number>, spoil?: Spoil): string {
  const lines = [
    HEAD,
    'config',
    ...configOf(plan)
      .trim()
      .split('\n')
      .map(line => `| ${line}`),
  ]
  let at = 0
  const world: World = new World(plan, only, (arm, bytes, isOut) => {
    const text = wordsOf(bytes)
    const { now } = world.events
    if (!isOut && now > at) lines.push(`wait ${(now - at) / 1000}`)
    if (!isOut) at = now
    const line = `${isOut ? '<' : '>'} dpdk${arm} | ${text.replace(/^# /, '')}`
    lines.push(text.startsWith('# ') ? `# ${line}` : line)
  })
  spoil?.(world)
  try {
    world.run()
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    lines.push(`# ${error.message}`)
  }
  return `${lines.join('\n')}\n`
}

function wordsOf(bytes: Uint8Array): string {
  try {
    const decoded = decode(bytes)
    if (decoded.kind === 'fragment') return `# ${fragmentWords(bytes, decoded)}`
    return printed(decoded)
  } catch (error) {
    // An assertion has lines of its own.
    return `# a frame that no end takes: ${(error as Error).message.split('\n', 1)[0]}`
  }
}

/** What no transcript has a notation for is told. */
function fragmentWords(bytes: Uint8Array, { src, dst }: { src: string; dst: string }): string {
  const word = get16(bytes, IP_AT + 6)
  const from = (word & 0x1fff) * 8
  const to = from + get16(bytes, IP_AT + 2) - ipHeader(bytes)
  const rest = (word & 0x2000) !== 0 ? ', more follow' : ''
  return `${src} > ${dst}: fragment of ID ${get16(bytes, IP_AT + 4)}, bytes ${from} to ${to}${rest}`
}
