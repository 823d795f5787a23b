/**
 * The process that writes the history's file and looks things up in it (process.ts), one order after the other. It keeps
 * nothing: what fails is told, the file is closed, and the next order opens it anew. It ends with the one who started it.
 */

import { statSync } from 'node:fs'
import { decideSignals, leaveEndToParent } from '../system/signals.ts'
import { HistoryDatabase } from './database.ts'
import type { Found } from './ended.ts'
import type { SqliteAnswer, SqliteOrder, SqliteStart } from './process.ts'

const FORGET_MS = 60_000
const DAY_MS = 86_400_000

const { path, writes } = JSON.parse(process.argv[2] as string) as SqliteStart
let database: HistoryDatabase | null = null
/** Of the file that is open. */
let inode = -1
let moved = false
let forgotAt = 0

async function opened(): Promise<HistoryDatabase> {
  // Somebody may have moved it away: what is written into it then, nobody finds. The next process begins a new one.
  moved ||= database !== null && statSync(path, { throwIfNoEntry: false })?.ino !== inode
  if (moved) throw Object.assign(new Error('it was moved away'), { code: 'MOVED' })
  if (database) return database
  const fresh = await HistoryDatabase.open(path, writes !== null)
  try {
    if (writes) fresh.begin(writes.daemonMs, writes.sinceMs, Date.now())
    inode = statSync(path).ino
  } catch (error) {
    fresh.close()
    throw error
  }
  database = fresh
  return fresh
}

async function carryOut(order: SqliteOrder): Promise<Found | null> {
  const history = await opened()
  const now = Date.now()
  if ('find' in order) return history.find(order.find, writes !== null, now)
  history.write(order.write, now, order.lost, order.stop)
  if (writes) history.bound(writes.maxBytes)
  // A slice at a time, so that what comes in does not wait for long.
  const beforeMs = now - (writes?.keepDays ?? 0) * DAY_MS
  if (now - forgotAt >= FORGET_MS && history.forget(beforeMs)) forgotAt = now
  return null
}

async function answered(order: SqliteOrder): Promise<SqliteAnswer> {
  try {
    return { ok: await carryOut(order) }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    close()
    return { code, message }
  }
}

function close(): void {
  database?.close()
  database = null
}

let turn: Promise<void> = Promise.resolve()
process.on('message', ({ id, order }: { id: number; order: SqliteOrder }) => {
  turn = turn.then(async () => {
    const answer = await answered(order)
    // With nobody there any more the channel is closed.
    if (process.connected) process.send?.({ id, answer }, () => {})
  })
})
// What came before is carried out first.
process.once('disconnect', () => {
  turn = turn.then(close)
})
decideSignals()
// Those of a terminal are for the daemon, which has something to write when it gets them.
leaveEndToParent()
