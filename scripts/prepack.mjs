// Makes what `npm pack` and `npm publish` put into the package: the bundles, the page, the addons of all machines that a release is for, and
// the bill of materials. Run by npm, in a checkout. `npm publish` takes only what is fit for a release.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commitOf } from './commit.mjs'
import { missing } from './fit.mjs'
import { sbom } from './write-sbom.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}

run('node_modules/typescript/bin/tsc', '-b')
run('node_modules/vite/bin/vite.js', 'build', '--config', 'ui/vite.config.ts', '--logLevel', 'warn')
run('scripts/build-native.mjs', '--prebuild')

run('scripts/bundle.mjs')
writeFileSync(join(root, 'sbom.cdx.json'), `${JSON.stringify(sbom(), null, 2)}\n`)

const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const lacks = missing(about, commitOf(), root)
if (process.env.npm_command === 'publish' && lacks.length > 0) {
  process.stderr.write(`prepack: not fit for a release: no ${lacks.join('; no ')}\n`)
  process.exit(1)
}
