// How a command of ours is told to stop: Ctrl-C, a closed terminal or a closed pipe.

import { constants } from 'node:os'
import process from 'node:process'
import { writeProblem } from '../src/control/system/own-file.ts'
import { decideSignals } from '../src/control/system/signals.ts'
import { LabError } from './lab-error.ts'

/** Exit code of what a signal ended, as a shell counts it. */
const after = (signal: NodeJS.Signals) => 128 + constants.signals[signal]

/**
 * => aborted by any of them; whoever is at work then stops, cleans up and ends by itself. The reason is a LabError; without a
 * message there is nothing to say, as to a reader who has gone.
 */
export function abortedByUser(): AbortController {
  decideSignals()
  const interrupt = new AbortController()
  const stop = (message: string, code: number) => interrupt.abort(new LabError(message, '', code))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) {
    process.on(signal, () => stop('interrupted', after(signal)))
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') stop('', after('SIGPIPE'))
    else stop(`stdout cannot be written: ${writeProblem(error)}`, 1)
  })
  process.stderr.on('error', () => {})
  return interrupt
}
