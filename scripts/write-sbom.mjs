// The bill of materials of what is shipped, on stdout (CycloneDX, as JSON): `npm run -s sbom`. It is npm's own, of the lockfile, less
// what only builds and tests; what the page is bundled of counts as shipped. The same lockfile gives the same bytes.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = path => JSON.parse(readFileSync(`${ROOT}${path}`, 'utf8'))

/** What ui/src imports; lab/package.test.ts compares it, and what it stands on, with the licenses of the built page. */
const OF_PAGE = ['@dagrejs/dagre', '@preact/signals', 'preact', 'uplot']

/** Names with what they depend on, and so on. */
function closure(names, packages) {
  const all = new Set(names)
  for (const name of all) {
    for (const other of Object.keys(packages[`node_modules/${name}`].dependencies ?? {}))
      all.add(other)
  }
  return all
}

/** => name@version of all that is shipped, as the lockfile has it */
export function shipped() {
  const { packages } = read('package-lock.json')
  const page = closure(OF_PAGE, packages)
  const found = Object.entries(packages).flatMap(([path, { dev, version }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const isOfPage = path === `node_modules/${name}` && page.has(name)
    return path !== '' && (!dev || isOfPage) ? [`${name}@${version}`] : []
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
  // In the lockfile what the page is bundled of is for development.
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
