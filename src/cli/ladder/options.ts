/** How a ladder is drawn, for every verb that draws one. */

import type { Argv } from 'yargs'
import { CliError } from '../daemon/client.ts'

export function drawingOptions<T>(command: Argv<T>) {
  return command
    .option('absolute', {
      type: 'boolean',
      default: false,
      describe: 'ladder: sequence numbers as on the wire too',
    })
    .option('plain', {
      type: 'boolean',
      default: false,
      describe: 'ladder: ASCII without colours, as where the locale is not of UTF-8',
    })
    .option('width', {
      type: 'number',
      requiresArg: true,
      describe: "ladder: columns, 80 at least (default: the terminal's, else 100)",
    })
    .check(({ width }) => {
      if (width === undefined || width >= 80) return true
      throw new CliError('--width: expected a number of columns, 80 or more', 2)
    })
}
