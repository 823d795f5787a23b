/** Arbitrary values of what a scenario has. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Field } from '../../src/play/fields.ts'

const ITEMS: Record<string, fc.Arbitrary<string>> = {
  servers: fc
    .tuple(fc.nat(999), fc.constantFrom('', '-refuses', '-silent'))
    .map(([weight, manner]) => `${weight}${manner}`),
  lost: fc
    .tuple(fc.constantFrom('client', 'vip', 'lip', 'rs'), fc.integer({ min: 1, max: 999 }))
    .map(([leg, n]) => `${leg}.${n}`),
}

export function anyValue(key: string, field: Field): fc.Arbitrary<unknown> {
  if (field.kind === 'choice') return fc.constantFrom(...field.words)
  if (field.kind === 'whole') return fc.integer({ min: field.min, max: field.max })
  const item = ITEMS[key]
  assert.ok(item, `no items of ${key}`)
  return fc.array(item, { minLength: field.min, maxLength: field.max })
}
