/** What `tapvs whois` is asked: ADDRESS:PORT[@TIME]. */

import { TIME_EXAMPLES, toldTime } from '../../see/text/times.ts'
import { canonicalIp, endpointParts, isIp } from '../../wire/ip-address.ts'
import { CliError } from '../daemon/client.ts'

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

/** Throws CliError. */
export function questionOf(text: string, nowMs: number): Question {
  const at = text.indexOf('@')
  const endpoint = at < 0 ? text : text.slice(0, at)
  const { host = '', port = '' } = endpointParts(endpoint) ?? {}
  if (!isIp(host) || !/^\d{1,5}$/.test(port)) {
    const example = '192.168.168.7:1025 or 192.168.168.7:1025@12:03'
    throw new CliError(
      `expected LIP:LPORT[@TIME], like ${example}; found ${JSON.stringify(text)}`,
      2,
    )
  }
  if (Number(port) < 1 || Number(port) > 65_535)
    throw new CliError(`expected a port 1-65535, found ${port}`, 2)
  return {
    address: canonicalIp(host),
    port: Number(port),
    time: at < 0 ? null : spanOf(text.slice(at + 1), nowMs),
  }
}

/** Without an offset it is local time. Throws CliError for what is no time, or is still to come. */
export function spanOf(text: string, nowMs: number): Span {
  const told = toldTime(text, nowMs)
  if (told === null)
    throw new CliError(`bad TIME ${JSON.stringify(text)}: expected ${TIME_EXAMPLES}`, 2)
  const fromMs = Math.floor(told.us / 1000)
  if (fromMs > nowMs) throw new CliError(`the TIME ${text} is still to come`, 2)
  return { fromMs, toMs: Math.min(fromMs + Math.max(1, told.lastsUs / 1000) - 1, nowMs) }
}
