/** Plays every transcript against a bare engine. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { play } from './kit/transcript.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const folder = join(root, 'test', 'transcripts')

for (const file of readdirSync(folder).filter(name => name.endsWith('.txt'))) {
  test(`transcript ${file}`, () => {
    play(readFileSync(join(folder, file), 'utf8'))
  })
}
