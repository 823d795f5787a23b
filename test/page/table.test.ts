/** The window on a table of a million rows, its keys and its questions. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ALL_CONNS, connsUrl, isEndpoint, sortedBy } from '../../src/page/conn-query.ts'
import { rowForKey } from '../../src/page/row-keys.ts'
import {
  bodyHeight,
  HEIGHT_MAX,
  ROW_HEIGHT,
  scrollTo,
  seenRows,
  spanFor,
} from '../../src/page/table-window.ts'

const totals = fc.oneof(
  fc.integer({ min: 0, max: 100 }),
  fc.integer({ min: 100, max: 428_571 }),
  fc.integer({ min: 428_571, max: 2_097_152 }),
)
const viewports = fc.integer({ min: ROW_HEIGHT, max: 1500 })

test('the body is as high as its rows, but never higher than browsers draw', () => {
  assert.equal(bodyHeight(100), 100 * ROW_HEIGHT)
  assert.equal(bodyHeight(1_000_000), HEIGHT_MAX)
})

test('the rows drawn fill what is seen, and there are never more than fit', () => {
  fc.assert(
    fc.property(
      totals,
      viewports,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (total, viewport, part) => {
        const scrollTop = part * Math.max(0, bodyHeight(total) - viewport)
        const { first, count, top } = seenRows(scrollTop, viewport, total)
        assert.ok(first >= 0 && first + count <= Math.max(total, 0))
        assert.ok(count <= Math.ceil(viewport / ROW_HEIGHT) + 1)
        if (total === 0) return
        assert.ok(top <= scrollTop + 1e-6)
        const bottom = top + count * ROW_HEIGHT
        const needed = Math.min(scrollTop + viewport, bodyHeight(total))
        assert.ok(bottom >= needed - 1e-6, `${bottom} ${needed}`)
      },
    ),
  )
})

test('the ends of the scroll bar are the ends of the table', () => {
  for (const total of [1000, 1_000_000, 2_097_152]) {
    assert.equal(seenRows(0, 448, total).first, 0)
    const end = seenRows(bodyHeight(total) - 448, 448, total)
    assert.equal(end.first + end.count, total)
  }
  // Overscrolled, as touch screens do.
  assert.equal(seenRows(-50, 448, 1000).first, 0)
})

test('a row that is scrolled to is wholly seen, and one that is seen does not move', () => {
  fc.assert(
    fc.property(
      totals.filter(total => total > 0),
      viewports,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (total, viewport, from, to) => {
        const row = Math.round(to * (total - 1))
        const scrollTop = from * Math.max(0, bodyHeight(total) - viewport)
        const next = scrollTo(row, scrollTop, viewport, total)
        const { first, count, top } = seenRows(next, viewport, total)
        assert.ok(row >= first && row < first + count, `${row} in ${first}+${count}`)
        const y = top + (row - first) * ROW_HEIGHT
        assert.ok(y >= next - 0.01 && y + ROW_HEIGHT <= next + viewport + 0.01)
        assert.ok(Math.abs(scrollTo(row, next, viewport, total) - next) < 0.01)
      },
    ),
  )
})

test('what is asked for covers what is seen, and a small way asks for the same', () => {
  fc.assert(
    fc.property(totals, viewports, fc.nat(), (total, viewport, at) => {
      const seen = seenRows(at % (bodyHeight(total) + 1), viewport, total)
      const { offset, limit } = spanFor(seen.first, viewport)
      assert.ok(offset >= 0 && limit >= 1 && limit <= 1000)
      assert.ok(seen.first >= offset && seen.first + seen.count <= offset + limit)
    }),
  )
  assert.deepEqual(spanFor(210, 448), spanFor(230, 448))
  // Before anything is known, a whole screen.
  assert.deepEqual(spanFor(0, 448), { offset: 0, limit: 150 })
})

test('keys move as in a grid and stop at the ends', () => {
  assert.equal(rowForKey('ArrowDown', 5, 10, 4), 6)
  assert.equal(rowForKey('ArrowUp', 0, 10, 4), 0)
  assert.equal(rowForKey('PageDown', 8, 10, 4), 9)
  assert.equal(rowForKey('PageUp', 8, 10, 4), 4)
  assert.equal(rowForKey('Home', 8, 10, 4), 0)
  assert.equal(rowForKey('End', 0, 10, 4), 9)
  assert.equal(rowForKey('x', 0, 10, 4), null)
  assert.equal(rowForKey('End', 0, 0, 4), null)
})

test('a question says what is chosen and nothing else', () => {
  const span = { offset: 50, limit: 150 }
  assert.equal(connsUrl(ALL_CONNS, span), './ui/conns?sort=client&order=asc&offset=50&limit=150')
  const query = { ...ALL_CONNS, search: ' 10.0 :80&', state: 'TIME_WAIT', client: '10.0.0.1:80' }
  assert.equal(
    connsUrl(query, span),
    './ui/conns?search=10.0%20%3A80%26&state=TIME_WAIT&client=10.0.0.1%3A80&sort=client&order=asc&offset=50&limit=150',
  )
})

test('a client is asked for as soon as it is whole', () => {
  assert.ok(isEndpoint('10.0.0.1') && isEndpoint(' 202.108.10.2:33896 '))
  for (const text of ['2001:db8::1', '[2001:db8::1]', '[2001:db8::1]:80'])
    assert.ok(isEndpoint(text))
  for (const text of [
    '',
    '10.0.0',
    '10.0.0.',
    '10.0.0.256',
    '10.0.0.1:',
    '10.0.0.1:65536',
    'a',
    '[2001:db8::1',
    '[10.0.0.1]:1',
  ])
    assert.equal(isEndpoint(text), false, text)
  assert.doesNotMatch(
    connsUrl({ ...ALL_CONNS, client: '10.0.' }, { offset: 0, limit: 1 }),
    /client=1/,
  )
})

test('a header pressed sorts by its column, pressed again the other way round', () => {
  const once = sortedBy(ALL_CONNS, 'state')
  assert.deepEqual([once.sort, once.order], ['state', 'asc'])
  assert.equal(sortedBy(once, 'state').order, 'desc')
  assert.equal(sortedBy(sortedBy(once, 'state'), 'state').order, 'asc')
  assert.equal(sortedBy(sortedBy(once, 'state'), 'rs').order, 'asc')
})
