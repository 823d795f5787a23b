// `npm run site`: the playground's script, and around it the documents as pages. All of it is dist/site, made anew.

import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const site = join(root, 'dist', 'site')

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

/** The page's colours; the dark ones are worn when the system says so, without a script. */
function colours() {
  const text = readFileSync(join(root, 'ui/src/css/tokens.css'), 'utf8')
  const dark = ':root[data-theme="dark"] {'
  if (!text.includes(dark)) throw new Error('ui/src/css/tokens.css has no dark theme')
  const [light, rest] = text.split(dark)
  return `${light}@media (prefers-color-scheme: dark) {\n:root {${rest}}\n`
}

run(
  'node_modules/vite/bin/vite.js',
  'build',
  '--config',
  'site/vite.config.ts',
  '--logLevel',
  'warn',
)
run('node_modules/@11ty/eleventy/cmd.cjs', '--config=site/eleventy.config.mjs')
writeFileSync(
  join(site, 'site.css'),
  colours() + readFileSync(join(root, 'site/css/site.css'), 'utf8'),
)
cpSync(join(root, 'ui/public/icon.svg'), join(site, 'icon.svg'))
