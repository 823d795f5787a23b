// How a command of ours is told to stop: Ctrl-C, a closed terminal or a closed pipe.

import process from 'node:process'
import { decideSignals } from '../src/control/signals.ts'
import { LabError } from './lab-error.ts'

/** => aborted by any of them; whoever is at work then stops, cleans up and ends by itself */
export function abortedByUser(): AbortController {
  decideSignals()
  const interrupt = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupt.abort(new LabError('interrupted')))
  }
  process.stdout.on('error', () =>
    interrupt.abort(new LabError('nobody reads the output any more')),
  )
  process.stderr.on('error', () => {})
  return interrupt
}
