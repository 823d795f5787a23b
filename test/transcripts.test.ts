/** Plays every transcript against a bare engine. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../netns/topology.ts'
import { play } from './kit/transcript.ts'

const folder = join(CHECKOUT, 'test', 'transcripts')

for (const file of readdirSync(folder).filter(name => name.endsWith('.txt'))) {
  test(`transcript ${file}`, () => {
    play(readFileSync(join(folder, file), 'utf8'))
  })
}
