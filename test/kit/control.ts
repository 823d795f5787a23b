/** What the daemon does with requests, without its packet threads: the running config is real, the traffic is not. */

import type { Request } from '../../src/api/commands.ts'
import { LINK_UP, type LinkState } from '../../src/api/link-state.ts'
import type { LogLevel } from '../../src/api/log-levels.ts'
import { configOf } from '../../src/config/config.ts'
import type { Respond } from '../../src/control/http/server.ts'
import { cut } from '../../src/control/model/cut.ts'
import { Model } from '../../src/control/model/model.ts'
import { addresses, counters, routes, services } from '../../src/control/readings/listings.ts'
import { numbers } from '../../src/control/readings/numbers.ts'
import { Readings } from '../../src/control/readings/readings.ts'
import { drops, edges } from '../../src/control/readings/refusals.ts'
import type { Arms } from '../../src/control/threads/arms.ts'
import { newTables, type Tables } from '../../src/control/threads/memory.ts'
import { History } from '../../src/control/whois/history.ts'
import { whois } from '../../src/control/whois/whois.ts'
import { Counters, Drop } from '../../src/engine/counters.ts'
import { DropBook } from '../../src/engine/drop-book.ts'
import { Edges } from '../../src/engine/edges.ts'
import { Frames } from '../../src/engine/frames.ts'
import { longClockMs } from '../../src/io/loop.ts'
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

const ARMS = {
  state: (arm: number): LinkState =>
    arm === 0 ? LINK_UP : { up: false, admin: 'down', link: 'down', orphaned: false },
  queues: () => 1,
} as unknown as Arms

/** With no connection. */
const WORKERS = { probe: async () => ({ ok: null }) }

const WORKLESS = { workers: { change: async () => {} }, log: { info: () => {} } }

export interface Control {
  model: Model
  respond: Respond
  /** What was asked, the newest last. */
  asked: Request[]
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

export function modelControl(): Control {
  const config = configOf(CONFIG)
  const model = new Model(config, new Readings(config, [usedTables()]))
  const asked: Request[] = []
  const history = new History(
    { connections: 16, file: null, keep: 1, size: 2 ** 30 },
    Date.now(),
    () => {},
  )
  let level: LogLevel = 'info'
  const carryOut = async () => {}
  const respond: Respond = async request => {
    asked.push(request)
    switch (request.verb) {
      case 'ping':
        return { ok: { version: '0.1.0', pid: 1, workers: 7 } }
      case 'ui':
        return { ok: { url: null } }
      case 'log':
        level = request.level ?? level
        return { ok: { level } }
      case 'recorder':
        return { ok: { ring: request.ring ?? false, followers: 0, snaplen: 160, bytes: 8 << 20 } }
      case 'reopen':
        return { ok: null }
      case 'services':
        return { ok: services(model) }
      case 'addresses':
        return { ok: addresses(model) }
      case 'routes':
        return { ok: routes(model) }
      case 'counters':
        return { ok: counters(model, ARMS) }
      case 'numbers':
        return { ok: numbers(model, ARMS) }
      case 'edges':
        return { ok: edges(model.readings) }
      case 'drops':
        return { ok: drops(model, request.reason) }
      case 'timeouts':
        return { ok: model.config.file.tcp.timeouts }
      case 'config':
        return { ok: model.config.file }
      case 'edit':
        return { ok: await model.edit(request.edits, request.dry_run ?? false, carryOut) }
      case 'apply': {
        const next = configOf(request.config)
        return { ok: await model.apply(next, request.dry_run ?? false, carryOut) }
      }
      case 'reload':
        return { ok: await model.apply(configOf(CONFIG), false, carryOut) }
      case 'zero':
        return { ok: null }
      case 'cut':
        return { ok: await cut({ model, ...WORKLESS }, request) }
      case 'conns': {
        const end = Math.min(CONNS, request.from + request.limit)
        const conns = Array.from({ length: end - request.from }, () => CONN)
        return { ok: { conns, next: end === CONNS ? -1 : end } }
      }
      case 'whois': {
        const records = { history, catchUp: () => {} }
        return { ok: await whois(request, { model, workers: WORKERS, records }) }
      }
      case 'neighbours': {
        const one = { address: '192.168.168.2', arm: 'int0', worker: 5, static: false }
        return { ok: [{ ...one, mac: null, state: 'SEND' }] }
      }
    }
  }
  return { model, respond, asked }
}
