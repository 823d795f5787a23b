/** What `--json` has printed. */

import assert from 'node:assert/strict'

type SnakeKey<K extends string> = K extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeKey<Rest>}`
  : K

/** T as `printJson` spells its keys. */
export type Snaked<T> = T extends readonly unknown[]
  ? { [K in keyof T]: Snaked<T[K]> }
  : T extends object
    ? { [K in keyof T as K extends string ? SnakeKey<K> : K]: Snaked<T[K]> }
    : T

/** Fails if any key is spelt otherwise than those of the API. */
export function printedJson<T>(text: string): Snaked<T> {
  return JSON.parse(text, function (this: unknown, key: string, value: unknown) {
    if (!Array.isArray(this)) assert.doesNotMatch(key, /[A-Z]/)
    return value
  })
}
