/** The address of each view, what keys lead there, and what is cut off to the side. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ALL_CONNS, connQueryOf, connWords, isNarrowed } from '../../src/page/conn-query.ts'
import { hashOf, type Place, partsOf, placeOf, titleOf, VIEWS } from '../../src/page/place.ts'
import { queryText, queryWords } from '../../src/page/query-text.ts'
import { actionOf, keyOf, SHORTCUTS } from '../../src/page/shortcuts.ts'
import { sidesOf } from '../../src/page/sideways.ts'

const at = (hash: string, search = '') => placeOf({ hash, search })

test('an address leads to its view, and what is none to the first', () => {
  assert.deepEqual(at(''), { view: 'overview', words: {} })
  assert.deepEqual(at('#states'), { view: 'states', words: {} })
  assert.deepEqual(at('#services?search=10.0%20:80&order=desc'), {
    view: 'services',
    words: { search: '10.0 :80', order: 'desc' },
  })
  for (const hash of ['#', '#nothing', '#token=abc', '#services/', '#Services'])
    assert.deepEqual(at(hash), { view: 'overview', words: {} }, hash)
})

test('addresses of the page as it once was lead on', () => {
  assert.deepEqual(at('#over-time'), { view: 'drops', words: {} })
  const filter = 'conn 202.108.10.2:33896'
  const ladder = { view: 'ladder', words: { filter } }
  assert.deepEqual(at('', '?ladder=conn+202.108.10.2%3A33896'), ladder)
  assert.deepEqual(at('#over-time', '?ladder=drop').view, 'drops')
})

test('words that the view does not know, cut off ones and endless ones are not believed', () => {
  assert.deepEqual(at('#services?search=%e2%8&order=desc&evil=1'), {
    view: 'services',
    words: { order: 'desc' },
  })
  assert.equal(at(`#ladder?filter=${'a'.repeat(10_000)}`).words.filter?.length, 500)
  assert.deepEqual(at('#ladder?filter=a&filter=b').words, { filter: 'a' })
})

test('any place is where its own address leads', () => {
  const words = fc.string({ unit: 'binary', maxLength: 80 }).map(text => text.trim())
  fc.assert(
    fc.property(fc.constantFrom(...VIEWS), fc.array(words, { maxLength: 8 }), (view, texts) => {
      const own = view.words.flatMap((key, i) => {
        const text = texts[i] ?? ''
        return text === '' ? [] : [[key, text]]
      })
      const place: Place = { view: view.id, words: Object.fromEntries(own) }
      assert.deepEqual(at(hashOf(place)), place)
    }),
  )
})

test('words by name: what is empty is left out, in either direction', () => {
  assert.equal(queryText({ a: ' x&y ', b: '', c: 0 }), 'a=x%26y&c=0')
  assert.deepEqual([...queryWords('a=x%26y&b=&=c&d')], [['a', 'x&y']])
})

test('the question of the connection table is that of the address, or the usual one', () => {
  const query = { ...ALL_CONNS, state: 'TIME_WAIT', rs: '10.0.0.1:80', sort: 'age' } as const
  assert.deepEqual(connWords(query), { state: 'TIME_WAIT', rs: '10.0.0.1:80', sort: 'age' })
  assert.deepEqual(connQueryOf(connWords(query)), query)
  assert.deepEqual(connQueryOf({ state: 'x', protocol: 'gre', sort: 'y', order: 'z' }), ALL_CONNS)
  assert.ok(isNarrowed(query) && !isNarrowed({ ...ALL_CONNS, sort: 'age' }))
})

test('each view is told only what it shows', () => {
  const told = VIEWS.map(({ id }) => [id, partsOf(id).join()] as const)
  assert.deepEqual(Object.fromEntries(told), {
    ...{ overview: 'services', services: 'services', connections: '', ladder: '' },
    ...{ states: 'edges', lports: 'services', drops: '' },
  })
})

test('the title names the view first, unless nobody is heard', () => {
  const title = (connections: number | undefined, heard = true) =>
    titleOf('services', { connections, heard })
  assert.equal(title(undefined), 'Services · tapvs')
  assert.equal(title(1), 'Services · 1 connection · tapvs')
  assert.equal(title(12_345), 'Services · 12,345 connections · tapvs')
  assert.equal(title(12_345, false), 'no word · Services · tapvs')
})

test('a key for each view and no key twice; none while somebody types, none with others held', () => {
  assert.equal(new Set(SHORTCUTS.map(({ key }) => key)).size, SHORTCUTS.length)
  const free = { ctrlKey: false, altKey: false, metaKey: false, on: 'BODY' }
  for (const { id } of VIEWS) assert.deepEqual(actionOf({ ...free, key: keyOf(id) }), { go: id })
  assert.deepEqual(actionOf({ ...free, key: '?', on: 'BUTTON' }), { do: 'help' })
  assert.equal(actionOf({ ...free, key: 'q' }), null)
  for (const on of ['INPUT', 'SELECT', 'TEXTAREA'])
    assert.equal(actionOf({ ...free, key: '1', on }), null)
  for (const held of ['ctrlKey', 'altKey', 'metaKey'])
    assert.equal(actionOf({ ...free, [held]: true, key: '1' }), null)
})

test('what is cut off: to which sides there is more', () => {
  const box = { clientWidth: 100, scrollWidth: 300 }
  assert.equal(sidesOf({ ...box, scrollLeft: 0 }), 'right')
  assert.equal(sidesOf({ ...box, scrollLeft: 100 }), 'left right')
  assert.equal(sidesOf({ ...box, scrollLeft: 199 }), 'left')
  assert.equal(sidesOf({ clientWidth: 100, scrollWidth: 101, scrollLeft: 0 }), '')
})
