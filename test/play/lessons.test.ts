/** Each lesson is open as it begins, and done by the way that it knows. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LESSONS } from '../../src/play/lessons.ts'
import { statesOf } from '../../src/play/played.ts'
import { linkOf, ofLink } from '../../src/play/scenario.ts'
import { play } from '../../src/play/world.ts'

for (const lesson of LESSONS) {
  test(`lesson ${lesson.id}`, () => {
    const [start, solution] = [ofLink(lesson.start), ofLink(lesson.solution)]
    assert.equal(lesson.isDone(play(start)), false, 'done before it has begun')
    const played = play(solution)
    assert.ok(lesson.isDone(played), 'its own solution does not do it')
    for (const { words, rule, advice } of played.refusals)
      assert.ok(words.length > 10 && rule.length > 10 && advice.length > 10, rule)
    assert.ok(!statesOf(played).includes('LAST_ACK'))
    assert.deepEqual([linkOf(start), linkOf(solution)], [lesson.start, lesson.solution])
    for (const text of [lesson.title, lesson.about, lesson.task, lesson.hint, lesson.because])
      assert.ok(text.length > 10)
  })
}

test('lessons begin with the riddle, and have names of their own', () => {
  assert.equal(LESSONS[0]?.id, 'last-ack')
  assert.equal(new Set(LESSONS.map(({ id }) => id)).size, LESSONS.length)
})
