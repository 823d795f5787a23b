/**
 * The long form, which scripts/soak runs: `node --expose-gc dist/test/fuzz/main.js MINUTES [TARGET [SEED]]`. Exit code 1 at the first
 * fault, which is printed with what shows it.
 */

import { soakFrames } from './frames/soak.ts'

/** Each has its share of the time; `say` takes a line. */
type Soak = (end: number, seed: number, say: (line: string) => void) => void

const TARGETS: Record<string, Soak> = { frames: soakFrames }

function main([minutes = '', target, seed = '1']: string[]): void {
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
      TARGETS[name]?.(performance.now() + share, Number(seed), say)
    } catch (error) {
      process.stderr.write(`${name}: ${(error as Error).stack ?? error}\n`)
      process.exit(1)
    }
  }
}

main(process.argv.slice(2))
