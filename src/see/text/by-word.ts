/** A table that strangers' words are looked up in: it has its own rows and nothing else, no `constructor`. */
export function byWord<T>(rows: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.assign(Object.create(null), rows)
}
