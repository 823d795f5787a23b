/**
 * Times for people and from people, all in one place. What is printed is local time with its offset, `Z` where that is none, and
 * whatever is printed is read here too. Local is the time zone of the process, or of the browser; --utc makes it UTC. For programs
 * (JSON, the API, metrics) there are ms or µs since 1970 and ISO 8601 in UTC.
 */

import { byWord } from './by-word.ts'

/** A time that somebody named, and how long what was said lasts: 12:03 is a minute. µs since 1970, and µs. */
export interface Told {
  us: number
  lastsUs: number
}

const MINUTE_MS = 60_000
const UNITS: Readonly<Record<string, number>> = byWord({
  s: 1000,
  m: MINUTE_MS,
  h: 3_600_000,
  d: 86_400_000,
})

/** `2026-11-23T12:03:11.214567+01:00`, with as many digits of the second. */
export function instantText(us: number, digits: 0 | 3 | 6 = 6): string {
  const at = new Date(Math.floor(us / 1000))
  const date = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(padded).join('-')
  return `${date}T${clockText(us, digits)}`
}

/** `12:03:11.214567+01:00` */
export function clockText(us: number, digits: 0 | 3 | 6 = 6): string {
  const at = new Date(Math.floor(us / 1000))
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(padded).join(':')
  const fraction = String(Math.floor(us) % 1_000_000).padStart(6, '0')
  return `${clock}${digits === 0 ? '' : `.${fraction.slice(0, digits)}`}${offsetText(us)}`
}

/** The clock, and the date too if it is not that of `nowUs`. */
export function timeText(us: number, nowUs: number, digits: 0 | 3 | 6 = 6): string {
  const dateOf = (of: number) => new Date(Math.floor(of / 1000)).toDateString()
  return dateOf(us) === dateOf(nowUs) ? clockText(us, digits) : instantText(us, digits)
}

/** `+01:00`, `-09:30`, `Z`: what local time was ahead of UTC then. */
export function offsetText(us: number): string {
  const ahead = -new Date(Math.floor(us / 1000)).getTimezoneOffset()
  if (ahead === 0) return 'Z'
  const minutes = Math.abs(ahead)
  return `${ahead < 0 ? '-' : '+'}${padded(Math.trunc(minutes / 60))}:${padded(minutes % 60)}`
}

function padded(value: number): string {
  return String(value).padStart(2, '0')
}

/** The forms that toldTime() takes, as an error names them. */
export const TIME_EXAMPLES = '12:03, 12:03:11, -5m, 2026-11-23T12:03:11+01:00 or seconds since 1970'

/** Any of TIME_EXAMPLES; a clock is the latest one that has been, today or yesterday. null for what is no time. */
export function toldTime(text: string, nowMs: number): Told | null {
  return ago(text, nowMs) ?? epoch(text) ?? latestClock(text, nowMs) ?? instant(text)
}

/** -90s, -5m, -1h30m, -2d */
function ago(text: string, nowMs: number): Told | null {
  if (!/^-(\d{1,9}[smhd])+$/.test(text)) return null
  let ms = 0
  for (const [, count, unit = ''] of text.matchAll(/(\d+)([smhd])/g))
    ms += Number(count) * (UNITS[unit] as number)
  return exactTo(Math.floor((nowMs - ms) / 1000) * 1000, undefined)
}

/** 1795420991 or 1795420991.214 */
function epoch(text: string): Told | null {
  const [, seconds, fraction] = /^(\d{9,11})(?:\.(\d{1,9}))?$/.exec(text) ?? []
  return seconds === undefined ? null : exactTo(Number(seconds) * 1000, fraction)
}

const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|[+-][01]\d:?[0-5]\d)?$/i

function latestClock(text: string, nowMs: number): Told | null {
  const today = clockOf(text, nowMs)
  return today !== null && today.us <= nowMs * 1000 ? today : clockOf(text, nowMs, -1)
}

/** 12:03, 12:03:11 or 12:03:11.214, with an offset or in local time, `days` after the day there on which `dayMs` is. */
export function clockOf(text: string, dayMs: number, days = 0): Told | null {
  const [, hour, minute, second, fraction, zone] = CLOCK.exec(text) ?? []
  if (hour === undefined) return null
  const offset = offsetOf(zone)
  const day = new Date(dayMs + (offset ?? 0))
  const date =
    offset === null
      ? [day.getFullYear(), day.getMonth(), day.getDate() + days]
      : [day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() + days]
  const ms = dateMs(date, [Number(hour), Number(minute), Number(second ?? 0)], offset)
  if (ms === null) return null
  return second === undefined ? { us: ms * 1000, lastsUs: MINUTE_MS * 1000 } : exactTo(ms, fraction)
}

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)[T ](.*)$/i

/** 2026-11-23T12:03, with seconds and an offset or without, and a blank instead of the T. */
export function instant(text: string): Told | null {
  const [, year, month, date, clock = ''] = INSTANT.exec(text) ?? []
  const [, hour, minute, second, fraction, zone] = CLOCK.exec(clock) ?? []
  if (year === undefined || hour === undefined || hour.length < 2) return null
  // Date takes the 31st of a month of 30 days for the 1st of the next one.
  const day = new Date(`${year}-${month}-${date}T00:00Z`)
  if (Number.isNaN(day.getTime()) || day.getUTCDate() !== Number(date)) return null
  const ms = dateMs(
    [Number(year), Number(month) - 1, Number(date)],
    [Number(hour), Number(minute), Number(second ?? 0)],
    offsetOf(zone),
  )
  if (ms === null) return null
  return second === undefined ? { us: ms * 1000, lastsUs: MINUTE_MS * 1000 } : exactTo(ms, fraction)
}

/**
 * ms since 1970; null for what no clock shows, also for the hour that local time leaves out in spring. Of the one that it has
 * twice in autumn the first is meant, unless an offset says which.
 */
function dateMs(
  [year = 0, month = 0, date = 0]: readonly number[],
  [hour, minute, second]: readonly [number, number, number],
  offset: number | null,
): number | null {
  if (hour > 23 || minute > 59 || second > 59) return null
  if (offset !== null) return Date.UTC(year, month, date, hour, minute, second) - offset
  const at = new Date(year, month, date, hour, minute, second)
  return at.getHours() === hour && at.getMinutes() === minute ? at.getTime() : null
}

/** ms that `+01:00`, `-0930` or `Z` is ahead of UTC; null without one. */
function offsetOf(zone: string | undefined): number | null {
  if (zone === undefined) return null
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? []
  const ms = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * MINUTE_MS
  return sign === '-' ? -ms : ms
}

/** A second, or the part of it that the digits of a fraction name. */
function exactTo(secondMs: number, fraction: string | undefined): Told {
  if (fraction === undefined) return { us: secondMs * 1000, lastsUs: 1_000_000 }
  const digits = fraction.slice(0, 6).padEnd(6, '0')
  return {
    us: secondMs * 1000 + Number(digits),
    lastsUs: Math.max(1, 10 ** (6 - fraction.length)),
  }
}
