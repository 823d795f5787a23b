/** `tapvs run` as a keeper starts it (control/keeper/keeper.ts): packet threads first, and then the rest. One file, made by scripts/bundle.mjs. */

import { first } from '../control/first.ts'
import { compiled } from '../control/system/built-file.ts'

/** As in bin/tapvs. */
process.on('SIGUSR1', () => {})

const kept = first(process.env)
// The verb says why.
const begun = kept.begun.catch(() => {})

async function run(): Promise<void> {
  if (!kept.standby) await begun
  const { main } = await import(compiled('cli/main.js').href)
  process.exitCode = await main(process.argv.slice(2), { kept })
}

void run()
