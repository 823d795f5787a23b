/** Another version of tapvs: a copy of what is built here under another number, whole or spoilt in one way. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from '../../netns/topology.ts'

/** What of dist no installation has. */
const NOT_SHIPPED = ['test', 'bench', 'netns', 'ui', 'ui-node', 'ui-types']

export type Spoilt = [file: RegExp, before: RegExp, after: string]

/** What a version may have wrong; `before` stands in one file of those at least. */
export const SPOILT = {
  /** Its keeper takes it for the daemon, and then it dies. */
  'dies after taking over': [
    /kept\.js$/,
    /\bready\(\) \{/,
    'ready() { setTimeout(() => process.kill(process.pid, "SIGKILL"), 400);',
  ],
  'is never ready': [/kept\.js$/, /\bready\(\) \{/, 'ready() { return;'],
  'cannot start': [/control\/daemon\.js$/, /^/, 'process.exit(7);\n'],
  'has another layout': [/layouts\.js$/, /STATE_LAYOUT = \d+/, 'STATE_LAYOUT = 77'],
} as const satisfies Record<string, Spoilt>

export type Wrong = keyof typeof SPOILT

/** In `folder`. => the path of its bin/tapvs */
export function otherVersion(folder: string, version: string, wrong?: Wrong): string {
  const root = join(folder, `tapvs-${version}`)
  mkdirSync(join(root, 'dist'), { recursive: true })
  const parts = readdirSync(join(CHECKOUT, 'dist')).filter(part => !NOT_SHIPPED.includes(part))
  for (const part of ['bin', 'build', ...parts.map(name => `dist/${name}`)]) {
    const filter = (path: string) => !/\.(d\.ts|map|tsbuildinfo)$/.test(path)
    cpSync(join(CHECKOUT, part), join(root, part), { recursive: true, filter })
  }
  rmSync(join(root, 'dist/bundle/commit'))
  symlinkSync(join(CHECKOUT, 'node_modules'), join(root, 'node_modules'))
  const about = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'))
  writeFileSync(join(root, 'package.json'), JSON.stringify({ ...about, version }))
  if (wrong) spoil(root, SPOILT[wrong])
  const program = join(root, 'bin', 'tapvs')
  assert.ok(existsSync(program))
  chmodSync(program, 0o755)
  return program
}

function spoil(root: string, [file, before, after]: Spoilt): void {
  const paths = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })
  let spoilt = 0
  for (const path of paths.filter(name => file.test(name)).map(name => join(root, 'dist', name))) {
    const text = readFileSync(path, 'utf8')
    if (!before.test(text)) continue
    writeFileSync(path, text.replace(before, after))
    spoilt++
  }
  assert.ok(spoilt > 0, String(before))
  // What is loaded first is one file each, in which constants are no names any more.
  rmSync(join(root, 'dist/bundle'), { recursive: true })
  for (const script of ['scripts/bundle.mjs', 'scripts/commit.mjs'])
    cpSync(join(CHECKOUT, script), join(root, script))
  execFileSync(process.execPath, [join(root, 'scripts/bundle.mjs'), 'kept', 'worker'])
}
