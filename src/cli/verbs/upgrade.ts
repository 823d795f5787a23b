/** `tapvs upgrade`: the daemon hands over to another program, with all connections. */

import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Argv } from 'yargs'
import type { UpgradeInfo } from '../../api/upgrade.ts'
import { WATCH_MOST, WATCH_SECONDS } from '../../api/words.ts'
import { ask, CliError } from '../daemon/client.ts'
import { type Common, print, printJson } from '../terminal/common.ts'

const LOOK_MS = 100
/** Between two daemons nobody answers, and a machine may have much to do. */
const SILENCE_MS = 60_000

interface Options extends Common {
  program: string | undefined
  back: boolean
  check: boolean
  loseConnections: boolean
  watch: number
  json: boolean
}

export function addUpgrade(common: Argv<Common>): void {
  common.command(
    'upgrade [program]',
    'hand over to another program, with all connections; the former one comes back if it fails',
    command =>
      command
        .positional('program', {
          type: 'string',
          describe:
            'path of the other tapvs; left out, it is what stands now where the running one was started from',
        })
        .option('check', {
          type: 'boolean',
          default: false,
          describe: 'only say what would be, and what runs',
        })
        .option('back', {
          type: 'boolean',
          default: false,
          describe: 'to the program that ran before the last upgrade',
        })
        .option('lose-connections', {
          type: 'boolean',
          default: false,
          describe: 'also if it has another layout of what is kept, so that all connections end',
        })
        .option('watch', {
          type: 'number',
          requiresArg: true,
          default: WATCH_SECONDS,
          describe:
            'seconds, from when the new program is ready, in which the former one comes back if it fails',
        })
        .option('json', { type: 'boolean', default: false, describe: 'for programs' }),
    options => upgrade(options),
  )
}

async function upgrade(options: Options): Promise<void> {
  const { socket, program, back, check, watch, json } = options
  if (back && program !== undefined) throw new CliError('--back: a program stands beside it', 2)
  if (!(Number.isInteger(watch) && watch >= 1 && watch <= WATCH_MOST))
    throw new CliError(`--watch: expected seconds 1-${WATCH_MOST}`, 2)
  let info = await ask(socket, {
    verb: 'begin-upgrade',
    ...(program !== undefined && { program: resolve(program) }),
    ...(back && { back }),
    ...(check && { check }),
    ...(options.loseConnections && { lose_connections: true }),
    watch,
  })
  let said = ''
  while (!['checked', 'done', 'failed'].includes(info.phase)) {
    if (!json && info.text !== said) print(`${info.text}\n`)
    said = info.text
    await sleep(LOOK_MS)
    info = await look(socket)
  }
  if (json) printJson(info)
  if (info.phase === 'failed') throw new CliError(info.text)
  if (!json) print(`${info.text}\n`)
}

/** Between two daemons the socket is nobody's. */
async function look(socket: string): Promise<UpgradeInfo> {
  for (const end = performance.now() + SILENCE_MS; ; await sleep(LOOK_MS)) {
    try {
      return await ask(socket, { verb: 'upgrade' })
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}
