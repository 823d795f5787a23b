/** What a soak takes for a fault in the log, and for memory that grows. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultOfLine } from './expected.ts'
import { growth } from './verdict.ts'
import type { Sample } from './watch.ts'

const said = (level: string, msg: string) => JSON.stringify({ level, module: 'daemon', msg })

test('lines that are known are none, and errors and all others are', () => {
  for (const line of [
    said('info', 'TAPVS: took over 1105 connections, 36 cleared, 4 neighbours'),
    said(
      'warn',
      'CHECK: RS 192.168.168.12:80 of TCP 202.108.10.1:80 is down: 3 checks failed, last: refused',
    ),
    'TAPVS: the daemon was ended by SIGKILL; starting another',
  ])
    assert.equal(faultOfLine(line), undefined, line)
  for (const line of [
    said('error', 'TAPVS: ready, 2 workers'),
    said('warn', 'TAPVS: worker 1 runs again: mended'),
    said('info', 'TAPVS: took over no connections: state of another layout'),
    'TAPVS: the daemon was ended by SIGSEGV; starting another',
    '    at Engine.input (file:///engine.js:1:1)',
  ])
    assert.notEqual(faultOfLine(line), undefined, line)
})

/** Two looks a minute, of daemons that live for five. */
function samples(minutes: number, rss: (minute: number) => number): Sample[] {
  return Array.from({ length: minutes * 2 }, (_, i) => ({
    at: i * 30_000,
    pid: Math.floor(i / 10),
    age: (i % 10) * 30,
    rss: rss(i / 2),
    fds: 49,
    threads: 13,
    keeperRss: 46,
    keeperFds: 29,
  }))
}

test('memory that goes up and down does not grow, and a leak is seen through it', () => {
  const noise = (minute: number) => 200 + 30 * Math.sin(minute * 40)
  const flat = growth(samples(30, noise))
  assert.ok(flat !== undefined && Math.abs(flat) < 1, `${flat}`)
  const leak = growth(samples(30, minute => noise(minute) + 3 * minute))
  assert.ok(leak !== undefined && Math.abs(leak - 3) < 1, `${leak}`)
  assert.equal(growth(samples(5, noise)), undefined, 'too short to say')
})
