/**
 * The balancer of the playground: the config that a scenario asks for, as a file, and the engine that the daemon's own code makes
 * of it, with a clock in our hand and the recorder on. What it says, it says as the daemon does.
 */

import { formatAddresses } from '../cli/dpip/listings.ts'
import { formatConn, formatServices } from '../cli/ipvsadm/listings.ts'
import { compare } from '../config/changes.ts'
import { type Config, parseConfig } from '../config/config.ts'
import { addresses, type Sources, services } from '../control/readings/listings.ts'
import { Rates } from '../control/readings/rates.ts'
import { Readings } from '../control/readings/readings.ts'
import { STAND } from '../control/replay/rerun.ts'
import { Rig, SENT_BYTES_MAX, type Sent } from '../control/replay/rig.ts'
import { newTables, newTemplates, type Tables, workerId } from '../control/threads/memory.ts'
import {
  connInfo,
  copyRecord,
  RECORD_CELLS,
  type Timeouts,
  timeoutsOf,
} from '../control/threads/snapshots.ts'
import { KeyedIsn } from '../engine/isn.ts'
import type { Moment } from '../see/moments/moment.ts'
import { Moments } from '../see/moments/moments.ts'
import { arpAnswer, askedFor } from './arp.ts'
import type { Scenario } from './scenario.ts'

/** The seed's addresses. */
export const VIP = '202.108.10.1'
export const PORT = 6379
export const ARMS = ['dpdk0', 'dpdk1'] as const

/** Addresses of the RSs, from the seed's on. */
export function rsAddress(index: number): string {
  return `192.168.168.${2 + (index === 0 ? 0 : index + 1)}`
}

/** µs since 1970 at which the clock of captures begins: some day of the seed's year, and always the same. */
export const EPOCH_US = Date.UTC(2018, 5, 1) * 1000

/** That of the tests' stands, so that a transcript has the same cookies. */
const COOKIE_KEY = [5, 6, 7, 8]

/** Rows of a listing that are put into words. */
const ROWS = 12
/** More than a flood may have. */
const CONNS = 4096

/** A config file, as somebody would write it. */
export function configOfScenario(scenario: Scenario): string {
  const { protocol, servers, scheduler, syn_proxy, workers, make_room } = scenario
  const { toa, bare_ack, strict, uoa } = scenario
  const rss = servers.map(
    (server, i) =>
      `      - { address: ${rsAddress(i)}, port: ${PORT}, weight: ${Number.parseInt(server, 10)} }`,
  )
  return `arms:
  - name: ${ARMS[0]}
    addresses: [${VIP}/32]
    routes: [{ to: 202.108.10.0/24 }]
  - name: ${ARMS[1]}
    addresses: [192.168.168.3/32]
    local_addresses: [192.168.168.7]
    routes: [{ to: 192.168.168.0/24 }]
services:
  - address: ${VIP}
    port: ${PORT}
    protocol: ${protocol}
    scheduler: ${scheduler}
${protocol === 'tcp' ? `    syn_proxy: ${syn_proxy}\n` : ''}    real_servers:
${rss.join('\n')}
workers: { count: ${workers} }
connections: { table_size: ${CONNS * workers}, make_room: ${make_room === 'yes'} }
tcp: { toa: ${toa}, bare_ack: ${bare_ack}, strict: ${strict} }
udp: { uoa: ${uoa} }
neighbours: { timeout: 3600 }
`
}

/** What one frame, or a while, has brought about. */
export interface Turn {
  sent: Sent[]
  moments: Moment[]
}

export class Appliance {
  readonly yaml: string
  readonly config: Config
  readonly #rig: Rig
  readonly #moments: Moments
  readonly #sources: Sources
  readonly #worker: number
  readonly #timeouts: Timeouts
  /** Scratch: one record. */
  readonly #page = new Int32Array(RECORD_CELLS)
  #now: number = STAND.now

