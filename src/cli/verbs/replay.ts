/** `tapvs replay`: a journal, played again by the same engine, offline. */

import { closeSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Argv } from 'yargs'
import type { Journal } from '../../control/journal/format.ts'
import type { Replayed } from '../../control/replay/replay.ts'
import { createOwn, writeProblem } from '../../control/system/own-file.ts'
import { counted } from '../../see/text/counted.ts'
import { instantText } from '../../see/text/times.ts'
import { CliError } from '../daemon/client.ts'
import { type Common, Ended, print, printJson } from '../terminal/common.ts'
import { differenceText, isBehind, pointOf, whatIfText } from '../texts/replay.ts'

interface Options extends Common {
  file: string
  until?: string | undefined
  config?: string | undefined
  asTest?: string | undefined
  json: boolean
}

export function addReplay(common: Argv<Common>): void {
  common.command(
    'replay <file>',
    'play a journal again, offline, and compare what the engine does',
    command =>
      command
        .positional('file', { type: 'string', demandOption: true })
        .option('until', {
          type: 'string',
          requiresArg: true,
          describe: 'stop at a time, at +SECONDS or behind a frame, and show the listings',
        })
        .option('config', {
          type: 'string',
          requiresArg: true,
          describe: 'what another config would have made of the same connections',
        })
        .option('as-test', {
          type: 'string',
          requiresArg: true,
          describe: 'write its connections as a transcript for test/transcripts',
        })
        .option('json', { type: 'boolean', default: false, describe: 'for programs' })
        .conflicts('until', ['config', 'as-test'])
        .conflicts('config', 'as-test'),
    async options => {
      const journal = await read(options.file)
      if (options.config !== undefined) await against(options, options.config, journal)
      else if (options.asTest !== undefined) await write(options, options.asTest, journal)
      else await play(options, journal)
    },
  )
}

/** What is wrong with a journal is told with its name. */
function named<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const { message } = error as Error
    throw message.startsWith('is damaged') ? new CliError(`${file} ${message}`) : error
  }
}

async function read(file: string): Promise<Journal> {
  const { readJournal } = await import('../../control/journal/format.ts')
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new CliError(`${file}: ${code === 'ENOENT' ? 'no such file' : message}`)
  }
  try {
    return readJournal(bytes)
  } catch (error) {
    throw new CliError(`${file} ${(error as Error).message}`)
  }
}

async function play({ file, until, json }: Options, journal: Journal): Promise<void> {
  const { replay } = await import('../../control/replay/replay.ts')
  const point = until === undefined ? undefined : pointOf(until, journal.header.begun)
  if (until !== undefined && point === undefined) {
    throw new CliError(
      `--until: expected a time like 12:00:01.5 or 2026-01-31T12:00:01+01:00, +SECONDS or the number of a frame, found ${until}`,
    )
  }
  const stop =
    point && ((us: number, frame: number, first: number) => isBehind(point, us, frame, first))
  const replayed = named(file, () => replay(journal, stop))
  if (json) printJson(await resultOf(journal, replayed, point !== undefined))
  else {
    print(`${file}: ${headText(journal)}\n${endText(replayed)}`)
    if (point) print(await listingsText(replayed))
  }
  if (replayed.difference) throw new Ended(1)
}

/** Exit code 1 if anything would have been otherwise. */
async function against({ file, json }: Options, other: string, journal: Journal): Promise<void> {
  const { readConfig } = await import('../../config/config.ts')
  const { whatIf } = await import('../../control/replay/what-if.ts')
  const config = readConfig(other)
  const result = named(file, () => whatIf(journal, config))
  if (json) printJson(result)
  else print(`${file} with ${other}: ${whatIfText(result)}`)
  if (result.groups.length > 0) throw new Ended(1)
}

async function write({ file }: Options, path: string, journal: Journal): Promise<void> {
  const { asTest } = await import('../../control/replay/as-test.ts')
  let text: string
  try {
    text = asTest(journal, basename(file))
  } catch (error) {
    throw new CliError(`${file} ${(error as Error).message}`)
  }
  try {
    const fd = createOwn(path, 0o666)
    try {
      writeFileSync(fd, text)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw new CliError(`cannot write ${path}: ${writeProblem(error)}`)
  }
  const segments = text.split('\n').filter(line => line.startsWith('> ')).length
  print(`${path}: ${counted(segments, 'segment')}\n`)
}

function headText({ header, end }: Journal): string {
  const workers = counted(header.workers, 'worker')
  const how = end ? end.why : 'broken off, played as far as it is whole'
  return `recorded by tapvs ${header.tapvs} at ${instantText(Date.parse(header.begun) * 1000, 3)}, ${workers}; ${how}`
}

function endText(replayed: Replayed): string {
  const { frames, checks, difference, fromUs, toUs } = replayed
  if (difference)
    return `${counted(frames, 'frame')}, and then it did otherwise:\n${differenceText(difference)}`
  const seconds = ((toUs - fromUs) / 1e6).toFixed(3)
  const counters =
    checks === 0
      ? 'counters are not in it'
      : `all counters agree, ${checks === 1 ? 'once' : `${checks} times`}`
  return `${counted(frames, 'frame')} in ${seconds} s: all verdicts agree, and all frames that left; ${counters}\n`
}

async function listingsText(replayed: Replayed): Promise<string> {
  const { connsOf, countersOf } = await import('../../control/replay/listings.ts')
  const { formatConn } = await import('../ipvsadm/listings.ts')
  const { formatCounters } = await import('../texts/counters.ts')
  const conns = connsOf(replayed).map(formatConn).join('')
  const at = `at ${instantText(replayed.toUs)}, behind frame ${replayed.frames}`
  return `\n${at}\n\n${conns || 'no connections\n'}\n${formatCounters(countersOf(replayed), { all: false })}`
}

async function resultOf({ header, end }: Journal, replayed: Replayed, listings: boolean) {
  const { connsOf, countersOf } = await import('../../control/replay/listings.ts')
  const { frames, checks, difference, fromUs, toUs } = replayed
  return {
    header,
    end: end ?? null,
    frames,
    checks,
    fromUs,
    toUs,
    difference: difference ?? null,
    ...(listings && { conns: connsOf(replayed), counters: countersOf(replayed) }),
  }
}
