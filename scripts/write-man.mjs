/** Writes the man pages to man/; `npm run man` compiles what they are made from first. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { verbTree } from '../dist/src/cli/grammar/verb-tree.js'
import { manualPages } from '../dist/src/cli/manual/manual.js'
import { loadVerbs } from '../dist/src/cli/verbs/all.js'

const read = path => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const folder = new URL('../man/', import.meta.url)
mkdirSync(folder, { recursive: true })
const tree = verbTree(await loadVerbs())
const pages = manualPages(tree, read('docs/config.md'), read('examples/minimal.yaml'))
for (const [name, text] of pages) writeFileSync(new URL(name, folder), text)
