/** What passed the appliance in a world, in the notation of transcripts (kit/transcript.ts). */

import { decode } from '../kit/decode.ts'
import { printed } from '../kit/printed.ts'
import { Broken } from './broken.ts'
import { configOf } from './config.ts'
import type { Plan } from './plan.ts'
import type { Spoil } from './shrink.ts'
import { World } from './world.ts'

const HEAD = `# A transcript plays as it stands with one worker, all lports, MACs that are configured, and nothing that happens beside.`

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
    lines.push(text.startsWith('#') ? text : `${isOut ? '<' : '>'} dpdk${arm} | ${text}`)
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
    return printed(decode(bytes))
  } catch (error) {
    return `# a frame that no end takes: ${(error as Error).message}`
  }
}
