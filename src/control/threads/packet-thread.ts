/**
 * A packet thread, a worker, as the control thread sees it: started, asked, stopped. Life-cycle: constructed (the
 * thread starts), `ready` once it is about to read its arms, then requests, and `ended` when the thread is gone, whoever
 * ended it.
 */

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Change } from '../../config/changes.ts'
import { wake } from '../../io/native.ts'
import type {
  FromWorker,
  ToWorker,
  WorkerAnswer,
  WorkerImage,
  WorkerRequest,
  WorkerStart,
} from './protocol.ts'
import { PAGE_RECORDS, RECORD_CELLS } from './snapshots.ts'

const ANSWER_LIMIT_MS = 5000
const STOP_LIMIT_MS = 2000

export class PacketThread {
  /** Rejects with the reason, in one line, if it cannot start or ends before. */
  readonly ready: Promise<void>
  /** Resolves when the thread is gone; undefined if it was asked to go. */
  readonly ended: Promise<string | undefined>
  readonly #worker: Worker
  readonly #port: MessagePort
  readonly #waker: number
  /** What the worker copies connections into. */
  readonly page: Int32Array
  #paging: Promise<unknown> = Promise.resolve()
  readonly #waiting = new Map<
    number,
    { settle: (answer: WorkerAnswer) => void; timer: NodeJS.Timeout }
  >()
  #onMessage: (message: FromWorker) => void = () => {}
  #nextId = 1
  #stopping = false

  /** `lost` is told which arm the worker has lost, `warn` what else the log should say. */
  constructor(
    start: Omit<WorkerStart, 'port' | 'page'>,
    lost: (arm: number) => void,
    warn: (text: string) => void,
  ) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#waker = start.waker
    const page = new SharedArrayBuffer(PAGE_RECORDS * RECORD_CELLS * 4)
    this.page = new Int32Array(page)
    const workerData: WorkerStart = { ...start, page, port: port2 }
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData,
      transferList: [port2],
    })
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
        if ('ready' in message) done()
        else if ('failed' in message) fail(new Error(message.failed))
        else if ('warning' in message) warn(message.warning)
        else if ('lost' in message) lost(message.lost)
        else this.#waiting.get(message.id)?.settle(message.answer)
      }
      this.#port.on('message', this.#onMessage)
      void this.ended.then(failure => fail(new Error(failure ?? 'stopped while starting')))
    })
    // Code that awaits `ready` sees the failure; if none does, it must not end the process.
    this.ready.catch(() => {})
  }

  /** Asks the packet thread, which answers between two bursts. */
  request(request: WorkerRequest): Promise<WorkerAnswer> {
    return this.#send(id => ({ id, request }))
  }

  /** A page of connections from record `from` on; `read` looks at this.page before anybody else's is copied there. */
  conns<T>(from: number, read: (answer: WorkerAnswer) => T | Promise<T>): Promise<T> {
    const result = this.#paging.then(async () => read(await this.request({ verb: 'conns', from })))
    this.#paging = result.catch(() => {})
    return result
  }

  /** Has it change what is set up, between two bursts. */
  change(changes: readonly Change[]): Promise<WorkerAnswer> {
    return this.#send(id => ({ id, changes }))
  }

  /** An image of its engine as it is between two bursts. Rejects if there is none. */
  async image(): Promise<WorkerImage> {
    const answer = await this.#send(id => ({ id, image: true }))
    if ('error' in answer) throw new Error(answer.error)
    return answer.ok as WorkerImage
  }

  /** => whether it still turns its loop */
  async alive(): Promise<boolean> {
    return 'ok' in (await this.#send(id => ({ id, alive: true })))
  }

  #send(message: (id: number) => ToWorker): Promise<WorkerAnswer> {
    const id = this.#nextId++
    return new Promise(done => {
      const settle = (answer: WorkerAnswer) => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        done(answer)
      }
      const timer = setTimeout(
        () =>
          settle({ error: `the packet thread did not answer within ${ANSWER_LIMIT_MS / 1000} s` }),
        ANSWER_LIMIT_MS,
      )
      this.#waiting.set(id, { settle, timer })
      this.send(message(id))
    })
  }

  /** Ends the thread; resolves when it is gone, at the latest after STOP_LIMIT_MS. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.send({ stop: true })
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
    for (const { settle } of this.#waiting.values())
      settle({ error: 'the packet thread has ended' })
  }
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
