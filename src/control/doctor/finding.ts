/** What a check of `tapvs doctor` found: one line for a person, the same as an object for a program. */

/** ok: as it should be. warn: it will run, but not as it could. fail: it will not start, or not work. */
export type Level = 'ok' | 'warn' | 'fail'

export interface Finding {
  level: Level
  /** What was looked at, in a word or two. */
  check: string
  text: string
  /** How to mend it; not with `ok`. */
  mend?: string
}

export function ok(check: string, text: string): Finding {
  return { level: 'ok', check, text }
}

export function warn(check: string, text: string, mend: string): Finding {
  return { level: 'warn', check, text, mend }
}

export function fail(check: string, text: string, mend: string): Finding {
  return { level: 'fail', check, text, mend }
}
