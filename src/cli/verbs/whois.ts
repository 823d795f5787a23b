/** `tapvs whois`: who is behind an address that an RS sees. */

import type { Argv } from 'yargs'
import type { WhoisInfo } from '../../api/commands.ts'
import { ask, CliError } from '../daemon/client.ts'
import { type Common, Ended, print, printJson } from '../terminal/common.ts'
import { type Question, questionOf, type Span } from '../whois/question.ts'
import { formatWhois } from '../whois/text.ts'

export function addWhois(common: Argv<Common>): void {
  common.command(
    'whois <endpoint>',
    'who is behind an address that a real server sees, now or then',
    command =>
      command
        .positional('endpoint', {
          type: 'string',
          demandOption: true,
          describe:
            'LIP:LPORT[@TIME], or CLIENT:PORT[@TIME] the other way round; TIME is 12:03[:11], -5m, ISO 8601 or seconds since 1970',
        })
        .option('rs', {
          type: 'string',
          requiresArg: true,
          describe: 'ADDRESS[:PORT] of the only real server meant',
        })
        .option('file', {
          type: 'string',
          requiresArg: true,
          describe: 'look in this file of history.file instead of asking a daemon',
        })
        .option('json', { type: 'boolean', default: false, describe: 'for programs' }),
    async ({ socket, endpoint, rs, file, json }) => {
      const nowMs = Date.now()
      const question = questionOf(endpoint, nowMs)
      // A file knows nothing of now.
      if (file !== undefined) question.time ??= { fromMs: 0, toMs: nowMs }
      const info = await (file === undefined
        ? askDaemon(socket, question, rs)
        : look(file, question, rs))
      if (json) printJson(info)
      else print(formatWhois(info, question, nowMs))
      if (info.conns.length === 0) throw new Ended(1)
    },
  )
}

function askDaemon(socket: string, question: Question, rs: string | undefined) {
  const { address, port, time } = question
  return ask(socket, {
    verb: 'whois',
    address,
    port,
    ...(rs !== undefined && { rs }),
    ...(time && { from: time.fromMs, to: time.toMs }),
  })
}

async function look(
  path: string,
  { address, port, time }: Question,
  rs: string | undefined,
): Promise<WhoisInfo> {
  const { lookUp } = await import('../../control/whois/offline.ts')
  try {
    return await lookUp(path, { address, port, rs, ...(time as Span) })
  } catch (error) {
    throw new CliError(`${path}: ${(error as Error).message}`)
  }
}
