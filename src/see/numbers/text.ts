/** Numbers and pieces of lines, in few columns. */

export interface Span {
  text: string
  color?: 'red' | 'yellow' | 'green' | 'cyan'
  bold?: boolean
  dim?: boolean
  inverse?: boolean
}
export type Line = Span[]

export function line(text: string, style: Omit<Span, 'text'> = {}): Line {
  return [{ text, ...style }]
}

/** Without colours and blanks at the end. */
export function plain(spans: Line): string {
  return spans
    .map(({ text }) => text)
    .join('')
    .trimEnd()
}

/** Three digits and a unit, five columns at most: 0, 0.4, 12, 1.25k, 34.5M. */
export function short(value: number): string {
  if (value <= 0) return '0'
  if (value < 9.95) return Number.isInteger(value) ? String(value) : value.toFixed(1)
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  let scaled = value
  let unit = 0
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000
    unit++
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2
  return `${scaled.toFixed(digits)}${units[unit]}`
}

/** 45 s, 12 min, 3.5 h, 20 d */
export function duration(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`
  if (seconds < 360_000) return `${(seconds / 3600).toFixed(1)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** 12.3 % */
export function percent(part: number, whole: number): string {
  return whole > 0 ? `${((part / whole) * 100).toFixed(part / whole < 0.1 ? 1 : 0)} %` : '-'
}

/** A row of a table: the first cell from the left and cut, the others to the right. */
export function row(widths: readonly number[], cells: readonly (string | number)[]): string {
  return cells
    .map((cell, i) => {
      const width = widths[i] ?? 0
      const text = String(cell)
      return i === 0 ? text.slice(0, width).padEnd(width) : text.padStart(width)
    })
    .join('')
}
