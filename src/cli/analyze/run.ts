/** Reads the captures, has them analysed, prints what came out. */

import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { type Analysis, analyze, type Source } from '../../see/analyze/analyze.ts'
import { reportOf } from '../../see/analyze/report.ts'
import { analysisRows } from '../../see/analyze/rows.ts'
import { CaptureError } from '../../see/capture/captured.ts'
import { READ_TEXT } from '../../see/capture/link-types.ts'
import { counted } from '../../see/text/counted.ts'
import { CliError } from '../daemon/client.ts'
import { type Drawn, printRows } from '../ladder/draw.ts'
import { print, printJson } from '../terminal/common.ts'
import { reportText } from './text.ts'

export interface AnalyzeOptions extends Drawn {
  ladder: boolean
  all: boolean
}

export async function runAnalysis(
  client: string,
  rs: string | undefined,
  options: AnalyzeOptions,
): Promise<void> {
  const outer = await source(client)
  const inner = rs === undefined ? undefined : await source(rs)
  const analysis = analysed(outer, inner)
  refuseNothing(analysis)
  const report = reportOf(analysis)
  if (options.json) printJson(report)
  else print(reportText(report, options.all))
  if (options.ladder && !options.json) printRows(analysisRows(analysis), options)
}

function analysed(outer: Source, inner: Source | undefined): Analysis {
  try {
    return analyze(outer, inner)
  } catch (error) {
    throw error instanceof CaptureError ? new CliError(error.message) : error
  }
}

async function source(file: string): Promise<Source> {
  try {
    return { name: basename(file), bytes: await readFile(file) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new CliError(`${file}: no such file`)
    if (code === 'ERR_FS_FILE_TOO_LARGE')
      throw new CliError(`${file} is larger than 2 GiB; cut it with editcap -c or a shorter -s`)
    throw new CliError(`${file}: ${message}`)
  }
}

/** A capture without TCP is an error, not a set of empty tables. */
function refuseNothing({ sources }: Analysis): void {
  for (const { name, segments, packets, passed, unread } of sources) {
    if (segments > 0) continue
    if (passed.link > 0)
      throw new CliError(
        `${name} is of link type ${unread.join(', ')}, which is not read; ${READ_TEXT} are`,
      )
    const why = passed.udp > 0 ? `, ${passed.udp} of them UDP, which is not looked at` : ''
    throw new CliError(`${name} has no TCP in its ${counted(packets, 'packet')}${why}`)
  }
}
