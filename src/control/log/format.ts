/** A line of the log as bytes: for people, for journald, for programs. */

import { fstatSync } from 'node:fs'
import type { LogLevel, Module } from '../../api/log-levels.ts'
import { escaped, printable } from '../../see/text/printable.ts'
import { instantText } from '../../see/text/times.ts'

/** One thing that is said. The text has all of it; the rest is for programs. */
export interface Entry {
  level: LogLevel
  module: Module
  /** What happened, in a word that never changes; lines without one are told apart by their text only. */
  event?: string | undefined
  /** Number of the worker that says it. */
  worker?: number | undefined
  fields?: object | undefined
  text: string
}

/** sd-daemon(3), the numbers of syslog. */
const PRIORITIES: Record<LogLevel, number> = { error: 3, warn: 4, info: 6, debug: 7 }

export function textLine(entry: Entry, time: Date | null): string {
  const text = printable(entry.text)
  return time === null ? text : `${instantText(time.getTime() * 1000, 3)} ${text}`
}

/** Keys in the order of reading; what an entry does not have is left out. */
export function jsonLine(entry: Entry, time: Date): string {
  const { level, module, worker, event, fields, text } = entry
  const line = { level, time: time.toISOString(), module, worker, event, fields, msg: text }
  return escaped(JSON.stringify(line))
}

/** With the priority in front of each line of it, which journald takes off again. */
export function journalLine(level: LogLevel, line: string): string {
  const prefix = `<${PRIORITIES[level]}>`
  return prefix + line.replaceAll('\n', `\n${prefix}`)
}

/** Whether `fd` is the stream that `stream` ($JOURNAL_STREAM, `device:inode`) names: then journald reads it. */
export function isJournal(fd: number, stream: string | undefined): boolean {
  if (stream === undefined) return false
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true })
    return stream === `${dev}:${ino}`
  } catch {
    // Closed by the process that started us.
    return false
  }
}
