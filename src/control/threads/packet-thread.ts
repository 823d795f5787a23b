/**
 * A packet thread, a worker, as the control thread sees it: started, asked, stopped. Life-cycle: constructed (the
 * thread starts), `ready` once it is about to read its arms, then requests, and `ended` when the thread is gone, whoever
 * ended it.
 */

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { Refused } from '../../api/refused.ts'
import { wake } from '../../io/native.ts'
import type {
  AdoptedState,
  FromWorker,
  ToWorker,
  WorkerAnswer,
  WorkerAnswers,
  WorkerRequest,
  WorkerStart,
} from './protocol.ts'
import { PAGE_RECORDS, type Page, RECORD_CELLS } from './snapshots.ts'

const ANSWER_LIMIT_MS = 5000
const STOP_LIMIT_MS = 2000

export interface ThreadHooks {
  /** What the thread runs. */
  program: URL
  /** One that waits for what it is to be, to be taken instead of a new one. */
  spare?: Worker | undefined
  /** Told which arm the worker has lost. */
  lost(arm: number): void
  /** Told what else the log should say. */
  warn(text: string): void
}

export class PacketThread {
  /** Rejects with the reason, in one line, if it cannot start or ends before. */
  readonly ready: Promise<AdoptedState | undefined>
  /** Resolves when the thread is gone; undefined if it was asked to go. */
  readonly ended: Promise<string | undefined>
  readonly #worker: Worker
  readonly #port: MessagePort
  readonly #waker: number
  /** What the worker copies connections into. */
  readonly page: Int32Array
  #paging: Promise<unknown> = Promise.resolve()
  readonly #waiting = new Map<number, (answer: WorkerAnswer | Refused) => void>()
  #onMessage: (message: FromWorker) => void = () => {}
  #nextId = 1
  #stopping = false

  constructor(start: Omit<WorkerStart, 'port' | 'page'>, hooks: ThreadHooks) {
    const { program, spare, lost, warn } = hooks
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#waker = start.waker
    const page = new SharedArrayBuffer(PAGE_RECORDS * RECORD_CELLS * 4)
    this.page = new Int32Array(page)
    const workerData: WorkerStart = { ...start, page, port: port2 }
    // One that has ended has no number any more.
    if (spare && spare.threadId >= 0) {
      this.#worker = spare
      spare.postMessage(workerData, [port2])
    } else this.#worker = new Worker(program, { workerData, transferList: [port2] })
    this.ended = new Promise(done => {
      let failure: string | undefined
      this.#worker.once('error', error => {
        failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
      })
      this.#worker.once('exit', code => {
        this.#readLeft()
        this.#port.close()
        this.#giveUp()
        if (this.#stopping) done(undefined)
        else done(failure ?? `it ended with code ${code}`)
      })
    })
    this.ready = new Promise((done, fail) => {
      this.#onMessage = message => {
        if ('ready' in message) done(message.adopted)
        else if ('failed' in message) fail(new Error(message.failed))
        else if ('warning' in message) warn(message.warning)
        else if ('lost' in message) lost(message.lost)
        else this.#waiting.get(message.id)?.(message.answer)
      }
      this.#port.on('message', this.#onMessage)
      void this.ended.then(failure => fail(new Error(failure ?? 'stopped while starting')))
    })
    // Code that awaits `ready` sees the failure; if none does, it must not end the process.
    this.ready.catch(() => {})
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
      this.#waiting.set(id, settle)
      this.send({ id, ...request })
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

  /** Ends the thread; resolves when it is gone, at the latest after STOP_LIMIT_MS. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.send({ do: 'stop' })
    if (await within(this.ended, STOP_LIMIT_MS)) return
    // It hangs in its own code: terminate() breaks into JavaScript, and a last wake ends a native sleep.
    const terminated = this.#worker.terminate()
    wake(this.#waker)
    await within(terminated, STOP_LIMIT_MS)
  }

  send(message: ToWorker): void {
    this.#port.postMessage(message)
    this.wake()
  }

  /** Ends its sleep. */
  wake(): void {
    wake(this.#waker)
  }

  /** The exit of a thread can overtake its last messages, and those say why it went. */
  #readLeft(): void {
    for (;;) {
      const left = receiveMessageOnPort(this.#port)
      if (!left) return
      this.#onMessage(left.message as FromWorker)
    }
  }

  #giveUp(): void {
    for (const settle of this.#waiting.values()) settle(silent('has ended'))
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
