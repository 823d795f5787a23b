// `test-groups.mjs FILE...`, compiled unit tests => the files to run in their place, one a line. Most of what a small file costs is its
// process, and what that loads: files that touch nothing but what they make share one, a dozen each, made in dist/test/groups.
//
// Not those with hooks for each test of a file, that look at or change what a process has only one of, or that are long by
// themselves (scripts/npm-test.mjs): these run as they are.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isNamed, NOT_QUICK } from './npm-test.mjs'

const EACH = 12
const FOLDER = 'dist/test/groups'
const OWN_PROCESS =
  /^(beforeEach|afterEach)\(|process\.(argv|chdir|cpuUsage|env|execArgv|exitCode|kill|memoryUsage|on\(|std|title|umask)|setFlagsFromString|mock\.|globalThis|million-frames|kit\/tap\.ts|^\/\/ own process:/m

function isLong(file) {
  return Object.entries(NOT_QUICK).some(([name, why]) => why === 'long' && isNamed(file, name))
}

function mayShare(file) {
  const source = file.replace(/^dist\/(.*)\.js$/, '$1.ts')
  return !isLong(file) && !OWN_PROCESS.test(readFileSync(source, 'utf8'))
}

const files = process.argv.slice(2)
const shared = files.filter(mayShare)
rmSync(FOLDER, { recursive: true, force: true })
mkdirSync(FOLDER, { recursive: true })
const groups = Array.from({ length: Math.ceil(shared.length / EACH) }, (_, at) => {
  const group = `${FOLDER}/${at}.test.js`
  const imports = shared
    .slice(at * EACH, (at + 1) * EACH)
    .map(file => `import '../../../${file}'\n`)
  writeFileSync(group, imports.join(''))
  return group
})
const own = files.filter(file => !shared.includes(file))
console.log([...own, ...groups].join('\n'))
