/** What every verb of the command line has and does. */

import { printable, printableColoured } from '../../see/text/printable.ts'
import { snakeCase } from '../../see/text/snake-case.ts'

/** Options of every verb. */
export interface Common {
  socket: string
}

/** Thrown by a verb that has said all there is to say and whose exit code is not 0. */
export class Ended extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`)
    this.name = 'Ended'
    this.exitCode = exitCode
  }
}

/** What of it could do something to a terminal is not printed. => false if the reader is behind */
export function print(text: string): boolean {
  return process.stdout.write(printable(text))
}

/** What `--json` is for, all of it in one value; `printJsonLine` is for those that go on. Keys are those of the API, in snake case. */
export function printJson(value: object): void {
  print(`${JSON.stringify(value, inSnakeCase, 2)}\n`)
}

export function printJsonLine(value: object): void {
  print(`${JSON.stringify(value, inSnakeCase)}\n`)
}

/** No listing has names of arms or the like as keys: they would be spelt otherwise as well. */
function inSnakeCase(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [snakeCase(key), item]))
}

/** The same of what has colours, whose parts are known to be printable. */
export function printColoured(text: string): boolean {
  return process.stdout.write(printableColoured(text))
}

/** What is allowed and looks like a mistake. */
export function warn(warnings: readonly string[]): void {
  for (const warning of warnings) process.stderr.write(`${printable(warning)} (warning)\n`)
}
