// `npm test`: the tests that need nothing but Node, in half a minute. `npm test -- WORD...` runs the unit tests whose path has one
// of the words, however long they take. Everything is `sudo ./scripts/test`, which needs root, TAPs, gcc and Chromium.
//
// Whether a test reaches the addon is read off its imports, which is right wherever files are moved to; what they do not tell is
// in the table. What is left out is said, and nothing is left out of scripts/test.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Why a file is not among the quick ones, although its imports would do; by its name, below a folder if several have that name. */
export const NOT_QUICK = {
  account: 'long',
  analyze: 'long',
  'cli/capture': 'root',
  'cli/main': 'long',
  'cli/replay': 'root',
  'config/apart': 'long',
  'config/write': 'long',
  daemon: 'root',
  dependencies: 'long',
  database: 'long',
  drops: 'long', // of the engine and of see
  dumps: 'long',
  'engine/reuse': 'long',
  events: 'long',
  file: 'root', // of the log and of whois
  fullnat: 'long',
  'fuzz/frames': 'long',
  'fuzz/readers': 'long',
  'http/capture': 'long',
  'io/filter': 'root', // cc
  keepalived: 'long',
  lab: 'root',
  live: 'long', // and by the clock: it fails on a machine that is too busy
  'mid-connection': 'long',
  model: 'long',
  'own-file': 'root',
  'play/any': 'long',
  'play/lessons': 'long',
  'play/world': 'long',
  properties: 'long',
  remedy: 'root',
  runner: 'long',
  server: 'long',
  signals: 'root',
  'site/site': 'root', // Chromium, tshark
  'sim/mixed': 'long',
  'sim/sim': 'long',
  'sim/ways': 'long',
  'nic-bpf': 'root',
  'nic-bpf6': 'root',
  'steering-bpf': 'root',
  'steering-bpf6': 'root',
  story: 'long',
  tcpdump: 'root', // tcpdump
  terminal: 'long',
  'top/screen': 'long',
  'verbs/config': 'long',
  'verbs/drain': 'long',
  'ui/conns': 'long',
  'ui/moments': 'long',
  'unit-file': 'root', // systemd-analyze
  verify: 'long',
}

/** Whether the path, of a source or compiled, is that of NOT_QUICK's name. */
export function isNamed(path, name) {
  const folder = name.includes('/') ? `/${dirname(name)}/` : '/'
  return path.includes(folder) && path.replace(/\.test\.[jt]s$/, '').endsWith(`/${basename(name)}`)
}

/** Those that open TAPs in namespaces. */
const NEEDS_ROOT = ['dist/test/kit/tap.js', 'dist/test/kit/lab.js']
/** The addon, and the place of what is compiled with it. */
const NEEDS_ADDON = ['dist/src/io/native.js', 'dist/src/io/built.js']
const IMPORT =
  /^(?:import|export)\b[^;]*?from '(\.[^']+)'|^import '(\.[^']+)'|import\('(\.[^']+)'\)|new URL\('(\.[^']+\.js)'/gm

const known = new Map()

function importsOf(file) {
  if (!known.has(file)) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    const found = [...text.matchAll(IMPORT)].map(([, ...paths]) =>
      join(
        dirname(file),
        paths.find(path => path !== undefined),
      ),
    )
    known.set(file, found)
  }
  return known.get(file)
}

/** All files that a compiled one brings along. */
function reach(file) {
  const reached = new Set([file])
  for (const one of reached) for (const other of importsOf(one)) reached.add(other)
  return reached
}

/** => quick, addon, root or long */
function needs(file) {
  const reached = reach(file)
  if (NEEDS_ROOT.some(path => reached.has(path))) return 'root'
  const told = Object.entries(NOT_QUICK).find(([name]) => isNamed(file, name))?.[1]
  if (told === 'root') return told
  if (NEEDS_ADDON.some(path => reached.has(path))) return 'addon'
  return told ?? 'quick'
}

/** Compiled tests, of sources that are there. */
function tests() {
  return readdirSync('test', { recursive: true })
    .filter(path => path.endsWith('.test.ts'))
    .sort()
    .map(path => `dist/test/${path.slice(0, -3)}.js`)
}

function run(command, args) {
  return spawnSync(command, args, { stdio: 'inherit' }).status ?? 1
}

function fail(text) {
  process.stderr.write(`npm test: ${text}\n`)
  process.exit(1)
}

/** => the files to run, and what is said of the others */
function chosen(words) {
  const unit = tests().filter(path => !path.startsWith('dist/test/lab/'))
  const count = (files, need) => files.filter(file => needs(file) === need).length
  if (words.length === 0) {
    const files = unit.filter(file => needs(file) === 'quick')
    const [addon, root, long] = ['addon', 'root', 'long'].map(need => count(unit, need))
    const text = `${files.length} files; left out: ${long} that take long, ${addon} that need the addon (gcc) and ${root} that need root or what scripts/test installs, and the lab`
    return { files, text: `${text}. All of them: sudo ./scripts/test; one: npm test -- WORD` }
  }
  const named = unit.filter(path => words.some(word => path.includes(word)))
  if (named.length === 0) {
    fail(
      `no unit test has ${words.join(' or ')} in its path; a lab test: sudo ./scripts/test lab WORD`,
    )
  }
  const files = named.filter(file => process.getuid() === 0 || needs(file) !== 'root')
  const left = named.length - files.length
  const text =
    left === 0
      ? ''
      : `left out: ${left} that need root: sudo ./scripts/test unit ${words.join(' ')}`
  if (files.length === 0) fail(text)
  return { files, text }
}

function main() {
  process.chdir(ROOT)
  if (!existsSync('node_modules/.bin/tsc')) fail('nothing is installed yet; run: npm ci')
  if (run('node_modules/.bin/tsc', ['-b', 'test']) !== 0) process.exit(1)
  const { files, text } = chosen(process.argv.slice(2))
  if (
    files.some(file => needs(file) === 'addon') &&
    run('node', ['scripts/build-native.mjs']) !== 0
  )
    process.exit(1)
  const status = run('scripts/node-test', [
    `--test-concurrency=${availableParallelism()}`,
    ...files,
  ])
  if (text !== '') process.stdout.write(`npm test: ${text}\n`)
  process.exit(status)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
