/** Colours of a terminal (ECMA-48, SGR). */

import { printable } from '../text/printable.ts'

export type Paint =
  | 'plain'
  | 'bold'
  | 'dim'
  | 'red'
  | 'green'
  | 'yellow'
  | 'blue'
  | 'magenta'
  | 'cyan'

const CODES: Readonly<Record<Paint, number>> = {
  plain: 0,
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
}

/** Of the text what is printable: it may be out of somebody's file, with colours of its own. */
export function ansi(paint: Paint, text: string): string {
  const shown = printable(text)
  return paint === 'plain' || text === '' ? shown : `\x1b[${CODES[paint]}m${shown}\x1b[0m`
}
