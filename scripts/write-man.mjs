/** Writes the man pages to man/; `npm run man` compiles what they are made from first. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { verbTree } from '../dist/src/cli/grammar/verb-tree.js'
import { manualPages } from '../dist/src/cli/manual/manual.js'
import { loadVerbs } from '../dist/src/cli/verbs/all.js'

const folder = new URL('../man/', import.meta.url)
mkdirSync(folder, { recursive: true })
for (const [name, text] of manualPages(verbTree(await loadVerbs())))
  writeFileSync(new URL(name, folder), text)
