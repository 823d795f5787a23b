// The bill of materials of what is shipped, on stdout (CycloneDX, as JSON): `npm run -s sbom`. It is npm's own, of the lockfile, less
// what only builds and tests; what page and program are bundled of counts as shipped. The same lockfile gives the same bytes.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = path => JSON.parse(readFileSync(`${ROOT}${path}`, 'utf8'))

/**
 * What is bundled, of the page and of the program: for npm it is for development, like what only builds. test/dependencies.test.ts compares
 * both with the tables in docs/dependencies.md, and lab/package.test.ts what they bring along with the licenses of the bundles.
 */
export const IN_PAGE = ['@dagrejs/dagre', '@preact/signals', 'preact', 'uplot']
export const IN_PROGRAM = [
  ...[
    '@fastify/swagger',
    'fastify',
    'fastify-type-provider-zod',
    'ink',
    'react',
    'winston',
    'yaml',
  ],
  ...['yargs', 'zod'],
]

/** Where Node finds a package that the one at `from` asks for: beside it, or beside one that it is in. */
function place(from, name, packages) {
  for (let folder = from; ; folder = folder.slice(0, folder.lastIndexOf('/node_modules/'))) {
    const path = `${folder}/node_modules/${name}`
    if (path in packages) return path
    if (!folder.includes('/node_modules/')) break
  }
  const path = `node_modules/${name}`
  return path in packages ? path : undefined
}

/** => the places in the lockfile of what is bundled: those of these names, what they depend on, and so on */
export function bundled(names, packages) {
  const all = new Set(names.map(name => `node_modules/${name}`))
  for (const path of all) {
    for (const name of Object.keys(packages[path].dependencies ?? {})) {
      const found = place(path, name, packages)
      if (found === undefined) throw new Error(`${path}: ${name} is not in the lockfile`)
      all.add(found)
    }
  }
  return all
}

/** => name@version of all that is shipped, as the lockfile has it */
export function shipped() {
  const { packages } = read('package-lock.json')
  const inside = bundled([...IN_PAGE, ...IN_PROGRAM], packages)
  const found = Object.entries(packages).flatMap(([path, { dev, version }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    return path !== '' && (!dev || inside.has(path)) ? [`${name}@${version}`] : []
  })
  return new Set(found)
}

export function sbom() {
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx']
  const { status, stdout, stderr, error } = spawnSync('npm', args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  if (status !== 0) throw new Error(`npm sbom failed: ${error?.message ?? stderr}`)
  const bill = JSON.parse(stdout)
  const { name, version } = read('package.json')
  const wanted = shipped().add(`${name}@${version}`)
  const isShipped = ref => wanted.has(ref.replace(/^(@?[^@]+@[^@|]+).*/, '$1'))
  // A number by chance and the time of day would make each one another.
  delete bill.serialNumber
  delete bill.metadata.timestamp
  // It would be that of the folder.
  bill.metadata.component.name = name
  bill.components = bill.components.filter(part => wanted.has(`${part.name}@${part.version}`))
  // In the lockfile what is bundled is for development.
  for (const part of bill.components) {
    const others = part.properties.filter(({ name }) => name !== 'cdx:npm:package:development')
    if (others.length < part.properties.length) part.scope = 'required'
    part.properties = others
  }
  bill.dependencies = bill.dependencies
    .filter(({ ref }) => isShipped(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isShipped) }))
  return bill
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(`${JSON.stringify(sbom(), null, 2)}\n`)
