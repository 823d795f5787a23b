/**
 * All packet threads as the rest of control sees them: one thing that is started, asked and stopped. Life-cycle as of
 * one of them: constructed (the arms are open and the threads start), `ready` when all are, `ended` when one is gone.
 */

import type { Worker } from 'node:worker_threads'
import type { ConnInfo, ConnPage, NeighbourInfo } from '../../api/commands.ts'
import type { Change } from '../../config/changes.ts'
import type { Config } from '../../config/config.ts'
import { Steering } from '../../engine/steering.ts'
import type { Fault } from '../../io/mending.ts'
import { createWaker } from '../../io/native.ts'
import { readerOf } from '../../io/queues.ts'
import { type Keeping, NO_KEEPER } from '../keeper/keeping.ts'
import { LogLevels } from '../log/levels.ts'
import { Arms, type OpenQueues } from './arms.ts'
import { type Flight, quietPlaces, shareMemory, type Tables, workerId } from './memory.ts'
import type { Own } from './own.ts'
import { type Adopted, PacketThread, type Start } from './packet-thread.ts'
import type { Key, Probed } from './probe.ts'
import type { AdoptedState, Inheritance, Queue, ToWorker, WorkerImage } from './protocol.ts'
import { Revival, type WorkerNews } from './revival.ts'
import { Standing } from './standing.ts'
import type { WorkerState } from './state.ts'
import { openStates } from './states.ts'

/** Where a page of connections begins: the worker by index and the record of its table, in one safe integer. */
const pageOf = {
  write: (worker: number, record: number): number => worker * 2 ** 32 + record,
  read: (from: number) => ({ worker: Math.trunc(from / 2 ** 32), record: from % 2 ** 32 }),
}

/** Puts a record of a page of connections into words. */
export type ConnInfoOf = (page: Int32Array, index: number, worker: number) => ConnInfo

/** In which they count and write their records, by worker; control reads it. */
export interface Memories {
  tables: readonly Tables[]
  traces: readonly SharedArrayBuffer[]
  /** Of each trace. */
  traceRecords: number
  flights: readonly Flight[]
  /** Left out if nobody wants the sessions. */
  sessions?: readonly SharedArrayBuffer[]
}

export interface WorkersOptions {
  /** Told what the log should say. */
  warn(text: string): void
  /** Told of workers that hang or end, and are started again. */
  onNews?: ((news: WorkerNews) => void) | undefined
  /** Told of exceptions that a worker has mended; by its index. */
  onFault?: ((worker: number, fault: Fault) => void) | undefined
  /** An arm that another process holds is opened too. */
  force?: boolean | undefined
  /** What each thread runs, and what opens the queues of an arm: tests bring threads and devices of their own. */
  program?: URL | undefined
  openQueues?: OpenQueues | undefined
  /** Who holds what they live by; left out, nobody. */
  keeping?: Keeping | undefined
  /** Threads that wait to be used, the first for the first worker. */
  spares?: readonly Worker[]
}

const WORKER = new URL('./worker.js', import.meta.url)

export class Workers {
  /** Rejects with the reason, in one line, if one of them cannot start or ends before. */
  readonly ready: Promise<(AdoptedState | undefined)[]>
  /** Resolves when one of them is gone; undefined if it was asked to go. */
  readonly ended: Promise<string | undefined>
  readonly #threads: PacketThread[]
  readonly #arms: Arms
  readonly #armCount: number
  readonly #steering: Steering
  readonly #revival: Revival
  readonly #standing = new Standing()
  readonly #tables: readonly Tables[]
  #debug: boolean
  #draining = false
  /** Of the check arm, by worker; empty as long as it has no device. */
  #checkFds: readonly number[] = []

