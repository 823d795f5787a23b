/** The nodes of a YAML document, gone through once: which pair has a key, what an alias means, which keys are there twice. */

import { isAlias, isMap, isSeq, type Node, type YAMLMap } from 'yaml'
import type { Path } from './source.ts'

type Item = YAMLMap['items'][number]

/** A path from its end to its beginning. */
interface Step {
  step: PropertyKey
  up: Step | null
}

export class ConfigNodes {
  readonly root: unknown
  /** Keys that their mapping had already. */
  readonly twice: { path: Path; key: string; offset: number }[] = []
  readonly #pairs = new Map<unknown, Map<string, Item>>()
  readonly #targets = new Map<unknown, unknown>()

  constructor(root: unknown) {
    this.root = root
    const anchors = new Map<string, unknown>()
    // Not by recursion: a document may be deep.
    const todo: { node: unknown; at: Step | null }[] = [{ node: root, at: null }]
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      const { node, at } = next
      if (isAlias(node)) this.#targets.set(node, anchors.get(node.source))
      else if ((node as Node | null)?.anchor) anchors.set(`${(node as Node).anchor}`, node)
      // Its first child is to be taken next.
      if (isMap(node)) for (const inner of this.#map(node, at).reverse()) todo.push(inner)
      else if (isSeq(node)) {
        for (let i = node.items.length - 1; i >= 0; i--) {
          todo.push({ node: node.items[i], at: { step: i, up: at } })
        }
      }
    }
  }

  /** What an alias stands for; other nodes are what they are. */
  resolve(node: unknown): unknown {
    return isAlias(node) ? this.#targets.get(node) : node
  }

  /** The last pair of a mapping with this key. */
  pairOf(map: unknown, key: string): Item | undefined {
    return this.#pairs.get(map)?.get(key)
  }

  #map(map: YAMLMap, at: Step | null) {
    const pairs = new Map<string, Item>()
    this.#pairs.set(map, pairs)
    return map.items.flatMap(item => {
      const key = String(item.key)
      if (pairs.has(key)) {
        this.twice.push({ path: pathOf(at), key, offset: startOf(item.key) ?? 0 })
      }
      pairs.set(key, item)
      return [
        { node: item.key, at },
        { node: item.value, at: { step: key, up: at } },
      ]
    })
  }
}

export function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}

function pathOf(last: Step | null): Path {
  const path: PropertyKey[] = []
  for (let at = last; at !== null; at = at.up) path.push(at.step)
  return path.reverse()
}
