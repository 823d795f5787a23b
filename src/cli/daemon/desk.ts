/** What a verb with a grammar of its own talks to: the daemon and the three streams. Tests hand in others. */

import { once } from 'node:events'
import { DEFAULT_SOCKET, type Request, type VerbName, type Verbs } from '../../api/commands.ts'
import { printable } from '../../see/text/printable.ts'
import { ask } from './client.ts'

export interface Desk {
  /** Throws CliError, as ask of client.ts. */
  ask<V extends VerbName>(request: Request<V>): Promise<Verbs[V]['answer']>
  /** Done when the reader wants more: a pager that does not read on stops us, not our memory. */
  print(text: string): Promise<void>
  /** One line on stderr. */
  warn(line: string): void
  /** All of standard input. */
  input(): Promise<string>
}

/** `socket` is that of the daemon; undefined for the default. */
export type OpenDesk = (socket: string | undefined) => Desk

/** Where the daemon is asked if no option says so. */
export function defaultSocket(): string {
  return process.env.TAPVS_SOCKET || DEFAULT_SOCKET
}

export function openDesk(socket: string | undefined): Desk {
  const path = socket ?? defaultSocket()
  return {
    ask: request => ask(path, request),
    async print(text) {
      if (!process.stdout.write(printable(text))) await once(process.stdout, 'drain')
    },
    warn(line) {
      process.stderr.write(`tapvs: ${printable(line)}\n`)
    },
    async input() {
      let text = ''
      process.stdin.setEncoding('utf8')
      for await (const chunk of process.stdin) text += chunk
      return text
    },
  }
}
