/**
 * A packet thread, a worker, as the control thread sees it: started, asked, stopped, and started again in the place of one that has
 * ended. Life-cycle: constructed (the thread starts), `ready` once it is about to read its arms, then requests; when the thread
 * ends by itself, hooks.gone decides: restart() or fail(). `ended` when there will be none any more.
 */

import { type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads'
import { Refused } from '../../api/refused.ts'
import { wake } from '../../io/native.ts'
import { type Begun, beginThread, type Start } from './begun.ts'
import type {
  AdoptedState,
  FromWorker,
  Times,
  ToWorker,
  WorkerAnswer,
  WorkerAnswers,
  WorkerRequest,
} from './protocol.ts'
import type { Page } from './snapshots.ts'

const ANSWER_LIMIT_MS = 5000
const STOP_LIMIT_MS = 2000
const TRIES = 2

export type Adopted = AdoptedState | undefined

export interface ThreadHooks {
  /** What the thread runs. */
  program: URL
  /** Told which arm the worker has lost. */
  lost(arm: number): void
  /** Told what else the log should say. */
  warn(text: string): void
  /** Told of an exception that the thread has mended. */
  fault(fault: Extract<FromWorker, { fault: unknown }>['fault']): void
  /** The thread has ended, after it was ready, and nobody has asked it to. It calls restart(), or fail(). */
  gone(failure: string): void
}

interface Waiting {
  request: WorkerRequest & { id: number }
  /** Threads that it was sent to. */
  tries: number
  settle(answer: WorkerAnswer | Refused): void
}

export class PacketThread {
  /** Rejects with the reason, in one line, if it cannot start or ends before. */
  readonly ready: Promise<Adopted>
  /** Resolves when the thread is gone; undefined if it was asked to go. */
  readonly ended: Promise<string | undefined>
  readonly #hooks: ThreadHooks
  readonly #waker: number
  #end: (failure: string | undefined) => void = () => {}
  #worker!: Worker
  #port!: MessagePort
  /** Resolves when the present thread has ended, with what it failed by. */
  #exit!: Promise<string>
  readonly #shared: SharedArrayBuffer
  /** What the worker copies connections into. */
  readonly page: Int32Array
  /** Of the thread's start, once it is ready. */
  times: Times | undefined
  #paging: Promise<unknown> = Promise.resolve()
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #stopping = false

  /** `begun` is the first thread, `waker` that of each. */
  constructor(begun: Begun, waker: number, hooks: ThreadHooks) {
    this.#hooks = hooks
    this.#waker = waker
    this.ended = new Promise(done => {
      this.#end = done
    })
    void this.ended.then(() => this.#giveUp())
    this.#shared = begun.page
    this.page = new Int32Array(this.#shared)
    this.ready = this.#follow(begun, failure => this.#end(failure))
    // Code that awaits `ready` sees the failure; if none does, it must not end the process.
    this.ready.catch(() => {})
  }

  /**
   * Another thread in the place of one that has ended. What that was asked and has not answered it is asked, once: it may be
   * what ends them.
   */
  restart(start: Start): Promise<Adopted> {
    const begun = beginThread(this.#hooks.program, start, this.#shared)
    const ready = this.#follow(begun, failure => this.#hooks.gone(failure))
    ready.catch(() => {})
    for (const waiting of this.#waiting.values()) {
      if (++waiting.tries > TRIES) waiting.settle(silent('has ended twice'))
      else this.send(waiting.request)
    }
    return ready
  }

  /** There will be no other thread. */
  fail(failure: string): void {
    this.#end(failure)
  }

  /** `unready` is told of one that ends before it is ready. */
  #follow({ worker, port, exit }: Begun, unready: (failure: string) => void): Promise<Adopted> {
    this.#worker = worker
    this.#port = port
    let isReady = false
    const ready = new Promise<Adopted>((done, fail) => {
      const onMessage = (message: FromWorker) => {
        const { warn, lost, fault } = this.#hooks
        if ('ready' in message) {
          isReady = true
          this.times = message.times
          done(message.adopted)
        } else if ('failed' in message) fail(new Error(message.failed))
        else if ('warning' in message) warn(message.warning)
        else if ('lost' in message) lost(message.lost)
        else if ('fault' in message) fault(message.fault)
        else this.#waiting.get(message.id)?.settle(message.answer)
      }
      port.on('message', onMessage)
      this.#exit = exit.then(failure => {
        // The exit of a thread can overtake its last messages, and those say why it went.
        for (let left = receiveMessageOnPort(port); left; left = receiveMessageOnPort(port))
          onMessage(left.message as FromWorker)
        port.close()
        return failure
      })
      void this.#exit.then(failure =>
        fail(new Error(this.#stopping ? 'stopped while starting' : failure)),
      )
    })
    void this.#exit.then(failure => {
      if (this.#stopping) this.#end(undefined)
      else if (isReady) this.#hooks.gone(failure)
      else unready(failure)
    })
    return ready
  }

  /** Asks the packet thread, which answers between two bursts. Rejects if it cannot, or with Refused if it is silent. */
  request<D extends WorkerRequest['do']>(
    request: Extract<WorkerRequest, { do: D }>,
  ): Promise<WorkerAnswers[D]> {
    const id = this.#nextId++
    return new Promise((done, fail) => {
      const settle = (answer: WorkerAnswer | Refused) => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        if (answer instanceof Refused) fail(answer)
        else if ('error' in answer) fail(new Error(answer.error))
        else done(answer.ok as WorkerAnswers[D])
      }
      const timer = setTimeout(
        () => settle(silent(`did not answer within ${ANSWER_LIMIT_MS / 1000} s`)),
        ANSWER_LIMIT_MS,
      )
      const asked = { id, ...request }
      this.#waiting.set(id, { request: asked, tries: 1, settle })
      this.send(asked)
    })
  }

  /** A page of connections from record `from` on; `read` looks at this.page before anybody else's is copied there. */
  conns<T>(from: number, read: (page: Page) => T | Promise<T>): Promise<T> {
    const result = this.#paging.then(async () => read(await this.request({ do: 'conns', from })))
    this.#paging = result.catch(() => {})
    return result
  }

  /** => whether it still turns its loop */
  async alive(): Promise<boolean> {
    return this.request({ do: 'answer' }).then(
      () => true,
      () => false,
    )
  }

  /** Ends the thread; resolves when it is gone, at the latest after STOP_LIMIT_MS. `goOn`: its connections do, elsewhere. */
  async stop(goOn = false): Promise<void> {
    this.#stopping = true
    this.send({ do: 'stop', goOn })
    if (await within(this.#exit, STOP_LIMIT_MS)) return
    await this.kill()
  }

  /** Breaks into what hangs in its own code. => whether it is gone, after STOP_LIMIT_MS at most */
  async kill(): Promise<boolean> {
    // terminate() breaks into JavaScript, and a last wake ends a native sleep.
    const terminated = this.#worker.terminate()
    wake(this.#waker)
    return within(terminated, STOP_LIMIT_MS)
  }

  send(message: ToWorker): void {
    this.#port.postMessage(message)
    this.wake()
  }

  /** Ends its sleep. */
  wake(): void {
    wake(this.#waker)
  }

  #giveUp(): void {
    for (const { settle } of this.#waiting.values()) settle(silent('has ended'))
  }
}

function silent(why: string): Refused {
  return new Refused('unanswered', `the packet thread ${why}`)
}

/** => whether `promise` settled in time */
async function within(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(done => {
    timer = setTimeout(() => done(false), limitMs)
  })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
