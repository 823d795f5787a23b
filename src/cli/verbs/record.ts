/** `tapvs record`: a journal of the running daemon, for `tapvs replay`. */

import { closeSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import type { Argv } from 'yargs'
import { open } from '../../client/exchange.ts'
import type { Journal } from '../../control/journal/format.ts'
import { createOwn, writeProblem } from '../../control/system/own-file.ts'
import { counted } from '../../see/text/counted.ts'
import { printable } from '../../see/text/printable.ts'
import { CliError, failure, notReached } from '../daemon/client.ts'
import { type Common, print } from '../terminal/common.ts'
import { sizeText } from '../texts/replay.ts'

const A_SIZE = /^\d+[KMG]?$/
const SIZE_MIN = 2 ** 20

interface Options extends Common {
  write: string
  seconds?: number | undefined
  size: string
}

export function addRecord(common: Argv<Common>): void {
  common.command(
    'record',
    'write down everything that the engines are given, for replay',
    command =>
      command
        .option('write', {
          alias: 'w',
          type: 'string',
          requiresArg: true,
          demandOption: true,
          describe: 'the file; only its owner can read it',
        })
        .option('seconds', {
          type: 'number',
          requiresArg: true,
          describe: 'end after so many; left out, by Ctrl-C',
        })
        .option('size', {
          type: 'string',
          requiresArg: true,
          default: '64M',
          describe: 'end when it has so many bytes',
        }),
    async options => {
      await record(options)
    },
  )
}

async function record({ socket, write, seconds, size }: Options): Promise<void> {
  const { bytesOf } = await import('../../config/schema.ts')
  const bytes = A_SIZE.test(size) ? bytesOf(size) : 0
  if (bytes < SIZE_MIN || bytes > 2 ** 30) {
    throw new CliError(`--size: expected a size 1M-1G, like 64M, found ${size}`)
  }
  if (seconds !== undefined && !(Number.isInteger(seconds) && seconds > 0 && seconds <= 86_400)) {
    throw new CliError(`--seconds: expected a whole number 1-86400, found ${seconds}`)
  }
  const abort = new AbortController()
  const end = () => abort.abort()
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  const query = `bytes=${bytes}${seconds === undefined ? '' : `&seconds=${seconds}`}`
  const options = { method: 'GET', path: `/v1/journal?${query}`, signal: abort.signal }
  const response = await open({ socket }, options).catch(error => {
    throw notReached(socket, error)
  })
  if (response.statusCode !== 200) throw await failure(socket, response)
  const fd = openFile(write)
  let cut: string | undefined
  try {
    let begun = false
    for await (const chunk of response) {
      if (!begun) process.stderr.write(printable(`recording to ${write}\n`))
      begun = true
      cut = append(fd, chunk as Uint8Array)
      if (cut !== undefined) break
    }
  } catch (error) {
    if (!abort.signal.aborted) cut = notReached(socket, error).message
  } finally {
    closeSync(fd)
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
  }
  await tell(write, cut)
}

/** Its key foretells sequence numbers: it is nobody else's, also if another file was there. */
function openFile(path: string): number {
  try {
    return createOwn(path, 0o600)
  } catch (error) {
    throw new CliError(`cannot write ${path}: ${writeProblem(error)}`)
  }
}

/** A disk that fills up takes a part of a write. => why not all of it was written */
function append(fd: number, chunk: Uint8Array): string | undefined {
  try {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at)
    return undefined
  } catch (error) {
    return writeProblem(error)
  }
}

/** `cut`: why the recording was broken off, if it was. Throws CliError then. */
async function tell(path: string, cut: string | undefined): Promise<void> {
  const { readJournal } = await import('../../control/journal/format.ts')
  const { framesIn } = await import('../../control/journal/records.ts')
  const bytes = readFileSync(path)
  let journal: Journal
  try {
    journal = readJournal(bytes)
  } catch {
    // Without the images of the engines there is nothing to play.
    unlinkSync(path)
    const why = cut ?? 'it ended'
    throw new CliError(`${path}: ${why} before the journal had begun, so there is none`)
  }
  const { records, end } = journal
  const why = end ? `: ${end.why}` : ''
  print(`${path}: ${counted(framesIn(records), 'frame')}, ${sizeText(bytes.length)}${why}\n`)
  if (cut !== undefined) throw new CliError(`${path}: ${cut}; it can be played as far as it goes`)
}
