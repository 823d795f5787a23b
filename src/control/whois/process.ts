/**
 * The process that has SQLite in it, from outside. It is not a thread, because SQLite comes as native code that ends its
 * process when it does not understand a damaged file (libsql 0.5: a text that is no UTF-8), and packets must not end with it.
 * It is started for the first order, and for the next one if it has gone.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { unprivileged } from '../../io/built.ts'
import { compiled } from '../system/built-file.ts'
import { NO_DEBUGGER } from '../system/signals.ts'
import type { Found, Search } from './ended.ts'

export interface SqliteStart {
  path: string
  /** null for looking only. */
  writes: {
    /** When the daemon began, ms since 1970. */
    daemonMs: number
    /** From when on it brings all that has ended. */
    sinceMs: number
    /** What is older is forgotten. */
    keepDays: number
    /** Bytes of the file at most; the oldest go first. */
    maxBytes: number
  } | null
}

/** `write`: ROW doubles for each connection; `lost` is the number of records that the daemon has lost so far. */
export type SqliteOrder = { write: Float64Array; lost: number; stop: boolean } | { find: Search }

/** `code` is that of SQLite, of the system or of Node, CRASHED or MOVED; empty for none. */
export type SqliteAnswer = { ok: Found | null } | { code: string; message: string }

const STOP_LIMIT_MS = 3000

export class SqliteProcess {
  #start: SqliteStart
  readonly #waiting = new Map<number, (answer: SqliteAnswer) => void>()
  #child: ChildProcess | null = null
  #nextId = 1

  constructor(start: SqliteStart) {
    this.#start = start
  }

  /** Orders are carried out one after the other. Never rejects. */
  async order(order: SqliteOrder): Promise<SqliteAnswer> {
    const answer = await this.#send(order)
    if (!('code' in answer) || answer.code !== 'MOVED') return answer
    // SQLite takes the files beside it away by their names when it ends, so that has to be before there are new ones.
    await this.stop()
    const { writes } = this.#start
    if (writes) this.#start = { ...this.#start, writes: { ...writes, sinceMs: Date.now() } }
    return this.#send(order)
  }

  /** Lets it end by itself, after what it was ordered. */
  async stop(): Promise<void> {
    const child = this.#child
    if (!child) return
    const gone = new Promise(done => child.once('exit', done))
    if (child.connected) child.disconnect()
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
    await gone
    clearTimeout(timer)
  }

  #send(order: SqliteOrder): Promise<SqliteAnswer> {
    const id = this.#nextId++
    this.#child ??= this.#fork()
    const child = this.#child
    return new Promise(done => {
      this.#waiting.set(id, done)
      // Who is about to be gone says so by its exit.
      child.send({ id, order }, () => {})
    })
  }

  #fork(): ChildProcess {
    const child = fork(compiled('control/whois/sqlite.js'), [JSON.stringify(this.#start)], {
      serialization: 'advanced',
      // Its last words would be a page of Rust.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // It reads files that may be damaged on purpose, and has no right to do harm by. The file of a daemon that has a user
      // of its own is looked into by root, who is told what is in it, and not let write.
      execPath: unprivileged(),
      execArgv: [...(this.#start.writes ? [] : ['-f']), process.execPath, NO_DEBUGGER],
    })
    child.on('message', (message: { id: number; answer: SqliteAnswer }) => {
      this.#settle(message.id, message.answer)
    })
    child.once('error', error => this.#ended({ code: '', message: error.message }))
    child.once('exit', (code, signal) => {
      this.#ended({ code: 'CRASHED', message: `its process has ended (${signal ?? code})` })
    })
    return child
  }

  #ended(answer: SqliteAnswer): void {
    this.#child = null
    for (const id of this.#waiting.keys()) this.#settle(id, answer)
  }

  #settle(id: number, answer: SqliteAnswer): void {
    this.#waiting.get(id)?.(answer)
    this.#waiting.delete(id)
  }
}
