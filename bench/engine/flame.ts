/**
 * A flame graph of the packet path: V8's own sampling profile of established traffic and of lives, drawn as SVG. What
 * prepares frames is left out, so that the picture shows what the engine does.
 *
 *   node dist/bench/engine/flame.js docs/figures/engine-flame.svg
 */

import { writeFileSync } from 'node:fs'
import { type Profiler, Session } from 'node:inspector/promises'
import { addStack, type Flame, flameSvg, newFlame } from '../flame.ts'
import { Clients } from './clients.ts'
import { Established } from './established.ts'
import { Lives } from './lives.ts'
import { Rig } from './rig.ts'

/** Where the picture begins: what the loop calls per burst, and the tick. */
const ROOTS = ['judgeBurst', 'tick']

/** Samples of a profile as one tree below `roots`. */
export function flameTree(profile: Profiler.Profile, roots: readonly string[]): Flame {
  const nodes = new Map(profile.nodes.map(node => [node.id, node]))
  const parent = new Map<number, number>()
  for (const { id, children } of profile.nodes)
    for (const child of children ?? []) parent.set(child, id)
  const tree = newFlame()
  profile.samples?.forEach((sample, i) => {
    const stack: string[] = []
    for (let id: number | undefined = sample; id !== undefined; id = parent.get(id)) {
      stack.unshift(nodes.get(id)?.callFrame.functionName || '(anonymous)')
    }
    const from = stack.findIndex(name => roots.includes(name))
    if (from < 0) return
    addStack(tree, stack.slice(from), profile.timeDeltas?.[i] ?? 0)
  })
  return tree
}

async function main(file: string): Promise<void> {
  const clients = new Clients(new Rig({ conns: 1024 }), 1024)
  clients.open()
  const traffic = new Established(clients)
  const lives = new Lives(new Rig({ conns: 1 << 17 }))
  const work = () => {
    traffic.run(200_000)
    lives.run(2000)
  }
  for (let i = 0; i < 10; i++) work()
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 100 })
  await session.post('Profiler.start')
  for (let i = 0; i < 60; i++) work()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  writeFileSync(file, flameSvg(flameTree(profile, ROOTS)))
}

const file = process.argv[2]
if (import.meta.url === `file://${process.argv[1]}` && file !== undefined) await main(file)
