// Compiles src/io/native/*.c into build/arm.node and the program of its folder launcher/ into build/unprivileged; run by npm's `install` script and by hand. A package from npm carries
// binaries for x64 and arm64 in prebuilds/ (made by `--prebuild`, for the other one by Debian's cross compiler), and nothing is compiled where they load.
//
// `--sanitize` also makes build/sanitized/arm.node, with AddressSanitizer and UBSan.
//
// One compiler call, no node-gyp: node-api-headers carries the headers, so nothing is downloaded,
// and a few C files need no generated makefile (and no Python). A fresh Debian needs only gcc and
// libc6-dev. Node-API is stable across Node versions, so the binary is built again only when it is
// stale or does not load.

import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const script = fileURLToPath(import.meta.url)
const native = fileURLToPath(new URL('../src/io/native/', import.meta.url))
const folder = fileURLToPath(new URL('../build/', import.meta.url))
const binary = `${folder}arm.node`
const launcher = `${folder}unprivileged`
const prebuilds = fileURLToPath(new URL('../prebuilds/', import.meta.url))
// As in src/io/built.ts.
const prebuilt = `${prebuilds}${process.platform}-${process.arch}/`
// Only a checkout has it: there the sources are what counts, and a prebuilt binary may be old.
const isCheckout = existsSync(fileURLToPath(new URL('../tsconfig.json', import.meta.url)))

const PACKAGES = 'apt-get install gcc libc6-dev'
/** What a package has binaries for, and which compilers make them elsewhere. */
const MACHINES = [
  { arch: 'x64', cc: 'x86_64-linux-gnu-gcc', from: 'gcc-x86-64-linux-gnu libc6-dev-amd64-cross' },
  {
    arch: 'arm64',
    cc: 'aarch64-linux-gnu-gcc',
    from: 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
  },
]
const FLAGS = '-O2 -Wall -Wextra -Werror -std=c11'.split(' ')
const OF_ADDON = '-fvisibility=hidden -fPIC -shared'.split(' ')
// What is undefined ends the process at once: the traps need no library of their own.
const SANITIZED =
  '-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fsanitize-undefined-trap-on-error'

const files = readdirSync(native).map(name => native + name)
const sources = files.filter(file => file.endsWith('.c'))
const launcherSource = `${native}launcher/unprivileged.c`
const inputs = [...files.filter(file => /\.[ch]$/.test(file)), launcherSource, script]

const modified = file => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0

function loads(file) {
  try {
    require(file)
    return true
  } catch {
    return false // for another architecture or C library, or half a file
  }
}

function runs(file) {
  return spawnSync(file, ['/bin/true']).status === 0
}

function fail(message) {
  process.stderr.write(`build-native: ${message}\n`)
  process.exit(1)
}

function headers() {
  try {
    return require('node-api-headers').include_dir
  } catch {
    return fail('the npm package node-api-headers is missing; run: npm install')
  }
}

function compile(words, output, compiler = process.env.CC?.trim() || 'cc') {
  const [cc, ...ccFlags] = compiler.split(/\s+/) // CC may be 'ccache gcc'
  const args = [...ccFlags, ...FLAGS, ...words, '-o', output]
  const { error, status, signal } = spawnSync(cc, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (error)
    return `no C compiler (${cc}: ${error.code}) and no binary for this machine; run: ${PACKAGES}`
  if (status !== 0)
    return `${cc} failed (${signal ?? `exit ${status}`}); if a header is missing run: ${PACKAGES}`
  return null
}

function build(output, words) {
  mkdirSync(folder, { recursive: true })
  // Built aside and renamed: a build that is killed never leaves half a file, and a process that
  // has the old binary mapped keeps its own inode.
  const aside = `${output}.${process.pid}.tmp`
  const failure = compile(words, aside)
  if (failure) {
    rmSync(aside, { force: true })
    fail(failure)
  }
  renameSync(aside, output)
}

/** Into prebuilds/: what was built here, and the same for the other machines. */
function prebuild() {
  rmSync(prebuilds, { recursive: true, force: true })
  for (const { arch, cc, from } of MACHINES) {
    const to = `${prebuilds}linux-${arch}/`
    mkdirSync(to, { recursive: true })
    if (arch === process.arch) {
      for (const file of [binary, launcher]) copyFileSync(file, `${to}${basename(file)}`)
      continue
    }
    const failure = BUILT.map(([name, , , words]) => compile(words(), `${to}${name}`, cc)).find(
      Boolean,
    )
    if (!failure) continue
    rmSync(to, { recursive: true })
    process.stderr.write(
      `build-native: NO BINARIES FOR ${arch}: what is packed is not fit for a release; apt-get install ${from}\n`,
    )
  }
}

const BUILT = [
  ['arm.node', binary, loads, () => [...OF_ADDON, '-I', headers(), ...sources]],
  ['unprivileged', launcher, runs, () => [launcherSource]],
]
const newest = Math.max(...inputs.map(modified))
for (const [name, output, works, words] of BUILT) {
  const isStale = modified(output) <= newest || !works(output)
  if (isStale && (isCheckout || !works(`${prebuilt}${name}`))) build(output, words())
}
if (process.argv.includes('--sanitize')) {
  // It loads only into a process that has the library of AddressSanitizer already: scripts/soak native.
  mkdirSync(`${folder}sanitized`, { recursive: true })
  build(`${folder}sanitized/arm.node`, [
    ...[...SANITIZED.split(' '), ...OF_ADDON, '-I', headers()],
    ...sources,
  ])
}
if (process.argv.includes('--prebuild')) prebuild()
