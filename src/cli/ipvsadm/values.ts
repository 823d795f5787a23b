/** Values of options, checked. */

import { type Given, usage } from '../grammar/options.ts'

export function whole(text: string, flag: string, min: number, max: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : -1
  if (number >= min && number <= max) return number
  throw usage(`expected a whole number ${min}-${max} after ${flag}, found ${JSON.stringify(text)}`)
}

export function oneOf<const T extends readonly string[]>(
  text: string,
  known: T,
  what: string,
): T[number] {
  if (known.includes(text)) return text as T[number]
  throw usage(`no ${what} ${JSON.stringify(text)} here: ${known.join(' or ')}`)
}

export function first({ options }: Given, name: string): string | undefined {
  return options.get(name)?.[0]
}
