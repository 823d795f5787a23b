/**
 * All packet threads as the rest of control sees them: one thing that is started, asked and stopped. Life-cycle as of
 * one of them: constructed (the arms are open and the threads start), `ready` when all are, `ended` when one is gone.
 */

import { arenaSlots } from '../engine/frames.ts'
import { Handover } from '../io/handover.ts'
import { createWaker } from '../io/native.ts'
import { arenaBytes, type Tables } from './apply.ts'
import { Arms } from './arms.ts'
import type { Change } from './changes.ts'
import type { Answer, NeighbourInfo } from './commands.ts'
import type { Config } from './config.ts'
import { PacketThread } from './packet-thread.ts'
import type { Shared, WorkerRequest } from './worker-protocol.ts'

/** Where a page of connections begins: the worker by index and the record of its table, in one safe integer. */
const pageOf = {
  write: (worker: number, record: number): number => worker * 2 ** 32 + record,
  read: (from: number) => ({ worker: Math.trunc(from / 2 ** 32), record: from % 2 ** 32 }),
}

export class Workers {
  /** Rejects with the reason, in one line, if one of them cannot start or ends before. */
  readonly ready: Promise<unknown>
  /** Resolves when one of them is gone; undefined if it was asked to go. */
  readonly ended: Promise<string | undefined>
  readonly #threads: PacketThread[]
  readonly #arms: Arms

  /**
   * `changes` are what they set up first; `tables`, `traces` and `sessions` are the memories in which they count and write
   * their records, by worker. Throws NativeError if an arm cannot be opened.
   */
  constructor(
    config: Config,
    changes: readonly Change[],
    tables: readonly Tables[],
    traces: readonly SharedArrayBuffer[],
    traceRecords: number,
    warn: (text: string) => void,
    sessions: readonly SharedArrayBuffer[] = [],
  ) {
    const { services: _, warnings: __, file: ___, ...bare } = config
    const wakers = traces.map(() => createWaker())
    const shared = wakers.length === 1 ? null : shareMemory(config, wakers)
    this.#arms = new Arms(config, warn, (worker, message) => this.#threads[worker]?.send(message))
    const queues = this.#arms.open()
    this.#threads = wakers.map((waker, index) => {
      const own = queues.map(ofArm => ofArm[index] as (typeof ofArm)[0])
      const trace = traces[index] as SharedArrayBuffer
      const start = {
        config: bare,
        changes,
        tables: tables[index] as Tables,
        index,
        queues: own,
        shared,
        trace,
        traceRecords,
        waker,
        sessions: sessions[index] ?? null,
      }
      return new PacketThread(start, arm => this.#arms.lost(arm, index), warn)
    })
    this.ready = Promise.all(this.#threads.map(thread => thread.ready))
    // As of one thread: whoever awaits it sees the failure.
    this.ready.catch(() => {})
    this.ended = Promise.race(this.#threads.map(thread => thread.ended))
  }

  /** Asks for what only they know; each answers between two bursts. */
  async request(request: WorkerRequest): Promise<Answer> {
    if (request.verb === 'conns') return this.#conns(request.from, request.limit)
    const answers = await Promise.all(this.#threads.map(thread => thread.request(request)))
    const failed = answers.find(answer => 'error' in answer)
    if (failed) return failed
    // What is a worker's own stands side by side.
    return { ok: answers.flatMap(answer => (answer as { ok: NeighbourInfo[] }).ok) }
  }

  /** Carries changes out in all of them; `lips` are all LIPs then. Rejects if one could not. */
  async change(changes: readonly Change[], lips: readonly string[]): Promise<void> {
    // Before a LIP is used, what comes back to it must find its way to the worker.
    if (changes.some(({ put }) => put === 'lip' || put === 'no-lip')) this.#arms.steer(lips)
    const answers = await Promise.all(this.#threads.map(thread => thread.change(changes)))
    for (const answer of answers) if ('error' in answer) throw new Error(answer.error)
  }

  get arms(): Arms {
    return this.#arms
  }

  setDebug(debug: boolean): void {
    for (const thread of this.#threads) thread.send({ debug })
  }

  /** Ends them; resolves when they are gone. */
  async stop(): Promise<void> {
    this.#arms.stop()
    await Promise.all(this.#threads.map(thread => thread.stop()))
  }

  /** One worker's table after the other's. */
  async #conns(from: number, limit: number): Promise<Answer> {
    const { worker, record } = pageOf.read(from)
    if (worker >= this.#threads.length) return { ok: { conns: [], next: -1 } }
    const thread = this.#threads[worker] as PacketThread
    const answer = await thread.request({ verb: 'conns', from: record, limit })
    if ('error' in answer) return answer
    const { conns, next } = answer.ok as { conns: []; next: number }
    if (next >= 0) return { ok: { conns, next: pageOf.write(worker, next) } }
    const last = worker + 1 === this.#threads.length
    return { ok: { conns, next: last ? -1 : pageOf.write(worker + 1, 0) } }
  }
}

function shareMemory(config: Config, wakers: readonly number[]): Shared {
  const slots = arenaSlots(config.arms.length)
  return {
    arena: new SharedArrayBuffer(arenaBytes(config)),
    rings: new SharedArrayBuffer(Handover.bytesFor(wakers.length, slots)),
    wakers,
  }
}
