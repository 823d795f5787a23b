/** Guides for people say what is so: what they show was printed, their numbers are those of the code, their commands are read. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../netns/topology.ts'
import { COUNTED, DROP_REASONS } from '../src/api/names.ts'
import { readDpip } from '../src/cli/dpip/command.ts'
import { verbTree } from '../src/cli/grammar/verb-tree.ts'
import { readCommand } from '../src/cli/ipvsadm/command.ts'
import { loadVerbs } from '../src/cli/verbs/all.ts'
import { parseConfig } from '../src/config/config.ts'
import {
  ADDRESSES_MAX,
  CONFIG_ARMS_MAX,
  NIC_SERVERS_MAX,
  REAL_SERVERS_MAX,
} from '../src/config/consistency.ts'
import { withSkeleton } from '../src/config/import/arms.ts'
import { importIpvsadm } from '../src/config/import/ipvsadm.ts'
import { ALL_PREFIXES_MAX, PREFIXES_MAX } from '../src/config/prefix-lists.ts'
import { MODULE_BYTES_MAX } from '../src/config/scheduler-module.ts'
import { fileSchema } from '../src/config/schema.ts'
import { SNAT_ADDRESSES_MAX, SNAT_MAX } from '../src/config/snat.ts'
import { bytesFor } from '../src/control/doctor/machine.ts'
import { LIMITS } from '../src/control/http/limited.ts'
import { ENDS_MOST, ENDS_WITH_STATE } from '../src/control/keeper/keeper.ts'
import { BOOK_CAPACITY, NEIGH_CAPACITY, TEMPLATES } from '../src/control/threads/memory.ts'
import { STALL_MS } from '../src/control/threads/own-scheduler.ts'
import { RESTARTS } from '../src/control/threads/revival.ts'
import { LIPS_MAX } from '../src/engine/conn-layout.ts'
import { arenaSlots, Frames } from '../src/engine/frames.ts'
import { PIECES_MAX } from '../src/engine/held-datagrams.ts'
import { allConnBytes } from '../src/engine/parts.ts'
import { LPORT_FIRST, LPORT_LAST, SaPool } from '../src/engine/sa-pool.ts'
import { EXTENSION_BYTES_MOST } from '../src/wire/ipv6.ts'
import { inside } from './kit/inside.ts'

const read = (path: string) => readFileSync(join(CHECKOUT, path), 'utf8')
const GUIDES = ['concepts', 'moving', 'troubleshooting', 'limits'].map(name => `docs/${name}.md`)

/** Fenced blocks of a kind; '' are those without a word. */
function blocks(path: string, kind: string): string[] {
  const fences = read(path).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)
  return [...fences].filter(([, word]) => word === kind).map(([, , text = '']) => text)
}

test('the index has every document', () => {
  const index = read('docs/README.md')
  const all = readdirSync(join(CHECKOUT, 'docs')).filter(name => name.endsWith('.md'))
  const missing = all.filter(name => name !== 'README.md' && !index.includes(`](${name})`))
  assert.deepEqual(missing, [])
})

