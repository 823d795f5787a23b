// Makes dist/bundle of what the compiler has put into dist/src, because a file for each module takes several times as long to load:
//
// - kept.cjs and worker.cjs, one file each: what a daemon starts with before all else. Our own code only.
// - program/: the command line and the rest of a daemon, with the packages that they need, in parts that are loaded when they are used; only what
//   has an addon stays in node_modules. licenses.md has the packages' notices.
// - client/: `tapvs/client`, with its types and those of zod that they stand on, so that who uses it needs no package either.
//
// and `commit`, of which all this was built. All of it is as it was written, so that stacks can be read. Names of bundles as arguments: these only (without `program`, dist/src is run).

import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commitOf } from './commit.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const COMPILED = join(ROOT, 'dist/src')
const FOLDER = join(ROOT, 'dist/bundle')
const SINGLE = { kept: 'cli/kept', worker: 'control/threads/worker' }
/** What is run by bin/tapvs, and what others start by its file (control/system/built-file.ts). */
const PROGRAM = [
  'cli/main',
  'control/keeper/keeper',
  'config/thread',
  'control/ui/conns/thread',
  'control/whois/sqlite',
]
// The last one is only asked for by ink, when DEV=true, and not there.
const APART = ['libsql', 'netlink', 'react-devtools-core']

async function built(input, output, more = {}) {
  const { build } = await import('vite')
  const { build: with_ = {}, ...rest } = more
  const made = await build({
    ...{ root: ROOT, configFile: false, publicDir: false, logLevel: 'error', ...rest },
    build: {
      ...{ ssr: true, write: false, minify: false, target: 'esnext', ...with_ },
      rolldownOptions: {
        ...{ input, output },
        // A package that is not found would be left to be loaded.
        onLog: (level, { message }) => {
          if (level === 'warn') throw new Error(message)
        },
      },
    },
  })
  return made.output
}

/** => text by file name */
async function single(name) {
  return { [`${name}.cjs`]: await ownFile(SINGLE[name], 'cjs') }
}

/** => what this source and all that it imports are as one file; no package is in it */
async function ownFile(path, format) {
  const [{ code, imports }, ...more] = await built(join(COMPILED, `${path}.js`), { format })
  const foreign = imports.filter(from => !from.startsWith('node:'))
  if (more.length > 0 || foreign.length > 0)
    throw new Error(`${path} would not be one file of our own code: ${foreign}`)
  return code
}

/** The same of the program. */
async function program() {
  const input = Object.fromEntries(PROGRAM.map(path => [path, join(COMPILED, `${path}.js`)]))
  const output = {
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: 'parts/[name]-[hash].js',
  }
  const made = await built(input, output, {
    ssr: { noExternal: true, external: APART },
    // React brings itself twice, and draws faster as this one.
    define: { 'process.env.NODE_ENV': '"production"' },
    build: { license: { fileName: 'licenses.md' } },
  })
  return Object.fromEntries(
    made.map(({ fileName, code, source }) => [`program/${fileName}`, code ?? source]),
  )
}

const CLIENT = 'client/index'
const ZOD = join(ROOT, 'node_modules/zod')
const OF_TYPES = /(\bfrom |\bimport\()(['"])([^'"]+)\2/g

/** Where `from`, a declaration, finds `name`; undefined if it is Node's. */
function declaration(from, name) {
  if (name === 'zod') return join(ZOD, 'index.d.ts')
  return name.startsWith('.') ? join(from, '..', name).replace(/\.[jt]s$/, '.d.ts') : undefined
}

/** => all declarations that the client's stand on, text by file name: our own, and those of zod beside them */
function clientTypes() {
  const first = join(COMPILED, `${CLIENT}.d.ts`)
  const found = new Map([[first, '']])
  const place = path =>
    path.startsWith(ZOD) ? `zod/${relative(ZOD, path)}` : `tapvs/${relative(COMPILED, path)}`
  for (const path of found.keys()) {
    const text = readFileSync(path, 'utf8').replace(OF_TYPES, (whole, before, quote, name) => {
      const to = declaration(path, name)
      if (to === undefined) return whole
      if (!found.has(to)) found.set(to, '')
      const way = relative(join(place(path), '..'), place(to)).replace(/\.d\.ts$/, '.js')
      return `${before}${quote}${way.startsWith('.') ? way : `./${way}`}${quote}`
    })
    found.set(path, text)
  }
  const files = [...found].map(([path, text]) => [`client/types/${place(path)}`, text])
  const license = readFileSync(join(ZOD, 'LICENSE'), 'utf8')
  return { ...Object.fromEntries(files), 'client/types/zod/LICENSE': license }
}

/** The client, one file, and its types. */
async function client() {
  return { 'client/index.js': await ownFile(CLIENT, 'es'), ...clientTypes() }
}

/** What they are made of, in a number. */
export function stamp() {
  const hash = createHash('sha256')
  const files = readdirSync(COMPILED, { recursive: true, encoding: 'utf8' }).filter(file =>
    /\.(js|d\.ts)$/.test(file),
  )
  const paths = files.sort().map(file => join(COMPILED, file))
  for (const path of [
    ...paths,
    fileURLToPath(import.meta.url),
    join(ROOT, 'node_modules/.package-lock.json'),
  ])
    if (existsSync(path)) hash.update(path.slice(ROOT.length)).update(readFileSync(path))
  return hash.digest('hex')
}

function write(file, text) {
  const path = join(FOLDER, file)
  mkdirSync(join(path, '..'), { recursive: true })
  // A process that starts meanwhile reads the one or the other.
  const aside = `${path}.${process.pid}.tmp`
  writeFileSync(aside, text)
  renameSync(aside, path)
}

/** Parts first, and then what loads them. */
function writeProgram(files) {
  const names = Object.keys(files)
  const isPart = name => name.startsWith('program/parts/')
  for (const name of [...names.filter(isPart), ...names.filter(name => !isPart(name))])
    write(name, files[name])
  const parts = join(FOLDER, 'program/parts')
  for (const name of readdirSync(parts))
    if (!(`program/parts/${name}` in files)) rmSync(join(parts, name))
}

function writeAll(files) {
  for (const [file, text] of Object.entries(files)) write(file, text)
}

/** Makes those of these names. */
async function make(names) {
  for (const name of names) {
    if (name === 'program') writeProgram(await program())
    else if (name === 'client') writeAll(await client())
    else writeAll(await single(name))
  }
}

const STAMP = join(FOLDER, 'made-of')

/** For `tapvs --version`: another commit need not be another program. */
function writeCommit() {
  const commit = `${commitOf()}\n`
  const file = join(FOLDER, 'commit')
  if (!existsSync(file) || readFileSync(file, 'utf8') !== commit) write('commit', commit)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2)
  if (names.length > 0) await make(names)
  else {
    const now = stamp()
    if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== now) {
      rmSync(STAMP, { force: true })
      await make([...Object.keys(SINGLE), 'client', 'program'])
      write('made-of', now)
    }
    writeCommit()
  }
}