  constructor(scenario: Scenario) {
    this.yaml = configOfScenario(scenario)
    this.config = parseConfig(this.yaml, 'scenario')
    this.#timeouts = timeoutsOf(this.config)
    this.#worker = scenario.worker - 1
    const tables: Tables = newTables(this.config)
    const { seed, key, now } = STAND
    const isn =
      scenario.isn === 0 ? new KeyedIsn(Int32Array.from(key)) : { choose: () => scenario.isn | 0 }
    const worker = this.#worker
    const templateMemory = newTemplates(COOKIE_KEY)
    this.#rig = new Rig(this.config, { seed, isn, now, tables, worker, templateMemory })
    const names = { worker: workerId(this.#worker), arms: this.config.arms.map(arm => arm.name) }
    this.#moments = new Moments(this.#rig.reader(), names)
    const readings = new Readings(this.config, [tables])
    const [health, reasons, rates] = [new Map(), new Map(), new Rates()]
    const places = readings.places()
    this.#sources = { config: this.config, places, readings, health, reasons, rates }
    for (const change of compare(null, this.config).changes(places)) this.#rig.setUp(change, now)
    this.#resolve()
  }

  /** Every RS answers the question for its MAC that is asked ahead of the first connection; nobody watches yet. */
  #resolve(): void {
    for (const { arm, bytes } of this.#rig.collect()) {
      if (arm !== 1 || askedFor(bytes) === undefined) continue
      const answer = arpAnswer('rs', bytes)
      this.#rig.input(arm, { bytes: answer, length: answer.length }, this.#now, EPOCH_US)
    }
    this.#rig.collect()
    this.#moments.take(Number.POSITIVE_INFINITY)
  }

  get worker(): number {
    return workerId(this.#worker)
  }

  /** ms since the scenario began. */
  get now(): number {
    return this.#now - STAND.now
  }

  /** The MAC of an arm, by bytes. */
  macOf(arm: number): number[] {
    const text = this.config.arms[arm]?.mac ?? ''
    return text.split(':').map(byte => Number.parseInt(byte, 16))
  }

  /** => with its verdict */
  input(arm: number, frame: Uint8Array): Turn & { verdict: number } {
    const given = { bytes: frame.subarray(0, SENT_BYTES_MAX), length: frame.length }
    const verdict = this.#rig.input(arm, given, this.#now, this.#us)
    return { verdict, ...this.#turn() }
  }

  /** Time passes, in steps as the packet thread's loop makes them. */
  pass(ms: number): Turn {
    const turn: Turn = { sent: [], moments: [] }
    for (const end = this.#now + ms; this.#now < end; ) {
      this.#now = Math.min(end, this.#now + STAND.stepMs)
      this.#rig.tick(this.#now, this.#us)
      const { sent, moments } = this.#turn()
      turn.sent.push(...sent)
      turn.moments.push(...moments)
    }
    return turn
  }

  get #us(): number {
    return EPOCH_US + this.now * 1000
  }

  #turn(): Turn {
    const sent = this.#rig.collect()
    return { sent, moments: this.#moments.take(Number.POSITIVE_INFINITY) }
  }

  /** Connections that it has. */
  get used(): number {
    return this.#rig.engine.conns.table.used
  }

  /** `ipvsadm -ln -c`, the first rows. */
  conns(): string[] {
    const { table } = this.#rig.engine.conns
    const established = (place: number) => this.#sources.readings.establishedMs(place)
    const rows: string[] = []
    for (let conn = -1; rows.length < ROWS; ) {
      conn = table.nextUsed(conn + 1, table.capacity)
      if (conn < 0) break
      copyRecord(table, conn, this.#page, 0)
      const info = connInfo(this.#page, 0, this.worker, this.#timeouts, established)
      rows.push(formatConn(info).trimEnd())
    }
    return rows
  }

  /** `ipvsadm -ln` and `dpip addr show`. */
  listings(): { services: string; addresses: string } {
    return {
      services: formatServices(services(this.#sources)),
      addresses: formatAddresses(addresses(this.#sources)),
    }
  }

  /** What explanations of drops are made from. */
  get sources(): Sources {
    return this.#sources
  }
}