  /** `changes` are what they set up first. Throws NativeError if an arm cannot be opened, and HeldError. */
  constructor(
    config: Config,
    changes: readonly Change[],
    { tables, traces, traceRecords, flights, sessions = [] }: Memories,
    options: WorkersOptions,
  ) {
    const { warn, onNews, onFault, force = false, program = WORKER } = options
    const { openQueues, keeping = NO_KEEPER } = options
    const { services: _, warnings: __, named: ___, file: ____, ...bare } = config
    this.#armCount = config.arms.length
    this.#steering = new Steering(traces.length)
    this.#tables = tables
    this.#debug = new LogLevels(config.log.level, config.log.modules).tracing
    const wakers = traces.map(() => createWaker())
    const shared = wakers.length === 1 ? null : shareMemory(config, wakers)
    this.#arms = new Arms(config, {
      force,
      warn,
      keeping,
      send: (worker, message) => this.#send(worker, message),
      ...(openQueues && { openQueues }),
    })
    const queues = this.#arms.open()
    this.#standing.told(changes)
    const states = openStates(bare, sessions.length > 0, keeping, warn)
    const startOf = (index: number, own: Queue[], inherits: Inheritance | null): Start => ({
      config: bare,
      changes: inherits ? this.#standing.changes() : changes,
      inherits,
      debug: this.#debug,
      draining: this.#draining,
      tables: tables[index] as Tables,
      index,
      state: states[index] as WorkerState,
      queues: own,
      shared,
      trace: traces[index] as SharedArrayBuffer,
      traceRecords,
      flight: (flights[index] as Flight).memory,
      flightCells: (flights[index] as Flight).cells,
      waker: wakers[index] as number,
      sessions: sessions[index] ?? null,
    })
    this.#threads = wakers.map((_, index) => {
      const own = queues.map(ofArm => ofArm[index] as Queue)
      return new PacketThread(startOf(index, own, null), {
        program,
        spare: options.spares?.[index],
        warn,
        lost: arm => this.#arms.lost(arm, index),
        fault: fault => onFault?.(index, fault),
        gone: failure => this.#revival.gone(index, failure),
      })
    })
    this.#revival = new Revival({
      threads: this.#threads,
      tables,
      start: index => this.#restart(index, startOf),
      tell: news => onNews?.(news),
    })
    this.ready = Promise.all(this.#threads.map(thread => thread.ready)).then(adopted => {
      this.#revival.watch()
      return adopted
    })
    // As of one thread: code that awaits it sees the failure.
    this.ready.catch(() => {})
    this.ended = Promise.race(this.#threads.map(thread => thread.ended))
  }

  /** Orders of control's own; what they change stands. */
  #send(worker: number, message: ToWorker): void {
    if (message.do === 'put') this.#standing.told([message.change])
    this.#threads[worker]?.send(message)
  }

  /** Another thread in the place of one that has ended, with all that it was told. */
  #restart(
    index: number,
    startOf: (index: number, own: Queue[], inherits: Inheritance) => Start,
  ): Promise<Adopted> {
    const thread = this.#threads[index] as PacketThread
    const gone = this.#standing.gone(quietPlaces(this.#tables))
    const ready = thread.restart(startOf(index, this.#arms.queuesOf(index), { gone }))
    this.#attachCheckArm(index)
    return ready
  }

  /** Each answers between two bursts; what is a worker's own stands side by side. */
  async neighbours(): Promise<NeighbourInfo[]> {
    const ask = (thread: PacketThread) => thread.request({ do: 'neighbours' })
    return (await Promise.all(this.#threads.map(ask))).flat()
  }

  /** At least one connection and at most about `limit`, one worker's table after the other's, until there is none. */
  async conns(from: number, limit: number, info: ConnInfoOf): Promise<ConnPage> {
    const conns: ConnInfo[] = []
    let { worker, record } = pageOf.read(from)
    while (worker < this.#threads.length && conns.length < limit) {
      const thread = this.#threads[worker] as PacketThread
      record = await thread.conns(record, ({ count, next }) => {
        for (let i = 0; i < count; i++) conns.push(info(thread.page, i, workerId(worker)))
        return next
      })
      if (record >= 0) continue
      worker++
      record = 0
    }
    return { conns, next: worker < this.#threads.length ? pageOf.write(worker, record) : -1 }
  }

  /** The living connections of a key: the worker that owns it is asked. `read` is told of what it found, piece by piece. */
  async probe(key: Key, read: (probed: Probed, worker: number) => void): Promise<void> {
    const { by, address, port } = key
    const owner =
      by === 'lip' ? this.#steering.lportWorker(port) : this.#steering.clientWorker(address, port)
    const thread = this.#threads[owner]
    // An lport of nobody's: three workers leave every fourth one.
    if (thread === undefined) return
    for (let from = 0; from >= 0; ) {
      const probed = await thread.request({ do: 'probe', key, from })
      read(probed, workerId(owner))
      from = probed.next
    }
  }

  /**
   * All connections, page by page, one worker's table after the other's: `read` looks at a page before the next one is
   * copied, and the packets have their time for as long as it takes. Rejects if a worker does not answer.
   */
  async pages(
    read: (page: Int32Array, count: number, worker: number) => Promise<void> | undefined,
  ): Promise<void> {
    for (const [index, thread] of this.#threads.entries()) {
      for (let from = 0; from >= 0; ) {
        from = await thread.conns(from, async ({ count, next }) => {
          await read(thread.page, count, workerId(index))
          return next
        })
      }
    }
  }

  /** Carries changes out in all of them; `own` is what is ours then, if they change that. Rejects if one could not. */
  async change(changes: readonly Change[], own: Own = { lips: [], addresses: [] }): Promise<void> {
    const has = (...puts: Change['put'][]) => changes.some(({ put }) => puts.includes(put))
    // Before a LIP is used, what comes back to it must find its way to the worker.
    if (has('lip', 'no-lip')) this.#arms.steer(own.lips)
    // And an address is the host's again when nobody has it any more.
    if (has('address')) this.#arms.readdressMore(own.addresses)
    this.#standing.told(changes)
    const ask = (thread: PacketThread) => thread.request({ do: 'change', changes })
    await Promise.all(this.#threads.map(ask))
    if (has('no-address')) this.#arms.readdress(own.addresses)
  }

  /** Of all engines, each as it is between two bursts of its own. Rejects if one could not. */
  images(): Promise<WorkerImage[]> {
    return Promise.all(this.#threads.map(thread => thread.request({ do: 'image' })))
  }

  /** Each puts what it counts into the journals. Resolves when it is written. */
  async check(): Promise<void> {
    for (const thread of this.#threads) thread.send({ do: 'check' })
    // What is written between two turns can be read when the second one is over.
    await this.alive()
    await this.alive()
  }

  /** The arm of the health checks, behind those of the config, has a device: `fds` are its queue, one for each worker. */
  attachCheckArm(fds: readonly number[]): void {
    this.#checkFds = fds
    for (const worker of fds.keys()) this.#attachCheckArm(worker)
  }

  #attachCheckArm(worker: number): void {
    const fd = this.#checkFds[worker]
    if (fd === undefined) return
    const arm = this.#armCount
    const reads = worker === readerOf(arm, this.#checkFds.length)
    this.#threads[worker]?.send({ do: 'attach', arm, queue: { fd, reads } })
  }

  get arms(): Arms {
    return this.#arms
  }

  /** Ends their sleep: something in shared memory wants to be looked at. */
  wake(): void {
    for (const thread of this.#threads) thread.wake()
  }

  setDebug(debug: boolean): void {
    this.#debug = debug
    for (const thread of this.#threads) thread.send({ do: 'debug', on: debug })
  }

  /** => whether each of them still turns its loop */
  async alive(): Promise<boolean> {
    const signs = await Promise.all(this.#threads.map(thread => thread.alive()))
    return signs.every(Boolean)
  }

  /** From now on no connection is opened. Resolves when what they count shows it. */
  async drain(): Promise<void> {
    this.#draining = true
    for (const thread of this.#threads) thread.send({ do: 'drain' })
    // Gauges are written between two turns: those of the turn that took this in are there with a second answer.
    await this.alive()
    await this.alive()
  }

  /** Ends them, between two bursts; resolves when they are gone. `goOn`: connections do, with another daemon. */
  async stop(goOn = false): Promise<void> {
    this.#revival.stop()
    this.#arms.stop()
    await Promise.all(this.#threads.map(thread => thread.stop(goOn)))
    this.#arms.release()
  }
}
