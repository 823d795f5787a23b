/**
 * The long form, which scripts/soak runs: `node --expose-gc dist/test/fuzz/main.js MINUTES [TARGET [SEED]]`. Exit code 1 at the first
 * fault, which is printed with what shows it.
 */

import { soakFrames } from './frames/soak.ts'
import { soakKeeper } from './keeper/run.ts'
import { READERS } from './readers/all.ts'
import type { Plan, Read } from './readers/target.ts'

/** Each has its share of the time; `say` takes a line. */
type Say = (line: string) => void
type Soak = (end: number, seed: number, say: Say) => void | Promise<void>

/** Inputs from one seed. */
const EPISODE = 50_000

function reader(fuzz: (plan: Plan) => Promise<Read>): Soak {
  return async (end, first, say) => {
    let total = 0
    for (let seed = first; performance.now() < end; seed++) {
      const { inputs, taken, found, blocks } = await fuzz({ seed, inputs: EPISODE, end })
      total += inputs
      say(`${total}; seed ${seed}: ${taken} taken, ${found} kept, ${blocks} blocks reached`)
    }
    say(`${total} inputs, no fault`)
  }
}

const TARGETS: Record<string, Soak> = {
  ...Object.fromEntries(Object.entries(READERS).map(([name, fuzz]) => [name, reader(fuzz)])),
  keeper: soakKeeper,
  frames: soakFrames,
}

async function main([minutes = '', target, seed = '1']: string[]): Promise<void> {
  const names = target === undefined ? Object.keys(TARGETS) : [target]
  const known = names.every(name => Object.hasOwn(TARGETS, name))
  if (!(Number(minutes) > 0) || !known || !/^\d+$/.test(seed)) {
    process.stderr.write(`usage: main.js MINUTES [${Object.keys(TARGETS).join('|')} [SEED]]\n`)
    process.exit(2)
  }
  const share = (Number(minutes) * 60_000) / names.length
  for (const name of names) {
    const say = (line: string) => process.stdout.write(`${name}: ${line}\n`)
    try {
      await TARGETS[name]?.(performance.now() + share, Number(seed), say)
    } catch (error) {
      process.stderr.write(`${name}: ${(error as Error).stack ?? error}\n`)
      process.exit(1)
    }
  }
}

await main(process.argv.slice(2))
