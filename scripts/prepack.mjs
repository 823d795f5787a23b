// Makes what `npm pack` and `npm publish` put into the package: dist/src compiled and nothing else in it, the page, the addon for
// this machine's architecture, and the bill of materials. Run by npm, in a checkout.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
