// Makes one file each of what a daemon starts with before all else: dist/bundle/kept.cjs and worker.cjs, of what the compiler has put into
// dist/src. A file for each module takes four times as long to load, and Node has to load what loads modules. They hold our own code only, as it is, so that stacks can be read.

import { mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const COMPILED = join(ROOT, 'dist/src')
const FOLDER = join(ROOT, 'dist/bundle')
const ENTRIES = { kept: 'cli/kept.js', worker: 'control/threads/worker.js' }

/** => name and text of each bundle */
export async function bundles() {
  const { build } = await import('vite')
  const made = Object.entries(ENTRIES).map(async ([name, entry]) => {
    const { output } = await build({
      ...{ root: ROOT, configFile: false, publicDir: false, logLevel: 'error' },
      build: {
        ...{ ssr: join(COMPILED, entry), write: false, minify: false, target: 'esnext' },
        rolldownOptions: {
          output: { format: 'cjs' },
          // A package that is not found would be left to be loaded.
          onLog: (level, { message }) => {
            if (level === 'warn') throw new Error(message)
          },
        },
      },
    })
    const [{ code, imports }, ...more] = output
    const foreign = imports.filter(from => !from.startsWith('node:'))
    if (more.length > 0 || foreign.length > 0)
      throw new Error(`${name}.cjs would not be one file of our own code: ${foreign}`)
    return [`${name}.cjs`, code]
  })
  return Promise.all(made)
}

const modified = file => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Whether something has been compiled since. */
function areStale() {
  const oldest = Math.min(
    ...Object.keys(ENTRIES).map(name => modified(join(FOLDER, `${name}.cjs`))),
  )
  const compiled = readdirSync(COMPILED, { recursive: true, encoding: 'utf8' })
  return compiled.some(file => file.endsWith('.js') && modified(join(COMPILED, file)) >= oldest)
}

if (process.argv[1] === fileURLToPath(import.meta.url) && areStale()) {
  mkdirSync(FOLDER, { recursive: true })
  for (const [name, code] of await bundles()) {
    // A process that starts meanwhile reads the one or the other.
    const aside = join(FOLDER, `${name}.${process.pid}.tmp`)
    writeFileSync(aside, code)
    renameSync(aside, join(FOLDER, name))
  }
}
