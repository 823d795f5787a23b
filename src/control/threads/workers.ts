/**
 * All packet threads as the rest of control sees them: one thing that is started, asked and stopped. Life-cycle as of
 * one of them: constructed (the arms are open and the threads start), `ready` when all are, `ended` when one is gone.
 */

import type { ConnInfo, ConnPage, NeighbourInfo } from '../../api/commands.ts'
import type { Change } from '../../config/changes.ts'
import type { Config } from '../../config/config.ts'
import { Steering } from '../../engine/steering.ts'
import type { Fault } from '../../io/mending.ts'
import { NO_FD } from '../../io/port.ts'
import { readerOf } from '../../io/queues.ts'
import { type Keeping, NO_KEEPER } from '../keeper/keeping.ts'
import { LogLevels } from '../log/levels.ts'
import { Arms, type OpenQueues } from './arms.ts'
import { beginThread } from './begun.ts'
import { Changing } from './changing.ts'
import { type HeadStart, newWakers, type Starts, startOf, workerQueues } from './head-start.ts'
import { bareOf, type Memories } from './memories.ts'
import { quietPlaces, type Tables, workerId } from './memory.ts'
import { type Own, ownOf } from './own.ts'
import { type Adopted, PacketThread } from './packet-thread.ts'
import { pageOf } from './page-of.ts'
import type { Key, Probed } from './probe.ts'
import { WORKER } from './program.ts'
import type { AdoptedState, Times, ToWorker, WorkerImage } from './protocol.ts'
import { Revival, type WorkerNews } from './revival.ts'
import { Standing } from './standing.ts'
import { isSame } from './start-image.ts'
import { openStates } from './states.ts'
import { Ways } from './ways.ts'

/** Puts a record of a page of connections into words. */
export type ConnInfoOf = (page: Int32Array, index: number, worker: number) => ConnInfo

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
  /** Memory of lives (io/life.ts), in which each has the slot behind its index. */
  lives?: number | undefined
  /** Threads that have been started already, as they would be here. */
  head?: HeadStart | undefined
}

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
  readonly #changing: Changing
  readonly #tables: readonly Tables[]
  readonly #lists: Memories['lists']
  #debug: boolean
  #draining = false
  /** Of the check arm, by worker; empty as long as it has no device. */
  #checkFds: readonly number[] = []

  /** `changes` are what they set up first. Throws NativeError if an arm cannot be opened, and HeldError. */
  constructor(
    config: Config,
    changes: readonly Change[],
    memories: Memories,
    options: WorkersOptions,
  ) {
    const { warn, onNews, onFault, force = false, program = WORKER, head } = options
    const { openQueues, keeping = NO_KEEPER, lives = NO_FD } = options
    const bare = bareOf(config)
    this.#armCount = config.arms.length
    this.#steering = new Steering(memories.traces.length)
    this.#tables = memories.tables
    this.#lists = memories.lists
    this.#debug = new LogLevels(config.log.level, config.log.modules).tracing
    const quiet = quietPlaces(memories.tables)
    const ways = new Ways(quiet.dests, changes)
    this.#arms = new Arms(config, {
      force,
      warn,
      keeping,
      ways: ways.all,
      send: (worker, message) => this.#send(worker, message),
      ...(openQueues && { openQueues }),
    })
    this.#changing = new Changing(
      ownOf(config),
      { isQuiet: quiet.lips, ways },
      this.#arms,
      this.#tell,
    )
    const queues = this.#arms.open()
    this.#standing.told(changes)
    const states = openStates(bare, memories.sessions.length > 0, keeping, warn)
    if (head && !isSame(head.queues, queues))
      throw new Error('the arms have changed while the daemon started')
    const { wakers, shared } = head ?? newWakers(bare)
    const starts: Starts = { config: bare, changes, memories, states, lives, wakers, shared }
    this.#threads = wakers.map((waker, index) => {
      const begun =
        head?.threads[index] ??
        beginThread(program, startOf(starts, index, workerQueues(queues, index)))
      return new PacketThread(begun, waker, {
        program,
        warn,
        lost: arm => this.#arms.lost(arm, index),
        fault: fault => onFault?.(index, fault),
        gone: failure => this.#revival.gone(index, failure),
      })
    })
    this.#revival = new Revival({
      threads: this.#threads,
      tables: memories.tables,
      start: index => this.#restart(index, starts),
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
  #restart(index: number, starts: Starts): Promise<Adopted> {
    const thread = this.#threads[index] as PacketThread
    const gone = this.#standing.gone(quietPlaces(this.#tables))
    const ready = thread.restart({
      ...startOf(starts, index, this.#arms.queuesOf(index)),
      changes: this.#lists.with(this.#standing.changes()),
      inherits: { gone },
      debug: this.#debug,
      draining: this.#draining,
    })
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
    // As the packets of a client are steered (engine/parsed.ts).
    const client = typeof address === 'number' ? address : address.reduce((all, one) => all ^ one)
    const owner =
      by === 'lip' ? this.#steering.lportWorker(port) : this.#steering.clientWorker(client, port)
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
  change(changes: readonly Change[], own?: Own): Promise<void> {
    return this.#changing.change(changes, own)
  }

  readonly #tell = async (changes: readonly Change[]): Promise<void> => {
    this.#standing.told(changes)
    const told = this.#lists.with(changes)
    await Promise.all(this.#threads.map(thread => thread.request({ do: 'change', changes: told })))
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

  /** By worker, how its thread started; of those that are ready. */
  get times(): (Times | undefined)[] {
    return this.#threads.map(({ times }) => times)
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
    this.#changing.stop()
    this.#arms.stop()
    await Promise.all(this.#threads.map(thread => thread.stop(goOn)))
    this.#arms.release()
  }
}
