/** Whatever a daemon says to its keeper: the keeper lives, holds what it was told to and no more, and gives the next one just that. */

import { test } from 'node:test'
import { fuzzKeeper } from './keeper/run.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_129)

test(`five daemons that mean no good, of seed ${SEED}`, () => fuzzKeeper(SEED))
