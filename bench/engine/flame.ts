/**
 * A flame graph of the packet path: V8's own sampling profile of established traffic and of lives, drawn as SVG. What
 * prepares frames is left out, so that the picture shows what the engine does.
 *
 *   node dist/bench/engine/flame.js docs/figures/engine-flame.svg
 */

import { writeFileSync } from 'node:fs'
import { type Profiler, Session } from 'node:inspector/promises'
import { Clients } from './clients.ts'
import { Established } from './established.ts'
import { Lives } from './lives.ts'
import { Rig } from './rig.ts'

/** One function on one stack; `ms` includes what it calls. */
export interface Frame {
  name: string
  ms: number
  calls: Map<string, Frame>
}

/** Where the picture begins: what the loop calls per burst, and the tick. */
const ROOTS = ['judgeBurst', 'tick']
const WIDTH = 1000
const ROW = 18
/** Narrower boxes say nothing. */
const NARROWEST = 0.5

/** Samples of a profile as one tree below `roots`. */
export function flameTree(profile: Profiler.Profile, roots: readonly string[]): Frame {
  const nodes = new Map(profile.nodes.map(node => [node.id, node]))
  const parent = new Map<number, number>()
  for (const { id, children } of profile.nodes)
    for (const child of children ?? []) parent.set(child, id)
  const total: Frame = { name: 'all', ms: 0, calls: new Map() }
  profile.samples?.forEach((sample, i) => {
    const stack: string[] = []
    for (let id: number | undefined = sample; id !== undefined; id = parent.get(id)) {
      stack.unshift(nodes.get(id)?.callFrame.functionName || '(anonymous)')
    }
    const from = stack.findIndex(name => roots.includes(name))
    if (from < 0) return
    const ms = (profile.timeDeltas?.[i] ?? 0) / 1000
    let frame = total
    total.ms += ms
    for (const name of stack.slice(from)) {
      const next = frame.calls.get(name) ?? { name, ms: 0, calls: new Map() }
      frame.calls.set(name, next)
      next.ms += ms
      frame = next
    }
  })
  return total
}

/** The tree as SVG, callers below; a box's width is its share. */
export function flameSvg(tree: Frame): string {
  const boxes: string[] = []
  let depth = 0
  const draw = (frame: Frame, x: number, level: number) => {
    depth = Math.max(depth, level)
    let at = x
    for (const called of [...frame.calls.values()].sort((a, b) => b.ms - a.ms)) {
      const width = (called.ms / tree.ms) * WIDTH
      if (width >= NARROWEST) boxes.push(box(called, at, level, width, tree.ms))
      draw(called, at, level + 1)
      at += width
    }
  }
  draw(tree, 0, 0)
  const height = depth * ROW
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 ${-height} ${WIDTH} ${height}" font-family="monospace" font-size="11">
<rect y="${-height}" width="${WIDTH}" height="${height}" fill="white"/>
${boxes.join('\n')}
</svg>
`
}

function box({ name, ms }: Frame, x: number, level: number, width: number, all: number): string {
  const text = name.replace(/[&<>]/g, c => `&#${c.charCodeAt(0)};`)
  const share = ((ms / all) * 100).toFixed(1)
  const hue = 20 + ([...name].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 40)
  const y = -(level + 1) * ROW
  const label = width > name.length * 7 + 6 ? text : text.slice(0, Math.max(0, width / 7 - 1))
  return (
    `<g><title>${text} ${share} %</title>` +
    `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="hsl(${hue} 80% 62%)"/>` +
    `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${label}</text></g>`
  )
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
