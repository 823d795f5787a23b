/**
 * Nothing that an importer reads is lost in silence. A word that no file would have is put at every place of every
 * sample: it has to be in what comes out, or in a remark, or in a block of which a remark says that it is left out.
 */

import assert from 'node:assert/strict'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { ImportError, type Imported } from '../../../src/config/import/imported.ts'
import { includeFiles } from '../../../src/config/import/include.ts'
import { importIpvsadm } from '../../../src/config/import/ipvsadm.ts'
import { importKeepalived } from '../../../src/config/import/keepalived.ts'
import { fileSchema } from '../../../src/config/schema.ts'
import { SAMPLES, sample } from '../../kit/imported.ts'

const CONFIGS = [
  ...['dpvs.conf', 'lvs.conf', 'one-line.conf', 'one-line-groups.conf', 'defaults.conf'],
  ...['addresses.conf', 'grammar.conf', 'odd.conf', 'dual.conf'],
]
const RULES = ['dpvs.rules', 'dual.rules', 'lvs.rules', 'null.rules', 'script.sh']
const MARK = 'zq7'

const read = (name: string, text: string) =>
  importKeepalived({ name: join(SAMPLES, name), text }, includeFiles, 'east')

/** Where a word could be added: before each word and at the end of each line, but in no comment and no quotes. */
function placesIn(text: string): number[] {
  const places: number[] = []
  let at = 0
  for (const line of text.split('\n')) {
    const code = (/^(?:"[^"]*"|'[^']*'(?=[\s}])|[^#!])*/.exec(line) ?? [''])[0]
    const blank = code.replaceAll(/"[^"]*"|'[^']*'/g, quoted => 'q'.repeat(quoted.length))
    for (const { index } of blank.matchAll(/(?<=^|\s)\S|$/g)) {
      if (/^\s*~/.test(line.slice(0, index))) continue
      places.push(at + index)
    }
    at += line.length + 1
  }
  return places
}

/** The lines whose blocks `place` is in, from 1 on. */
function enclosing(text: string, place: number): number[] {
  const open: number[] = []
  const before = text.slice(0, place).split('\n')
  for (const [i, line] of before.entries()) {
    for (const letter of line.replaceAll(/[#!].*|\$\{\w+\}/g, '')) {
      // The block's words may be on the line before.
      if (letter === '{') open.push(line.trimStart().startsWith('{') ? i : i + 1)
      if (letter === '}') open.pop()
    }
  }
  return open
}

/** A remark that says of a whole block that it is left out. */
const WHOLE =
  /\{\.\.\.\}|^a second |_(CHECK|GET) of|supported|already|no service|group \w+: (no|there is no)|expected (a (range|port)|an IP)|by SNAT: expected|would take all/
/** One of a single value. */
const PART = /^no |takes its place$/

function isTold({ file, lips, notCarried }: Imported, text: string, place: number): boolean {
  const lines = [...enclosing(text, place), text.slice(0, place).split('\n').length]
  const out = JSON.stringify([file, lips])
  if (out.includes(MARK) || notCarried.some(remark => remark.includes(MARK))) return true
  return notCarried.some(remark => {
    const [, line, what = ''] = /:(\d+): (.*)$/.exec(remark) ?? []
    return lines.includes(Number(line)) && WHOLE.test(what) && !PART.test(what)
  })
}

for (const name of CONFIGS) {
  test(`a word more at any place of ${name} is carried over or told`, () => {
    const text = sample(name)
    let count = 0
    for (const place of placesIn(text)) {
      const more = `${text.slice(0, place)} ${MARK} ${text.slice(place)}`
      try {
        const imported = read(name, more)
        assert.ok(isTold(imported, more, place), more.slice(place - 40, place + 40))
        count++
      } catch (error) {
        // `{` on a line of its own belongs to the word before it, which the mark then is.
        assert.ok(error instanceof ImportError, String(error))
      }
    }
    assert.ok(count > 20)
  })

  test(`two lines of ${name} in one mean the same, or it is told`, () => {
    const text = sample(name)
    const lines = text.split('\n')
    const { file: before, notCarried } = read(name, text)
    for (let i = 0; i + 1 < lines.length; i++) {
      const [line = '', next = ''] = lines.slice(i, i + 2)
      if (/[#!@$~\\]|^include/.test(line + next) || next.startsWith('include')) continue
      const joined = lines.toSpliced(i, 2, `${line} ${next}`).join('\n')
      const { file, notCarried: told } = read(name, joined)
      const isSame = JSON.stringify(file) === JSON.stringify(before)
      assert.ok(isSame || told.length > notCarried.length, `${line} ${next}`)
    }
  })
}

for (const name of RULES) {
  test(`a word more at any place of ${name} is carried over or told`, () => {
    const text = sample(name)
    for (const mark of [MARK, `--${MARK}`]) {
      for (const place of placesIn(text)) {
        const more = `${text.slice(0, place)} ${mark} ${text.slice(place)}`
        const { file, lips, notCarried } = importIpvsadm(more, name)
        const all = [JSON.stringify([file, lips]), ...notCarried]
        // A line that is refused is told as a whole, cut if it is long.
        const line = more.slice(0, place).split('\n').length
        const isTold = (told: string) =>
          told.includes(MARK) || (told.startsWith(`${name}:${line}: `) && told.includes('...'))
        assert.ok(all.some(isTold), more.slice(place - 40, place + 40))
      }
    }
  })
}

test('what comes out of spoilt files is a part of a config', () => {
  const words = CONFIGS.flatMap(name => sample(name).match(/\n|[{}]|[^\s{}]+/g) ?? [])
  const spoilt = fc.record({
    name: fc.constantFrom(...CONFIGS),
    steps: fc.array(
      fc.record({
        at: fc.nat(2000),
        away: fc.nat(3),
        words: fc.array(fc.constantFrom(...words), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  })
  fc.assert(
    fc.property(spoilt, ({ name, steps }) => {
      const parts = sample(name).match(/\n|[{}]|[^\s{}]+/g) ?? []
      for (const { at, away, words: put } of steps) parts.splice(at % parts.length, away, ...put)
      try {
        const { file, notCarried } = read(name, parts.join(' '))
        const services = fileSchema.shape.services.safeParse(file.services)
        assert.ok(services.success, services.error?.message)
        for (const remark of notCarried) assert.match(remark, /^[^\n\r]+:\d+: [^\n\r]+$/)
      } catch (error) {
        assert.ok(error instanceof ImportError, String(error))
        assert.equal(basename(dirname(error.message.split(':')[0] ?? '')), 'samples')
      }
    }),
    { numRuns: 500 },
  )
})
