/** Nothing that strangers say does something to a terminal, and nothing of what they say in letters is lost. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonLine, textLine } from '../../../src/control/log/format.ts'
import { escaped, printable, printableColoured } from '../../../src/see/text/printable.ts'

test('control characters, those of C1 and turns of direction become question marks', () => {
  const cases: [text: string, becomes: string][] = [
    ['a\tb\nc', 'a\tb\nc'],
    ['Gr\u00f6\u00dfe \u2500\u2192 \u{1f600}', 'Gr\u00f6\u00dfe \u2500\u2192 \u{1f600}'],
    ['\u001b[2J\u001b]0;x\u0007', '?[2J?]0;x?'],
    ['a\rb\u0000\u007f\u0085\u009b31m', 'a?b????31m'],
    ['\u202eevil\u2066\u200b', '?evil??'],
    ['\ud800', '?'],
  ]
  for (const [text, becomes] of cases) assert.equal(printable(text), becomes)
})

test('our own colours stay, and no other sequence', () => {
  const red = '\u001b[1;31mred\u001b[0m'
  assert.equal(printableColoured(red), red)
  assert.equal(printableColoured(`${red}\u001b[2J\u009b\u001b[31`), `${red}?[2J??[31`)
})

test('JSON with its characters written as numbers is the same JSON', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const json = escaped(JSON.stringify({ text }))
      assert.equal(JSON.parse(json).text, text)
      assert.ok(!/\p{C}/u.test(json))
    }),
  )
})

test('a line of the log', () => {
  const entry = { level: 'warn', module: 'check', text: 'says \u001b[2J\u009b' } as const
  assert.equal(textLine(entry, null), 'says ?[2J?')
  const json = jsonLine(entry, new Date(0))
  assert.ok(!/\p{C}/u.test(json))
  assert.equal(JSON.parse(json).msg, entry.text)
})