test('what documents link to is in the package with them', () => {
  const { files } = JSON.parse(read('package.json'))
  const packed = (path: string) =>
    ['README.md', 'LICENSE', ...files].some(file => path === file || path.startsWith(`${file}/`))
  for (const name of readdirSync(join(CHECKOUT, 'docs')).filter(file => file.endsWith('.md'))) {
    const text = read(`docs/${name}`).replaceAll(/^```[\s\S]*?^```$/gm, '')
    // Sources of the benchmarks are for who has the checkout.
    for (const [, to = ''] of text.matchAll(/\]\(([^)#:\s]+)(?:#[^)\s]+)?\)/g))
      assert.ok(to.startsWith('../bench/') || packed(join('docs', to)), `docs/${name}: ${to}`)
  }
})

test('packets and log lines of docs/concepts.md are those of the transcript', () => {
  const lines = read('test/transcripts/seed-client-close.txt').split('\n')
  const shown = blocks('docs/concepts.md', '').flatMap(text => text.trimEnd().split('\n'))
  assert.ok(shown.length >= 8)
  for (const line of shown) assert.ok(lines.includes(line), line)
})

test('what docs/troubleshooting.md shows was printed', async () => {
  const { stderr } = await inside(['counters', '--socket', '/nonexistent/tapvs.sock'])
  const printed = ['explain-drops.txt', 'explain-conn-idle.txt']
    .map(name => read(`test/goldens/${name}`))
    .concat(stderr.replace('/nonexistent/', '/run/tapvs/'))
  const shown = blocks('docs/troubleshooting.md', '')
  assert.equal(shown.length, 3)
  for (const text of shown) assert.ok(printed.join('\n').includes(text), text)
})

test('docs/troubleshooting.md sorts every drop reason, and each once', () => {
  const text = read('docs/troubleshooting.md')
  const named = text
    .slice(text.indexOf('## Every drop reason'))
    .split('\n')
    .filter(line => line.startsWith('| **'))
    .flatMap(line => [...(line.split(' | ')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name))
  assert.deepEqual(named.sort(), [...DROP_REASONS].sort())
})

test('counters that the guides name are there', () => {
  const keys = JSON.stringify(read('docs/config.md'))
  for (const path of GUIDES) {
    for (const [, name = ''] of read(path).matchAll(/`([a-z0-9]+(?:_[a-z0-9]+)+)`/g)) {
      const known = COUNTED.some(counter => counter === name)
      const other = /^sa_(used|free|miss|pool)$/.test(name) || keys.includes(name)
      assert.ok(known || other, `${path}: ${name}`)
    }
  }
})

test('the rules of docs/moving.md become its config, with its remarks', () => {
  const [rules = ''] = blocks('docs/moving.md', 'rules')
  const imported = importIpvsadm(rules, 'rules')
  const { yaml } = withSkeleton(imported)
  assert.equal(yaml.slice(yaml.indexOf('arms:')), blocks('docs/moving.md', 'yaml')[0])
  const told = imported.notCarried.map(line => `${line} (not carried over)\n`).join('')
  assert.equal(told, blocks('docs/moving.md', 'told')[0])
})

const verbs = verbTree(await loadVerbs())

/** Throws, or fails, if it is no command. */
function readVerb(words: readonly string[]): void {
  const [name, ...rest] = words
  if (name === 'ipvsadm') return void readCommand(rest)
  if (name === 'dpip') return void readDpip(rest)
  let verb = verbs.find(one => one.name === name)
  assert.ok(verb, name)
  let others = rest
  for (let inner = verb; inner; others = others.slice(1)) {
    verb = inner
    const [next] = others
    const found: typeof verb | undefined = inner.verbs.find(one => one.name === next)
    if (!found) break
    inner = found
  }
  const known = ['socket', 'help', 'utc', ...verb.options.flatMap(({ long }) => long)]
  for (const word of others) {
    const option = /^--(?:no-)?([\w-]+)/.exec(word)?.[1]
    if (option !== undefined) assert.ok(known.includes(option), `${name}: --${option}`)
  }
  if (verb.verbs.length > 0) assert.fail(`${name} ${others[0]} is no verb`)
}

test('commands of the guides are read', () => {
  let commands = 0
  for (const path of GUIDES) {
    const text = read(path)
    const lines = [
      ...text.matchAll(/^ {4}tapvs (.+)$/gm),
      ...text.matchAll(/`tapvs ((?!dpip`|ipvsadm`)[^`]+)`/g),
    ]
    for (const [, line = ''] of lines) {
      const words = line.replace(/ > .*/, '').split(/\s+/)
      assert.doesNotThrow(() => readVerb(words), `${path}: tapvs ${line}`)
      commands++
    }
  }
  assert.ok(commands > 50, `${commands} commands`)
})

const ARMS = (lips: number) => `arms:
  - name: ext0
    addresses: [192.0.2.1/24]
  - name: int0
    addresses: [10.0.0.1/24]
    local_addresses: [${Array.from({ length: lips }, (_, i) => `10.0.0.${100 + i}`).join(', ')}]
`
const MIB = 2 ** 20
const thousands = (value: number) => String(value).replace(/(\d)(?=(\d{3})+$)/g, '$1,')

/** Cells of the rows of a document, by the first one. */
function rows(path: string): Map<string, string[]> {
  const lines = read(path)
    .split('\n')
    .filter(line => /^\| [^|-]/.test(line))
  return new Map(lines.map(line => line.slice(2, -2).split(' | ')).map(([k = '', ...r]) => [k, r]))
}

test('bounds in docs/limits.md are those of the code', () => {
  const { table_size: standard } = fileSchema.shape.connections.parse({})
  const of: Record<string, number | number[]> = {
    arms: CONFIG_ARMS_MAX,
    'addresses of arms in one namespace': ADDRESSES_MAX,
    LIPs: LIPS_MAX,
    'addresses of IPv6 that are set up, or that connections still mean': BOOK_CAPACITY,
    'real servers, of all services together': REAL_SERVERS_MAX,
    'real servers that are reached by NAT behind NICs': NIC_SERVERS_MAX,
    connections: standard,
    'lports of a LIP towards a real server': LPORT_LAST - LPORT_FIRST + 1,
    'neighbours, of all arms': NEIGH_CAPACITY,
    'persistent clients': TEMPLATES,
    'prefixes of one list': PREFIXES_MAX,
    'prefixes of all lists together': ALL_PREFIXES_MAX,
    '`snat` entries': SNAT_MAX,
    'addresses of a `snat` entry': SNAT_ADDRESSES_MAX,
    'fragments of a datagram': PIECES_MAX,
    'extension headers of IPv6 that are passed on': EXTENSION_BYTES_MOST,
    'a scheduler of your own': [MODULE_BYTES_MAX, STALL_MS],
    'connections of the API, of each listener': LIMITS.connections,
    'starts of a daemon that fails, within 10 s': [ENDS_MOST, ENDS_WITH_STATE],
    'restarts of a worker that hangs, within a minute': RESTARTS,
  }
  const said = rows('docs/limits.md')
  for (const [what, values] of Object.entries(of)) {
    const numbers: readonly string[] = said.get(what)?.[0]?.match(/\d[\d,]*/g) ?? []
    for (const value of Array.isArray(values) ? values : [values])
      assert.ok(numbers.includes(thousands(value)), `${what}: ${value}`)
  }
  // Those of the schema: what is said is taken, and one more is not.
  const most = (what: string) =>
    Number(
      said
        .get(what)?.[0]
        ?.match(/[\d,]+/)?.[0]
        .replaceAll(',', ''),
    )
  const { workers, connections, fragments } = fileSchema.shape
  const takes = (schema: { safeParse: (value: unknown) => { success: boolean } }, key: string) =>
    [0, 1].map(more => (value: number) => schema.safeParse({ [key]: value + more }).success)
  for (const [check, what] of [
    [takes(workers, 'count'), 'workers'],
    [takes(connections, 'table_size'), 'connections'],
    [takes(fragments, 'datagrams'), 'datagrams that are put together at once'],
  ] as const) {
    assert.deepEqual(
      check.map(one => one(most(what))),
      [true, false],
      what,
    )
  }
})

test('memory in docs/limits.md is what the doctor says', () => {
  const said = rows('docs/limits.md')
  const configs = [...said].filter(([key]) => /^\d+ workers?, /.test(key))
  assert.equal(configs.length, 3)
  for (const [key, [text]] of configs) {
    const [workers, connections, lips] = (key.match(/\d[\d,]*/g) ?? []).map(number =>
      Number(number.replaceAll(',', '')),
    )
    const keys = `workers: { count: ${workers} }\nconnections: { table_size: ${connections} }\n`
    const bytes = bytesFor(parseConfig(ARMS(lips ?? 0) + keys, 'x'))
    assert.equal(text, `${Math.ceil(bytes / MIB)} MiB`, key)
  }
  const parts = {
    'each connection': `${Math.floor(allConnBytes(2 ** 20) / 2 ** 20)} bytes`,
    'each LIP, of all workers together': `${(SaPool.bytesFor({ mask: 0, residue: 0 }) / MIB).toFixed(1)} MiB`,
    'buffers, each worker and arm': `${(Frames.bytesFor(arenaSlots(2)) / 2 / MIB).toFixed(1)} MiB`,
  }
  for (const [key, value] of Object.entries(parts)) assert.equal(said.get(key)?.[0], value, key)
})
