/** What the terminal behind stdout can do. */

/** It moves its cursor, and knows how to leave a line. TERM=dumb is one that prints everything, escape sequences too. */
export function isLive(): boolean {
  return process.stdout.isTTY === true && process.env.TERM !== 'dumb'
}

/** https://no-color.org: set and not empty. */
export function hasColours(): boolean {
  return isLive() && !process.env.NO_COLOR
}

/** The locale's letters are those of UTF-8, by the order in which POSIX looks for its name; without one they are ASCII. */
export function hasUtf8(env: NodeJS.ProcessEnv = process.env): boolean {
  return /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '')
}
