import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { LogFileOptions, LogFormat } from '../../../src/config/log.ts'
import type { Entry } from '../../../src/control/log/format.ts'
import type { Log } from '../../../src/control/log/log.ts'
import { SessionDrain } from '../../../src/control/sessions/drain.ts'
import { SessionLog } from '../../../src/control/sessions/log.ts'
import type { Session } from '../../../src/control/sessions/words.ts'
import {
  newSessionRing,
  sessionRing,
  setSessionClock,
} from '../../../src/control/threads/session-ring.ts'
import { CLIENT, RS, SYN, WAN } from '../../kit/connection.ts'
import { SEED_CONFIG, Stand } from '../../kit/stand.ts'

/** A stand that has refused `count` clients by its RS, and whose connections have ended. */
function ended(count: number): SharedArrayBuffer {
  const memory = newSessionRing()
  const ring = sessionRing(memory)
  const stand = new Stand(SEED_CONFIG, undefined, { sessions: ring }).resolveRss()
  for (let i = 0; i < count; i++) {
    const syn = stand.forward(WAN, { ...SYN, sport: 10_000 + i })
    stand.segment('dpdk1', { ...RS, flags: 'R.', dport: syn.sport, seq: 0, ack: syn.seq + 1 })
    if (i % 1000 === 999) stand.pass(5000)
  }
  stand.pass(5000)
  setSessionClock(ring, stand.now)
  return memory
}

/** Only what a session log asks of the log. */
function fakeLog(format: LogFormat): { log: Log; entries: Entry[] } {
  const entries: Entry[] = []
  const log = { format, behind: false, put: (entry: Entry) => void entries.push(entry) }
  return { log: log as unknown as Log, entries }
}

const LOG_ITSELF = { path: '-', maxBytes: 0, keep: 0 }

/** All of the rings goes into a session log, which ends. */
function drained(rings: SharedArrayBuffer[], options: LogFileOptions, log: Log): void {
  const drain = new SessionDrain(rings, [new SessionLog(options, log)], log)
  drain.start()
  drain.stop()
}

const LINE =
  /^SESSION: \[2\] TCP 202\.108\.10\.2:10000 202\.108\.10\.1:6379 192\.168\.168\.7:\d+ 192\.168\.168\.2:6379 end=rst_rs state=CLOSE duration_ms=0 client_handshake_ms=- rs_handshake_ms=- in_packets=1 in_bytes=40 out_packets=1 out_bytes=40 forwarding=fullnat$/

test('into the log itself, in words and in fields', () => {
  const { log, entries } = fakeLog('text')
  drained([newSessionRing(), ended(1)], LOG_ITSELF, log)
  assert.equal(entries.length, 1)
  const [entry] = entries
  assert.match(entry?.text ?? '', LINE)
  assert.deepEqual(
    [entry?.level, entry?.module, entry?.event, entry?.worker],
    ['info', 'session', 'conn_ended', 2],
  )
  assert.equal((entry?.fields as Session | undefined)?.client, `${CLIENT.src}:10000`)
})

test('into a file, every one of them, with the time of its end', t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-sessions-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const format of ['text', 'json'] as const) {
    const { log, entries } = fakeLog(format)
    const path = join(folder, format)
    const options = { path, maxBytes: 1 << 30, keep: 0 }
    drained([ended(5000)], options, log)
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    assert.equal(lines.length, 5000)
    assert.deepEqual(entries, [])
    for (const line of lines.slice(-10)) {
      const time = format === 'json' ? JSON.parse(line).time : line.split(' ')[0]
      const age = Date.now() - Date.parse(time)
      assert.ok(age >= -1 && age < 60_000, `${age} ms`)
    }
  }
})

test('what found the ring full is said, with its number', () => {
  const memory = ended(3)
  sessionRing(memory).countLost(7)
  const { log, entries } = fakeLog('text')
  drained([memory], LOG_ITSELF, log)
  assert.deepEqual(
    entries.map(({ event }) => event),
    ['conn_ended', 'conn_ended', 'conn_ended', 'lost'],
  )
  assert.equal(entries[3]?.text, 'SESSION: 7 records lost')
  assert.equal(entries[3]?.worker, 1)
})
