/**
 * The thread that keeps the copy of the connection tables and answers questions about it, so that neither packets nor
 * control wait for a search over a million rows. While a copy is being filled the one before answers.
 */

import { parentPort } from 'node:worker_threads'
import { Copy } from './copy.ts'
import { viewOf, type Wanted } from './view.ts'

/** To the thread. A pass begins, brings records, and ends. */
export type ToConnThread =
  /** Answered, so that no more is sent than is taken in. */
  | { records: Int32Array; count: number; worker: number }
  | { begin: { rows: number } }
  | { end: { atMs: number } }
  | { id: number; wanted: Wanted; offset: number; limit: number }

export interface ViewAnswer {
  id: number
  /** Of the copy; 0 if it is not whole. */
  atMs: number
  total: number
  matched: number
  /** Records as of a page, with the worker in a cell of its own. */
  page: Int32Array
}
export type FromConnThread = ViewAnswer | { taken: true } | { id: number; error: string }

/** What was asked before, of the same copy: pages of a view come one after the other. */
const VIEWS_KEPT = 4

let whole = new Copy()
let next = new Copy()
const views = new Map<string, Uint32Array>()

function view(copy: Copy, wanted: Wanted): Uint32Array {
  // What is being filled changes all the time.
  if (copy !== whole) return viewOf(copy, wanted)
  const key = JSON.stringify(wanted)
  let rows = views.get(key)
  rows ??= viewOf(copy, wanted)
  // The oldest one goes first.
  views.delete(key)
  views.set(key, rows)
  if (views.size > VIEWS_KEPT) views.delete(views.keys().next().value as string)
  return rows
}

function answer(id: number, wanted: Wanted, offset: number, limit: number): FromConnThread {
  const copy = whole.atMs > 0 ? whole : next
  const rows = view(copy, wanted)
  const page = copy.page(rows.subarray(offset, offset + limit))
  return { id, atMs: copy.atMs, total: copy.count, matched: rows.length, page }
}

function hear(message: ToConnThread): FromConnThread | undefined {
  if ('records' in message) {
    next.add(message.records, message.count, message.worker)
    return { taken: true }
  }
  if ('begin' in message) next.clear(message.begin.rows)
  else if ('end' in message) {
    next.atMs = message.end.atMs
    ;[whole, next] = [next, whole]
    views.clear()
  } else {
    const { id, wanted, offset, limit } = message
    try {
      return answer(id, wanted, offset, limit)
    } catch (error) {
      return { id, error: (error as Error).message }
    }
  }
  return undefined
}

parentPort?.on('message', (message: ToConnThread) => {
  const said = hear(message)
  if (said) parentPort?.postMessage(said)
})
