/**
 * The history as an SQLite file. Numbers are kept as they are, names as text, so that another version reads them right; the
 * view `connections` is for people with sqlite3. Who opens it for writing is one daemon; WAL lets others read meanwhile,
 * and the first process to open it after a crash finds all that was committed.
 */

import { closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type Database from 'libsql'
import { stateName } from '../../api/names.ts'
import { DEFAULT_PROTOCOL, protocolOfCode } from '../../api/protocols.ts'
import { FORWARDINGS } from '../../api/words.ts'
import { forwardingOfMethod } from '../../see/words/forwarding.ts'
import { checkRemovable } from '../system/own-file.ts'
import { endName, type Found, type Search } from './ended.ts'
import { COLUMNS, connOf, keyOf, ROW, type Row, TEXTS, valuesOf } from './rows.ts'
import { gapsOf, type Run } from './runs.ts'

/** Of the header of the file: `tvph`. */
const APPLICATION = 0x74767068
const VERSION = 3
/** The column of the method is missing: all was FullNAT, or is told as that. */
const VERSION_FULLNAT = 2
/** Of files that know nothing but TCP: the column of the protocol is missing. */
const VERSION_TCP = 1
/** How long somebody else may have it locked. */
const BUSY_MS = 250
const HEADER_BYTES = 100
/** Rows that are deleted in one transaction: some 20 ms. */
const SLICE = 5000
/** Pages that are to be free before the limit of size is met: of what a batch takes, several times over. */
const RESERVE = 512
/** Slices that one batch may cost, which brings 2000 rows. */
const SLICES = 8
/** Pages given back to the disk in one go. */
const RETURNED = 2000

const address = (column: string) =>
  [24, 16, 8, 0].map(shift => `(${column} >> ${shift} & 255)`).join(` || '.' || `)
/** One of IPv6 is text in the file. */
const endpoint = (ip: string, port: string, name: string) =>
  `CASE typeof(${ip}) WHEN 'text' THEN '[' || ${ip} || ']' ELSE ${address(ip)} END || ':' || ${port} AS ${name}`
const time = (column: string) =>
  `strftime('%Y-%m-%dT%H:%M:%fZ', ${column} / 1000.0, 'unixepoch') AS ${column}`

function columnOf(name: string): string {
  return `${name} ${TEXTS.includes(name) ? 'TEXT' : 'INTEGER'} NOT NULL`
}

const SCHEMA = `
CREATE TABLE runs (id INTEGER PRIMARY KEY, daemon INTEGER NOT NULL, begun INTEGER NOT NULL,
  seen INTEGER NOT NULL, stopped INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0);
CREATE TABLE ended (id INTEGER PRIMARY KEY, ${COLUMNS.map(columnOf).join(', ')});
CREATE INDEX by_lip ON ended (lip, lport, ended);
CREATE INDEX by_client ON ended (cip, cport, ended);
${viewOf()}
PRAGMA application_id = ${APPLICATION};
PRAGMA user_version = ${VERSION};
`

const WITH_PROTOCOL = `ALTER TABLE ended ADD COLUMN ${columnOf('protocol')} DEFAULT '${DEFAULT_PROTOCOL}';`
/** What a file of VERSION_FULLNAT becomes, and behind WITH_PROTOCOL one of VERSION_TCP. */
const MIGRATION = `
ALTER TABLE ended ADD COLUMN ${columnOf('forwarding')} DEFAULT '${FORWARDINGS[0]}';
DROP VIEW connections;
${viewOf()}
PRAGMA user_version = ${VERSION};
`

function viewOf(): string {
  return `CREATE VIEW connections AS SELECT ${[
    endpoint('cip', 'cport', 'client'),
    endpoint('vip', 'vport', 'vip'),
    endpoint('lip', 'lport', 'lip'),
    endpoint('rip', 'rport', 'rs'),
    ...['opened', 'last', 'ended'].map(time),
    'how, state, worker, protocol, forwarding',
  ].join(', ')} FROM ended;`
}

export class HistoryDatabase {
  readonly #db: Database.Database
  /** Only of who writes. */
  readonly #insert: Database.Statement | undefined
  readonly #writes: boolean
  #run = -1

  /**
   * Opens the file, for a daemon (`writes`) or for looking only. Throws the errors of SQLite (`code` SQLITE_...), of the
   * folder (ENOENT, EACCES ...), ERR_MODULE_NOT_FOUND without the package, or an Error if it is a database of something else.
   */
  static async open(path: string, writes: boolean): Promise<HistoryDatabase> {
    const { default: Libsql } = await import('libsql')
    if (writes) checkRemovable(path)
    const size = statSync(path, { throwIfNoEntry: !writes })?.size
    // SQLite takes what is too short for a header for nothing, and would write over it.
    if (size !== undefined && size > 0 && size < HEADER_BYTES)
      throw Object.assign(new Error('too short'), { code: 'SQLITE_NOTADB' })
    if (size === undefined) make(path)
    const db = new Libsql(path, { timeout: BUSY_MS })
    try {
      return new HistoryDatabase(db, writes)
    } catch (error) {
      db.close()
      throw error
    }
  }

  private constructor(db: Database.Database, writes: boolean) {
    this.#db = db
    this.#writes = writes
    const [application] = this.#numbers('SELECT application_id FROM pragma_application_id')
    const [version] = this.#numbers('SELECT user_version FROM pragma_user_version')
    const [tables] = this.#numbers('SELECT count(*) FROM sqlite_schema')
    if (writes && application === 0 && tables === 0) {
      // Only now, in an empty file, and before WAL: with it free pages can be given back to the disk a few at a time.
      db.exec('PRAGMA auto_vacuum = INCREMENTAL')
      db.exec('PRAGMA journal_mode = WAL')
      db.exec(`BEGIN; ${SCHEMA} COMMIT`)
    } else if (application !== APPLICATION)
      throw new Error(tables === 0 ? 'it is empty' : 'it is an SQLite database of something else')
    else if (version === VERSION_TCP || version === VERSION_FULLNAT) {
      const first = version === VERSION_TCP ? WITH_PROTOCOL : ''
      // Who only looks finds what is there.
      if (writes) db.exec(`BEGIN; ${first} ${MIGRATION} COMMIT`)
    } else if (version === VERSION) {
      if (writes) this.#renewView()
    } else throw new Error(`it is of version ${version}, and not ${VERSION}`)
    // A power cut may take the last second; what a crash of the daemon takes was never written.
    db.exec('PRAGMA synchronous = NORMAL')
    // 16 MiB for the leaves of the indexes: with the usual 2 a million rows take a quarter longer to write.
    db.exec('PRAGMA cache_size = -16384')
    if (!writes) db.exec('PRAGMA query_only = ON')
    if (!writes) return
    const places = COLUMNS.map(() => '?').join(', ')
    this.#insert = db.prepare(`INSERT INTO ended (${COLUMNS.join(', ')}) VALUES (${places})`)
  }

  /** That of a former version knows IPv4 only; the rows are the same. */
  #renewView(): void {
    const [sql] = this.#numbers("SELECT sql FROM sqlite_schema WHERE name = 'connections'")
    if (`${sql};` !== viewOf()) this.#db.exec(`BEGIN; DROP VIEW connections; ${viewOf()} COMMIT`)
  }

  /**
   * What is written from now on is of the daemon that began at `daemonMs`, which may have written here before; of what came
   * before `sinceMs` it brings nothing.
   */
  begin(daemonMs: number, sinceMs: number, nowMs: number): void {
    const known = this.#db
      .prepare('SELECT id FROM runs WHERE daemon = ? AND stopped = 0')
      .get(daemonMs)
    if (known) this.#run = (known as { id: number }).id
    else {
      const insert = this.#db.prepare('INSERT INTO runs (daemon, begun, seen) VALUES (?, ?, ?)')
      this.#run = Number(insert.run(daemonMs, sinceMs, nowMs).lastInsertRowid)
    }
  }

  /** All of `rows` (ROW doubles each) or nothing. `lost` is what the daemon has lost until now. */
  write(rows: Float64Array, nowMs: number, lost: number, stopped = false): void {
    this.#transaction(() => {
      for (let at = 0; at < rows.length; at += ROW) {
        const row = rows.subarray(at, at + ROW)
        const [state = 0, end = 0, code = 0, method = 0] = row.subarray(
          COLUMNS.length - TEXTS.length,
        )
        const names = [
          stateName(state, code),
          endName(end),
          protocolOfCode(code),
          forwardingOfMethod(method),
        ]
        this.#insert?.run(...valuesOf(row), ...names)
      }
      this.#db
        .prepare('UPDATE runs SET seen = ?, lost = ?, stopped = ? WHERE id = ?')
        .run(nowMs, lost, stopped ? 1 : 0, this.#run)
    })
  }

  /** Forgets some of what ended before `beforeMs`. => whether that was all */
  forget(beforeMs: number): boolean {
    let deleted = 0
    this.#transaction(() => {
      // They were written in about the order of their ends.
      const { changes } = this.#db
        .prepare(
          `DELETE FROM ended WHERE ended < ? AND id IN (SELECT id FROM ended ORDER BY id LIMIT ${SLICE})`,
        )
        .run(beforeMs)
      deleted = changes
      this.#knowFrom(beforeMs)
    })
    return deleted < SLICE
  }

  #knowFrom(ms: number): void {
    this.#db.prepare('DELETE FROM runs WHERE seen < ? AND id <> ?').run(ms, this.#run)
    this.#db.prepare('UPDATE runs SET begun = ? WHERE begun < ?').run(ms, ms)
  }

  /**
   * Forgets the oldest when the file comes near to this size, as many as one batch may cost; what they took is used again. A
   * file that is larger already gives back what is free, if it was made by a version that knows how.
   */
  bound(maxBytes: number): void {
    const pages = () => (this.#numbers('PRAGMA page_count')[0] ?? 0) as number
    const free = () => (this.#numbers('PRAGMA freelist_count')[0] ?? 0) as number
    const [bytes = 4096] = this.#numbers('PRAGMA page_size')
    const most = Math.floor(maxBytes / bytes)
    for (let n = 0; n < SLICES; n++) {
      if (pages() - free() <= most - RESERVE || !this.#forgetSlice()) break
    }
    const surplus = Math.min(pages() - most, free(), RETURNED)
    if (surplus > 0) this.#db.exec(`PRAGMA incremental_vacuum(${surplus})`)
  }

  /** => whether there was anything to forget */
  #forgetSlice(): boolean {
    const slice = `SELECT id FROM ended ORDER BY id LIMIT ${SLICE}`
    const [lastMs] = this.#numbers(`SELECT max(ended) FROM ended WHERE id IN (${slice})`)
    if (typeof lastMs !== 'number') return false
    this.#transaction(() => {
      this.#db.exec(`DELETE FROM ended WHERE id IN (${slice})`)
      this.#knowFrom(lastMs + 1)
    })
    return true
  }

  /** `ours`: asked by the daemon that writes it, which knows what still lives. */
  find(search: Search, ours: boolean, nowMs: number): Found {
    const { key, rs, fromMs, toMs, limit } = search
    const [ip, port] = key.by === 'lip' ? ['lip', 'lport'] : ['cip', 'cport']
    const conditions = [`${ip} = ? AND ${port} = ? AND ended >= ? AND opened <= ?`]
    const values = [keyOf(key.address), key.port, Math.max(fromMs, 0), Math.min(toMs, 1e15)]
    if (rs) {
      conditions.push('rip = ?')
      values.push(keyOf(rs.rip))
    }
    if (rs && rs.rport !== 0) {
      conditions.push('rport = ?')
      values.push(rs.rport)
    }
    const rows = this.#db
      .prepare(
        `SELECT * FROM ended WHERE ${conditions.join(' AND ')} ORDER BY ended DESC LIMIT ${limit}`,
      )
      .all(...values) as Row[]
    const runs = this.#runs(ours, nowMs)
    const sinceMs = runs[0]?.begunMs ?? null
    return { conns: rows.map(connOf), gaps: gapsOf(runs, fromMs, toMs), since_ms: sinceMs }
  }

  /** In the order of time. */
  #runs(ours: boolean, nowMs: number): Run[] {
    const rows = this.#db.prepare('SELECT * FROM runs ORDER BY begun').all() as {
      id: number
      begun: number
      seen: number
      stopped: number
      lost: number
    }[]
    return rows.map(({ id, begun, seen, stopped, lost }) => {
      const current = ours && id === this.#run
      const whole = current || stopped === 1
      return { begunMs: begun, seenMs: current ? nowMs : seen, whole, lost }
    })
  }

  close(): void {
    try {
      // Else the statements that wait for the garbage collector leave the WAL behind.
      if (this.#writes) this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch {
      // What is in the WAL stays there, and is as good.
    }
    this.#db.close()
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#db.exec('COMMIT')
    } catch (error) {
      // On a full disk SQLite has taken it back already.
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  #numbers(sql: string): number[] {
    return this.#db.prepare(sql).raw().get() as number[]
  }
}

/** Nobody else may read whose connections these were; SQLite gives its other files the same mode. */
function make(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  closeSync(openSync(path, 'wx', 0o600))
}
