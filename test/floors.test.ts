/** Floors and rooms of src, as src/README.md has them: what may import what. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../netns/topology.ts'
import { imports, sources } from './kit/sources.ts'

const read = (path: string) => readFileSync(join(CHECKOUT, path), 'utf8')

/** What a file of src imports, as paths from src. */
const graph = new Map(
  sources('src').map(({ path, text }) => [
    path.slice(4),
    imports(text)
      .filter(from => from.startsWith('.'))
      .map(from => join(dirname(path), from).slice(4)),
  ]),
)

const PAGE = read('src/README.md')

/** Cells of the rows that begin with a name in backquotes. */
const ROWS = [...PAGE.matchAll(/^\| `([\w/*.-]+)` \|(.*)\|$/gm)].map(
  ([, name = '', cells = '']) => ({
    name,
    cells: cells.split(' | ').map(cell => cell.trim()),
  }),
)

/** Floors from top to bottom, and what each stands on. */
const FLOORS = new Map(
  ROWS.filter(({ name }) => !name.includes('/')).map(({ name, cells }) => [
    name,
    (cells[1] ?? '').split(', ').filter(other => other !== ''),
  ]),
)
const ROOMS = ROWS.map(({ name }) => name).filter(name => name.includes('/'))

const floorOf = (path: string) => path.split('/')[0] ?? ''

/** Of a floor with rooms: the one that the file is in, the outer one if it is in a room of a room. */
function roomOf(path: string): string {
  const [floor, room] = path.split('/')
  return path.split('/').length > 2 ? `${floor}/${room}` : `${floor}/*.ts`
}

/** The files of a circle in order, if there is one. */
function circle(next: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>()
  const way: string[] = []
  const follow = (path: string): string[] | undefined => {
    if (way.includes(path)) return way.slice(way.indexOf(path))
    if (done.has(path)) return undefined
    way.push(path)
    for (const other of next.get(path) ?? []) {
      const found = follow(other)
      if (found !== undefined) return found
    }
    way.pop()
    done.add(path)
    return undefined
  }
  for (const path of next.keys()) {
    const found = follow(path)
    if (found !== undefined) return found
  }
  return undefined
}

/** Packages that a file of src brings as it is loaded, by what it imports for more than types. */
function packagesOf(path: string, seen = new Set<string>()): Set<string> {
  const found = new Set<string>()
  if (seen.has(path)) return found
  seen.add(path)
  for (const [, from = ''] of read(`src/${path}`).matchAll(/^import (?!type\b)[^'"]*'([^']+)'/gm)) {
    if (!from.startsWith('.')) found.add(from)
    else for (const one of packagesOf(join(dirname(path), from), seen)) found.add(one)
  }
  return found
}

test('listings are not kept waiting for the library of schemas', () => {
  assert.ok(packagesOf('cli/verbs/config.ts').size > 0 && packagesOf('config/schema.ts').has('zod'))
  for (const verb of ['ipvsadm', 'dpip']) {
    const packages = [...packagesOf(`cli/verbs/${verb}.ts`)].filter(
      from => !from.startsWith('node:'),
    )
    assert.deepEqual(packages, [], verb)
  }
})

test('every import leads to a file of src', () => {
  assert.ok(graph.size > 300, `${graph.size} files`)
  for (const [path, targets] of graph)
    for (const target of targets) assert.ok(graph.has(target), `${path} imports ${target}`)
})

test('src/README.md has a row for each floor, and what it stands on is what the compiler is told', () => {
  assert.deepEqual([...FLOORS.keys()].sort(), [...new Set([...graph.keys()].map(floorOf))].sort())
  const order = [...FLOORS.keys()]
  for (const [floor, below] of FLOORS) {
    for (const other of below) assert.ok(order.indexOf(other) > order.indexOf(floor), floor)
    const { references = [] } = JSON.parse(read(`src/${floor}/tsconfig.json`))
    const told = (references as { path: string }[]).map(({ path }) => path.split('/')[1])
    assert.deepEqual([...new Set(told)].sort(), [...below].sort(), floor)
  }
})

test('a floor imports from those that it stands on', () => {
  for (const [path, targets] of graph) {
    const below = FLOORS.get(floorOf(path)) ?? []
    for (const target of targets) {
      const isBelow = floorOf(target) === floorOf(path) || below.includes(floorOf(target))
      assert.ok(isBelow, `${path} imports ${target}`)
    }
  }
})

test('a room imports from those further down', () => {
  const floors = new Set(ROOMS.map(floorOf))
  assert.deepEqual([...floors].sort(), ['cli', 'config', 'control', 'see'])
  for (const [path, targets] of graph) {
    if (!floors.has(floorOf(path))) continue
    const place = ROOMS.indexOf(roomOf(path))
    assert.ok(place >= 0, `src/README.md has no row for ${roomOf(path)}`)
    for (const target of targets.filter(other => floorOf(other) === floorOf(path)))
      assert.ok(ROOMS.indexOf(roomOf(target)) >= place, `${path} imports ${target}`)
  }
})

test('src/README.md names every folder, and none that has gone', () => {
  const folders = new Set([...graph.keys()].map(path => dirname(path)))
  for (const folder of folders) assert.match(PAGE, new RegExp(`\`${folder}(/\\*\\.ts)?\``), folder)
  for (const room of ROOMS) assert.ok(folders.has(room.replace(/\/\*\.ts$/, '')), room)
})

test('no files import one another in a circle, types neither', () => {
  const made = new Map([
    ['a', ['b', 'd']],
    ['b', ['c']],
    ['c', ['b']],
    ['d', []],
  ])
  assert.deepEqual(circle(made), ['b', 'c'])
  assert.equal(circle(graph), undefined)
})

test('the pictures of the house in README.md and ARCHITECTURE.md have every floor', () => {
  for (const path of ['README.md', 'ARCHITECTURE.md']) {
    const fences = [...read(path).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    const pictures = fences.filter(([, kind]) => kind === '').map(([, , text = '']) => text)
    const isWhole = (picture: string) =>
      [...FLOORS.keys()].every(floor => new RegExp(`\\b${floor}\\b`).test(picture))
    assert.ok(pictures.some(isWhole), path)
  }
})
