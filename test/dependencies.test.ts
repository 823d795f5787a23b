/** What others wrote is pinned, has its reason in docs/dependencies.md and a license that we may use, and is in the bill of materials. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../netns/topology.ts'
import { sources } from './kit/sources.ts'

const read = (path: string) => readFileSync(join(CHECKOUT, path), 'utf8')

interface Locked {
  version: string
  license?: string
  integrity?: string
  resolved?: string
  dev?: boolean
  hasInstallScript?: boolean
}

const own = JSON.parse(read('package.json'))
const { '': _, ...locked }: Record<string, Locked> = JSON.parse(read('package-lock.json')).packages
const page = read('docs/dependencies.md')

/** Names in backquotes in the first column of a section's table. */
function rows(heading: string): string[] {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`) + 1).split('\n## ')[0] ?? ''
  const lines = [...section.matchAll(/^\| `([^`]+)` \| (\S.*?) \|/gm)]
  return lines.map(([, name = '']) => name)
}

/** What is bundled is for development, as npm sees it. */
const { IN_PAGE, IN_PROGRAM, bundled, sbom } = await import(
  join(CHECKOUT, 'scripts/write-sbom.mjs')
)
const inside: Set<string> = bundled([...IN_PAGE, ...IN_PROGRAM], locked)
const isShipped = ([path, { dev }]: [string, Locked]) => !dev || inside.has(path)

test('each dependency has its reason, and no reason is left of one that has gone', () => {
  const runTime = Object.keys({ ...own.dependencies, ...own.optionalDependencies })
  assert.deepEqual(rows('At run time'), runTime.sort())
  assert.deepEqual(rows('In the program'), IN_PROGRAM)
  assert.deepEqual(rows('In the page'), IN_PAGE)
  assert.deepEqual(
    [...IN_PROGRAM, ...IN_PAGE, ...rows('To build and to test')].sort(),
    Object.keys(own.devDependencies).sort(),
  )
})

const importsOf = (folder: string) =>
  sources(folder).flatMap(({ text }) =>
    [...text.matchAll(/ from '((?:@[\w-]+\/)?[\w-]+)[^']*'/g)].map(([, name = '']) => name),
  )

test('what page and program are bundled of is what their sources import', () => {
  const ofPage = [...importsOf('ui/src'), ...importsOf('src/page')]
  assert.deepEqual([...new Set(ofPage)].sort(), IN_PAGE)
  // Of the last only types.
  const others = [...ofPage, ...rows('At run time'), 'node', 'openapi-types']
  const ofProgram = [...new Set(importsOf('src'))].filter(name => !others.includes(name))
  assert.deepEqual(ofProgram.sort(), IN_PROGRAM)
})

test('every version is pinned: an exact one in package.json, a hash and no foreign address in the lockfile', () => {
  const { dependencies, devDependencies, optionalDependencies, overrides } = own
  const asked = { ...dependencies, ...devDependencies, ...optionalDependencies, ...overrides }
  for (const [name, version] of Object.entries(asked)) {
    assert.match(version as string, /^\d+\.\d+\.\d+$/, name)
    assert.equal(locked[`node_modules/${name}`]?.version, version, name)
  }
  for (const [path, { integrity = '', resolved }] of Object.entries(locked)) {
    assert.match(integrity, /^sha512-[\w+/]{86}==$/, path)
    // One that is left out is the registry's.
    if (resolved !== undefined) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path)
  }
})

test('there are not more than the page says', () => {
  const count = Number(/ (\d+) packages in the lockfile/.exec(page)?.[1])
  assert.equal(Object.values(locked).filter(({ dev }) => !dev).length, count)
})

test('every license is one that we may use', () => {
  const always = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0']
  const atRunTime = [...always, '(MIT OR CC0-1.0)', 'MIT OR Apache-2.0']
  const toBuild = [...atRunTime, 'MPL-2.0', 'BlueOak-1.0.0', 'CC-BY-4.0', 'Python-2.0', 'Unlicense']
  for (const [path, { license }] of Object.entries(locked)) {
    const allowed = isShipped([path, locked[path] as Locked]) ? atRunTime : toBuild
    assert.ok(license !== undefined && allowed.includes(license), `${path}: ${license}`)
  }
})

test('one of them has a script at installation, which is not needed', () => {
  const scripts = Object.entries(locked).filter(([, { hasInstallScript }]) => hasInstallScript)
  assert.deepEqual(
    scripts.map(([path]) => path),
    ['node_modules/netlink'],
  )
})

test('the bill of materials has what the lockfile ships, hash by hash, and is the same each time', () => {
  const bill = sbom()
  assert.deepEqual(bill, sbom())
  const { bomFormat, specVersion, components, metadata } = bill
  assert.deepEqual([bomFormat, specVersion], ['CycloneDX', '1.5'])
  assert.equal(metadata.component.name, 'tapvs')
  const found = new Map<string, string>()
  for (const { name, version, hashes, licenses } of components) {
    assert.equal(licenses.length, 1, name)
    found.set(`${name}@${version}`, Buffer.from(hashes[0].content, 'hex').toString('base64'))
  }
  const shipped = Object.entries(locked).filter(isShipped)
  const names = shipped.map(
    ([path, { version }]) => `${path.replace(/.*node_modules\//, '')}@${version}`,
  )
  for (const [i, [path, { integrity }]] of shipped.entries())
    assert.equal(`sha512-${found.get(names[i] as string)}`, integrity, path)
  for (const name of names) found.delete(name)
  assert.deepEqual([...found.keys()], [])
})
