/** What `tapvs whois` is asked: ADDRESS:PORT[@TIME]. */

import { isIPv4 } from 'node:net'
import { CliError } from './client.ts'

/** A time of the past, ms since 1970, both ends included: as long as what was said is exact. */
export interface Span {
  fromMs: number
  toMs: number
}

export interface Question {
  address: string
  port: number
  /** null for now. */
  time: Span | null
}

const EXAMPLES = '12:03, 12:03:11, -5m, 2026-11-23T12:03:11Z or seconds since 1970'
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const DAY_MS = UNITS.d as number

/** Throws CliError. */
export function questionOf(text: string, nowMs: number): Question {
  const at = text.indexOf('@')
  const endpoint = at < 0 ? text : text.slice(0, at)
  const [, address = '', port = ''] = /^(.*):(\d{1,5})$/.exec(endpoint) ?? []
  if (!isIPv4(address)) {
    const example = '192.168.168.7:1025 or 192.168.168.7:1025@12:03'
    throw new CliError(
      `expected LIP:LPORT[@TIME], like ${example}; found ${JSON.stringify(text)}`,
      2,
    )
  }
  if (Number(port) < 1 || Number(port) > 65_535)
    throw new CliError(`expected a port 1-65535, found ${port}`, 2)
  return { address, port: Number(port), time: at < 0 ? null : spanOf(text.slice(at + 1), nowMs) }
}

/** `HH:MM[:SS]` and ISO 8601 without a zone are local time. Throws CliError for what is no time, or is still to come. */
export function spanOf(text: string, nowMs: number): Span {
  const span = ago(text, nowMs) ?? epoch(text) ?? clock(text, nowMs) ?? iso(text)
  if (span === null) throw new CliError(`bad TIME ${JSON.stringify(text)}: expected ${EXAMPLES}`, 2)
  if (span.fromMs > nowMs) throw new CliError(`the TIME ${text} is still to come`, 2)
  return { fromMs: span.fromMs, toMs: Math.min(span.toMs, nowMs) }
}

/** What is said to the second is about all of that second. */
function lasting(fromMs: number, ms: number): Span {
  return { fromMs, toMs: fromMs + ms - 1 }
}

/** -90s, -5m, -1h30m, -2d */
function ago(text: string, nowMs: number): Span | null {
  if (!/^-(\d{1,9}[smhd])+$/.test(text)) return null
  let ms = 0
  for (const [, count, unit = ''] of text.matchAll(/(\d+)([smhd])/g))
    ms += Number(count) * (UNITS[unit] as number)
  return lasting(Math.floor((nowMs - ms) / 1000) * 1000, 1000)
}

/** 1795420991 or 1795420991.214 */
function epoch(text: string): Span | null {
  const [, seconds, fraction] = /^(\d{9,11})(?:\.(\d{1,9}))?$/.exec(text) ?? []
  if (seconds === undefined) return null
  return exactTo(Number(seconds) * 1000, fraction)
}

/** 12:03, 12:03:11 or 12:03:11.214, of today or, if that is still to come, of yesterday. */
function clock(text: string, nowMs: number): Span | null {
  const [, hour, minute, second, fraction] =
    /^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?$/.exec(text) ?? []
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 59) return null
  if (hour === undefined) return null
  const on = (day: Date) => {
    const time = [Number(hour), Number(minute), Number(second ?? 0)] as const
    return new Date(day.getFullYear(), day.getMonth(), day.getDate(), ...time).getTime()
  }
  const today = new Date(nowMs)
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1)
  const fromMs = on(today) > nowMs ? on(yesterday) : on(today)
  return second === undefined ? lasting(fromMs, 60_000) : exactTo(fromMs, fraction)
}

/** 2026-11-23T12:03, with seconds and a zone or without, and a blank instead of the T. */
function iso(text: string): Span | null {
  const [, date, minutes, second, fraction, zone = ''] =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$/i.exec(
      text,
    ) ?? []
  if (date === undefined) return null
  // Date takes the 31st of a month of 30 days for the 1st of the next one.
  const day = new Date(`${date}T00:00Z`)
  if (Number.isNaN(day.getTime()) || !day.toISOString().startsWith(date)) return null
  const offset = zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2').toUpperCase()
  const fromMs = new Date(`${date}T${minutes}:${second ?? '00'}${offset}`).getTime()
  if (Number.isNaN(fromMs)) return null
  return second === undefined ? lasting(fromMs, 60_000) : exactTo(fromMs, fraction)
}

/** A second, or the ms that a fraction of it names. */
function exactTo(secondMs: number, fraction: string | undefined): Span {
  if (fraction === undefined) return lasting(secondMs, 1000)
  const length = Math.max(1, 10 ** (3 - fraction.length))
  return lasting(secondMs + Math.floor(Number(`0.${fraction}`) * 1000 + 1e-6), length)
}

/** 12:03:11.214, or with the date if it is not that of `nowMs`; local time. */
export function timeText(ms: number, nowMs: number): string {
  const date = new Date(ms)
  const two = (number: number) => String(number).padStart(2, '0')
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  const exact = `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`
  const isToday = Math.abs(nowMs - ms) < DAY_MS && date.getDate() === new Date(nowMs).getDate()
  if (isToday) return exact
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${exact}`
}
