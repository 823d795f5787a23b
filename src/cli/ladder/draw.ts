/** Rows of the ladder to stdout: from the flight recorders, from a capture, or as packets come. */

import { readFile } from 'node:fs/promises'
import { momentsOfCapture } from '../../see/capture/capture-moments.ts'
import { CaptureError } from '../../see/capture/captured.ts'
import { readCapture } from '../../see/capture/pcap.ts'
import {
  byConnection,
  Ladder,
  type LadderOptions,
  type LadderRow,
  ladderRows,
} from '../../see/ladder/ladder.ts'
import { LadderText, type LadderTextOptions } from '../../see/ladder/text.ts'
import { FilterError, parseFilter } from '../../see/moments/filter.ts'
import type { Moment } from '../../see/moments/moment.ts'
import { counted } from '../../see/text/counted.ts'
import { Stop } from '../capture/stop.ts'
import { ask, CliError } from '../daemon/client.ts'
import { moments } from '../daemon/moments.ts'
import { printColoured, printJsonLine } from '../terminal/common.ts'
import { hasColours, hasUtf8 } from '../terminal/terminal.ts'

export interface LadderAsked {
  socket: string
  file: string | undefined
  filter: string
  follow: boolean
  absolute: boolean
  plain: boolean
  width: number | undefined
  json: boolean
}

export type Drawn = Pick<LadderAsked, 'absolute' | 'plain' | 'width' | 'json'>

const NOTHING =
  'no packet is on record; --follow draws those to come, tapvs capture --ring on keeps the last ones'

export async function drawLadder(asked: LadderAsked): Promise<void> {
  const wanted = filterOf(asked.filter)
  const { socket, file } = asked
  const options = file === undefined ? { clientArms: await armsWithoutLips(socket) } : {}
  if (asked.follow) return follow(asked, options)
  const found = file === undefined ? await past(socket) : await fromFile(file)
  const chosen = found.filter(wanted)
  if (chosen.length === 0)
    throw new CliError(`none of ${counted(found.length, 'record')} is: ${asked.filter}`)
  printRows(byConnection(ladderRows(chosen, options)), asked)
}

/** Rows one connection after another. */
export function printRows(rows: readonly LadderRow[], drawn: Drawn): void {
  const text = new LadderText(textOptions(drawn, false))
  for (const row of rows) printRow(row, text, drawn.json)
}

async function follow(
  { socket, filter, ...drawn }: LadderAsked,
  options: LadderOptions,
): Promise<void> {
  const ladder = new Ladder(options)
  const text = new LadderText(textOptions(drawn, true))
  const stop = new Stop()
  const lost = (records: number) => process.stderr.write(`${counted(records, 'record')} lost\n`)
  const query = { past: false, follow: true, lost, signal: stop.signal, ...(filter && { filter }) }
  if (!drawn.json) printColoured(`${text.heading()}\n`)
  try {
    for await (const moment of moments(socket, query))
      for (const row of ladder.add(moment)) printRow(row, text, drawn.json)
  } finally {
    stop.end()
  }
  // Rows that wait for their far leg are drawn as they are.
  for (const row of ladder.end()) printRow(row, text, drawn.json)
}

function printRow(row: LadderRow, text: LadderText, json: boolean): void {
  if (json) printJsonLine(row)
  else for (const line of text.lines(row)) printColoured(`${line.trimEnd()}\n`)
}

function textOptions({ absolute, plain, width }: Drawn, mixed: boolean): LadderTextOptions {
  return {
    width: width ?? process.stdout.columns ?? 100,
    ascii: plain || !hasUtf8(),
    colours: !plain && hasColours(),
    absolute,
    mixed,
  }
}

/** Those that face the clients, as far as addresses tell. */
async function armsWithoutLips(socket: string): Promise<string[]> {
  const addresses = await ask(socket, { verb: 'addresses' })
  const facesRss = new Set(addresses.filter(({ lports }) => lports).map(({ arm }) => arm))
  return addresses.map(({ arm }) => arm).filter(arm => !facesRss.has(arm))
}

async function past(socket: string): Promise<Moment[]> {
  const found: Moment[] = []
  for await (const moment of moments(socket, { past: true, follow: false })) found.push(moment)
  if (found.length === 0) throw new CliError(NOTHING)
  return found
}

async function fromFile(file: string): Promise<Moment[]> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`${file}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`)
  })
  try {
    const found = momentsOfCapture(readCapture(bytes))
    if (found.length > 0) return found
  } catch (error) {
    if (error instanceof CaptureError) throw new CliError(`${file}: ${error.message}`)
    throw error
  }
  throw new CliError(
    `${file} has no notes of tapvs capture; what others captured is for tapvs analyze --ladder`,
  )
}

function filterOf(words: string): (moment: Moment) => boolean {
  try {
    return parseFilter(words)
  } catch (error) {
    throw error instanceof FilterError ? new CliError(error.message, 2) : error
  }
}
