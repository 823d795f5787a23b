/**
 * The devices of the arms: opened before the workers start, and opened anew when one has gone (the lab taken down, the
 * namespace made anew). A worker only notices a loss; the queues of all workers are opened here, in their order, because
 * the kernel numbers queues by the order of attaching and steers by number.
 *
 * An arm is up; or leaving, until every worker has let go of its queue; or gone, and tried again once a second.
 */

import { Steering } from '../engine/steering.ts'
import { openQueues, readerOf } from '../io/queues.ts'
import { steeringProgram } from '../io/steering-bpf.ts'
import { ipv4Int } from '../wire/address.ts'
import { workerId } from './apply.ts'
import type { Config } from './config.ts'
import type { Queue, ToWorker } from './worker-protocol.ts'

/** How often a lost device is tried again. */
const REOPEN_MS = 1000

export class Arms {
  readonly #config: Config
  readonly #warn: (text: string) => void
  readonly #send: (worker: number, message: ToWorker) => void
  /** What steers, or why nothing does. */
  readonly #program: Uint8Array | string
  /** By arm, the workers that have let go of it since it was last up. */
  readonly #left: Set<number>[]
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(
    config: Config,
    warn: (text: string) => void,
    send: (worker: number, message: ToWorker) => void,
  ) {
    this.#config = config
    this.#warn = warn
    this.#send = send
    this.#program = programFor(config)
    this.#left = config.arms.map(() => new Set())
  }

  /** Opens them all. Throws NativeError. => by arm, each worker's queue */
  open(): Queue[][] {
    return this.#config.arms.map((_, arm) => this.#open(arm))
  }

  /** A worker has let go of an arm, because the device has gone or because it was told to. */
  lost(arm: number, worker: number): void {
    const left = this.#left[arm] as Set<number>
    const { count } = this.#config.workers
    if (left.size === 0) {
      this.#warn(`arm ${this.#config.arms[arm]?.name} is gone`)
      for (let other = 0; other < count; other++) {
        if (other !== worker) this.#send(other, { lose: arm })
      }
    }
    left.add(worker)
    // Whoever took the device away may be about to put another in its place; opening makes one where there is none.
    if (left.size === count) this.#later(() => this.#reopen(arm))
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #reopen(arm: number): void {
    let queues: Queue[]
    try {
      queues = this.#open(arm)
    } catch {
      // Still gone; why does not matter, the loss has been reported.
      this.#later(() => this.#reopen(arm))
      return
    }
    this.#left[arm]?.clear()
    for (const [worker, queue] of queues.entries()) this.#send(worker, { attach: arm, queue })
    this.#warn(`arm ${this.#config.arms[arm]?.name} is back`)
  }

  #open(arm: number): Queue[] {
    const { name, netns } = this.#config.arms[arm] as Config['arms'][0]
    const { count } = this.#config.workers
    const path = netns === null ? '' : `/run/netns/${netns}`
    const { fds, unsteered } = openQueues(name, path, count, this.#program)
    if (unsteered === undefined) return fds.map(fd => ({ fd, reads: true }))
    const reader = readerOf(arm, count)
    if (typeof this.#program !== 'string') {
      this.#warn(`${unsteered}; so worker ${workerId(reader)} reads arm ${name} and hands over`)
    }
    return fds.map((fd, worker) => ({ fd, reads: worker === reader }))
  }

  #later(work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, REOPEN_MS)
    this.#timers.add(timer)
  }
}

function programFor({ arms, workers }: Config): Uint8Array | string {
  if (workers.steering === 'handover') return 'workers.steering is handover'
  const lips = arms.flatMap(arm => arm.localAddresses)
  return steeringProgram(new Steering(workers.count), lips.map(ipv4Int))
}
