/** Colours of a terminal (ECMA-48, SGR). */

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

export function ansi(paint: Paint, text: string): string {
  return paint === 'plain' || text === '' ? text : `\x1b[${CODES[paint]}m${text}\x1b[0m`
}
