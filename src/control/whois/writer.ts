/**
 * The thread that writes the history's file and looks things up in it, one order after the other. It keeps nothing: what
 * fails is told, the file is closed, and the next order opens it anew.
 */

import { statSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { HistoryDatabase } from './database.ts'
import type { Found, Search } from './ended.ts'

export interface WriterStart {
  path: string
  /** When the daemon began, ms since 1970. */
  begunMs: number
  keepDays: number
}

/** `rows` are ROW doubles each; `lost` is the number of records that the daemon has lost so far. */
export type WriterOrder =
  | { id: number; write: Float64Array; lost: number; stop: boolean }
  | { id: number; find: Search }

/** `code` is that of SQLite, of the system or of Node; empty for none. */
export type WriterAnswer =
  | { id: number; ok: Found | null }
  | { id: number; code: string; message: string }

const FORGET_MS = 60_000
const DAY_MS = 86_400_000

const { path, begunMs, keepDays } = workerData as WriterStart
let database: HistoryDatabase | null = null
/** Of the file that is open. */
let inode = -1
let run = -1
let forgotAt = 0

async function opened(): Promise<HistoryDatabase> {
  // Somebody may have moved it away: what is written into it then, nobody finds.
  if (database && statSync(path, { throwIfNoEntry: false })?.ino !== inode) close()
  if (database) return database
  const fresh = await HistoryDatabase.open(path, true)
  try {
    run = fresh.begin(run, begunMs, Date.now())
  } catch (error) {
    fresh.close()
    throw error
  }
  inode = statSync(path).ino
  database = fresh
  return fresh
}

async function carryOut(order: WriterOrder): Promise<Found | null> {
  const history = await opened()
  const now = Date.now()
  if ('find' in order) return history.find(order.find, true, now)
  history.write(order.write, now, order.lost, order.stop)
  // A slice at a time, so that what comes in does not wait for long.
  if (now - forgotAt >= FORGET_MS && history.forget(now - keepDays * DAY_MS)) forgotAt = now
  return null
}

async function answer(order: WriterOrder): Promise<void> {
  const { id } = order
  try {
    const reply: WriterAnswer = { id, ok: await carryOut(order) }
    parentPort?.postMessage(reply)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    close()
    const reply: WriterAnswer = { id, code, message }
    parentPort?.postMessage(reply)
  }
  if ('write' in order && order.stop) {
    close()
    parentPort?.close()
  }
}

function close(): void {
  database?.close()
  database = null
}

let turn: Promise<void> = Promise.resolve()
parentPort?.on('message', (order: WriterOrder) => {
  turn = turn.then(() => answer(order))
})
