/** Numbers in words for the page; those that `tapvs top` has too come from there. */

import { duration, percent, short } from '../see/numbers/text.ts'
import { FLAG } from '../wire/tcp.ts'

/** In the order in which people say them. */
const FLAGS = ['SYN', 'FIN', 'RST', 'PSH', 'ACK', 'URG'] as const

export { duration, percent, short }

/** `SYN+ACK` of the TCP flags byte. */
export function flagWords(bits: number): string {
  return FLAGS.filter(name => bits & FLAG[name]).join('+') || 'no flags'
}

/** 1,234,567 */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** A rate that is worth a digit while it is small: 0, 0.4, 12, 1.25k. */
export function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 0.05 ? '<0.1' : short(perSecond)
}

/** The same in bytes: 156 kB/s. */
export function byteRate(bytesPerSecond: number): string {
  return withPrefix(bytesPerSecond, 'B/s')
}

/** Bytes a second as people say bandwidth: 1.25 Mbit/s. */
export function bandwidth(bytesPerSecond: number): string {
  return withPrefix(bytesPerSecond * 8, 'bit/s')
}

function withPrefix(value: number, unit: string): string {
  const [, number, prefix] = /^(.*?)([a-z]?)$/i.exec(short(value)) ?? []
  return `${number} ${prefix}${unit}`
}

/** How long lports last. */
export function lasting(seconds: number | null): string {
  if (seconds === null) return 'not at this rate'
  return seconds < 1 ? 'now' : `in ${duration(seconds)}`
}

/** Seconds that something has run: 12 s, 3 min 5 s, 2 h 4 min, 3 d 2 h. */
export function uptime(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [Math.floor(seconds) % 60, 's'],
  ]
  const first = parts.findIndex(([value]) => value > 0)
  if (first < 0) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([value], i) => i === 0 || value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ')
}
