/** What may stand in a list once only: names, addresses, services. */

import type { ConfigSource, Path } from './source.ts'

/** Remembers where `key` stood first in `seen`, and says so of the next one. => whether it is new */
export function once(
  source: ConfigSource,
  seen: Map<string, Path>,
  key: string,
  path: Path,
  what: string,
): boolean {
  const first = seen.get(key)
  if (first) twice(source, path, `${what} ${key}`, first)
  else seen.set(key, path)
  return first === undefined
}

export function twice(source: ConfigSource, path: Path, what: string, first: Path): void {
  source.problem(path, `expected each once, found ${what} again, see ${source.placeOf(first)}`)
}
