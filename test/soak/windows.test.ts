/** Which troubles a soak takes for explained: only of the service and the RS that was stopped, then, and such as that makes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Trouble } from './clients/plan.ts'
import { Windows } from './windows.ts'

const RS = '192.168.168.12'
const [BEGUN, ENDED] = [1_000_000, 1_010_000]

const reset: Trouble = {
  what: 'error',
  kind: 'redis',
  manner: 'redis',
  from: BEGUN + 100,
  to: BEGUN + 200,
  rs: RS,
  why: 'ECONNRESET',
}
const retry: Trouble = {
  ...reset,
  what: 'retry',
  kind: 'dns',
  manner: 'dns',
  rs: null,
  why: 'no answer',
}

test('a reset by the RS that was stopped is explained, and nothing else is', t => {
  t.mock.timers.enable({ apis: ['Date'], now: BEGUN })
  const windows = new Windows()
  const over = windows.open({ what: 'stopped', kind: 'redis', rs: RS })
  t.mock.timers.setTime(ENDED)
  over()
  const explained: Trouble[] = [
    reset,
    { ...reset, rs: null, why: 'ECONNREFUSED' },
    // Who asked before, and heard of it afterwards.
    { ...reset, from: BEGUN - 5000, to: BEGUN },
    { ...reset, from: ENDED + 2000, to: ENDED + 2001 },
  ]
  for (const trouble of explained)
    assert.equal(windows.explain(trouble), 'redis of an RS was stopped', JSON.stringify(trouble))
  const faults: Trouble[] = [
    { ...reset, rs: '192.168.168.2' },
    { ...reset, kind: 'http' },
    { ...reset, why: 'no answer' },
    { ...reset, why: 'GET a gives another value' },
    { ...reset, to: BEGUN - 1, from: BEGUN - 2 },
    { ...reset, from: ENDED + 4000, to: ENDED + 4001 },
    retry,
  ]
  for (const trouble of faults)
    assert.equal(windows.explain(trouble), undefined, JSON.stringify(trouble))
})

test('a datagram may be lost while there is no daemon or no link, an answer by TCP may not', t => {
  for (const what of ['killed', 'unlinked'] as const) {
    t.mock.timers.reset()
    t.mock.timers.enable({ apis: ['Date'], now: BEGUN })
    const windows = new Windows()
    windows.open({ what })
    assert.ok(windows.explain(retry))
    assert.equal(windows.explain({ ...retry, what: 'error' }), undefined)
    assert.equal(windows.explain({ ...retry, why: 'ECONNREFUSED' }), undefined)
    assert.equal(windows.explain(reset), undefined)
  }
})
