/**
 * The daemon without packet threads, devices and a log that anybody reads: requests are answered by its own code, from a
 * config that is real and traffic that is not.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Request } from '../../src/api/commands.ts'
import { LINK_UP, type LinkState } from '../../src/api/link-state.ts'
import { Refused } from '../../src/api/refused.ts'
import { configOf } from '../../src/config/config.ts'
import type { Respond } from '../../src/control/http/server.ts'
import { LogLevels } from '../../src/control/log/levels.ts'
import { Model } from '../../src/control/model/model.ts'
import { Readings } from '../../src/control/readings/readings.ts'
import { type Daemon, respond } from '../../src/control/respond.ts'
import { ListTables } from '../../src/control/threads/list-tables.ts'
import { newTables, type Tables } from '../../src/control/threads/memory.ts'
import { History } from '../../src/control/whois/history.ts'
import { Counters, Drop } from '../../src/engine/counters.ts'
import { DropBook } from '../../src/engine/drop-book.ts'
import { Edges } from '../../src/engine/edges.ts'
import { Frames } from '../../src/engine/frames.ts'
import { longClockMs } from '../../src/io/clock.ts'
import { CONN } from '../cli/canned.ts'

/** Two arms, no service. */
export const CONFIG = {
  arms: [
    {
      name: 'ext0',
      addresses: ['202.108.10.1/32', '202.108.10.2/32'],
      routes: [{ to: '202.108.10.0/24' }],
    },
    {
      name: 'int0',
      addresses: ['192.168.168.3/32'],
      local_addresses: ['192.168.168.7'],
      routes: [{ to: '192.168.168.0/24' }],
    },
  ],
}

const CONNS = 2500
const IDLE = { change: async () => {}, setDebug: () => {}, probe: async () => {} }

/** Of a table of 2500 connections, all the same. */
export const WORKERS: Daemon['workers'] = {
  ...IDLE,
  arms: {
    state: (arm: number): LinkState =>
      arm === 0 ? LINK_UP : { up: false, admin: 'down', link: 'down', orphaned: false },
    queues: () => 1,
  },
  async neighbours() {
    const one = { address: '192.168.168.2', arm: 'int0', worker: 5, static: false, flaps: false }
    return [{ ...one, mac: null, state: 'SEND' }]
  },
  async conns(from, limit) {
    const end = Math.min(CONNS, from + limit)
    const conns = Array.from({ length: end - from }, () => CONN)
    return { conns, next: end === CONNS ? -1 : end }
  },
}

/** As a worker leaves them that has opened a connection and refused a frame of 24 bytes. */
function usedTables(): Tables {
  const tables = newTables(configOf(CONFIG))
  new Edges(tables.edges).taken(0, 2, 0, longClockMs())
  const frames = new Frames(new ArrayBuffer(Frames.bytesFor(512)), 512)
  const counters = new Counters(tables.counters, CONFIG.arms.length)
  counters.book = new DropBook(tables.drops, frames)
  counters.book.now = longClockMs()
  const slot = frames.take()
  frames.length[slot] = 34
  counters.rxDrop(0, Drop.ETH_TYPE, slot)
  return tables
}

/** It runs `config`; only what is asked of packet threads has to be made up. */
export function paperDaemon(
  file: object,
  tables = newTables(configOf(file)),
  workers: Daemon['workers'] = WORKERS,
): Daemon {
  const config = configOf(file)
  const lists = new ListTables()
  const model = new Model(config, new Readings(config, [tables], lists))
  lists.with(model.initial)
  const kept = { connections: 16, file: null, keep: 1, size: 2 ** 30 }
  const history = new History(kept, Date.now(), () => {})
  const levels = new LogLevels('info')
  const quiet = () => {}
  return {
    configPath: '',
    model,
    workers: { ...workers, change: async changes => void lists.with(changes) },
    log: {
      levels,
      ...{ info: quiet, warn: quiet, error: quiet, reopen: quiet },
      setLevel: (level, module) => levels.set(level, module),
      setLevels: (level, modules) => levels.setAll(level, modules),
    },
    records: { history, catchUp: quiet, reopen: quiet },
    notifier: { reloading: quiet, ready: quiet },
    events: { emit: quiet },
    faults: { list: () => [] },
    keeping: paperKeeping(),
    pageUrl: null,
    watching: {
      ring: false,
      status() {
        return { ring: this.ring, followers: 0, snaplen: 160, bytes: 8 << 20 }
      },
    },
  }
}

/** A keeper that is asked what it would do, once at a time. */
function paperKeeping(): Daemon['keeping'] {
  const running = { path: '/usr/bin/tapvs', version: '0.1.0' }
  const info = { phase: 'none' as const, text: 'there was none', running }
  let isOn = false
  return {
    async ask(upgrade) {
      if (upgrade && isOn) throw new Refused('exists', 'an upgrade is under way')
      isOn ||= upgrade !== undefined
      return { ...info, former: null, wanted: null }
    },
  }
}

export interface Control {
  model: Model
  respond: Respond
  /** What was asked, the newest last. */
  asked: Request[]
}

/** Runs CONFIG, and finds the same in its file. */
export function modelControl(): Control {
  const daemon = paperDaemon(CONFIG, usedTables())
  const asked: Request[] = []
  return {
    model: daemon.model,
    asked,
    respond: request => {
      asked.push(request)
      daemon.configPath ||= configPath()
      return respond(request, daemon)
    },
  }
}

function configPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-control-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'tapvs.yaml')
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(CONFIG))
  return path
}
