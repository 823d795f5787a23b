/** Servers of a soak that end. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** Ends a server, if it has not ended with its namespace. */
export async function stopped(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const gone = once(server, 'exit')
  server.kill(signal)
  await gone
}
