/** Flame graphs: stacks of functions as one tree, and the tree as SVG. A box's width is the share of samples in it. */

/** One function on one stack; `weight` includes what it calls. */
export interface Flame {
  name: string
  weight: number
  calls: Map<string, Flame>
}

const WIDTH = 1000
const ROW = 18
/** Narrower boxes say nothing. */
const NARROWEST = 0.5

export function newFlame(name = 'all'): Flame {
  return { name, weight: 0, calls: new Map() }
}

/** Adds a sample: the functions of its stack, the outermost first. */
export function addStack(tree: Flame, stack: readonly string[], weight: number): void {
  let frame = tree
  frame.weight += weight
  for (const name of stack) {
    const next = frame.calls.get(name) ?? newFlame(name)
    frame.calls.set(name, next)
    next.weight += weight
    frame = next
  }
}

/** The tree as SVG, callers below. */
export function flameSvg(tree: Flame): string {
  const boxes: string[] = []
  let depth = 0
  const draw = (frame: Flame, x: number, level: number) => {
    let at = x
    for (const called of [...frame.calls.values()].sort((a, b) => b.weight - a.weight)) {
      const width = (called.weight / tree.weight) * WIDTH
      if (width >= NARROWEST) {
        boxes.push(box(called, at, level, width, tree.weight))
        depth = Math.max(depth, level + 1)
        draw(called, at, level + 1)
      }
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

function box(
  { name, weight }: Flame,
  x: number,
  level: number,
  width: number,
  all: number,
): string {
  const share = ((weight / all) * 100).toFixed(1)
  const hue = 20 + ([...name].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 40)
  const y = -(level + 1) * ROW
  const label = name.slice(0, Math.max(0, Math.trunc((width - 6) / 7)))
  return (
    `<g><title>${escaped(name)} ${share} %</title>` +
    `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="hsl(${hue},80%,62%)"/>` +
    `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(label)}</text></g>`
  )
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, c => `&#${c.charCodeAt(0)};`)
}
