/**
 * The devices of the arms: opened before the workers start, and opened anew when one has gone (the lab taken down, the
 * namespace made anew). A worker only notices a loss; the queues of all workers are opened here, in their order, because
 * the kernel numbers queues by the order of attaching and steers by number.
 *
 * An arm is up; or leaving, until every worker has let go of its queue; or gone, and tried again once a second.
 */

import { Steering } from '../engine/steering.ts'
import { steer } from '../io/native.ts'
import { openQueues, readerOf } from '../io/queues.ts'
import { steeringProgram } from '../io/steering-bpf.ts'
import { ipv4Int } from '../wire/address.ts'
import { workerId } from './apply.ts'
import type { Config } from './config.ts'
import type { Queue, ToWorker } from './worker-protocol.ts'

/** How often a lost device is tried again. */
const REOPEN_MS = 1000

export class Arms {
  /** Told when an arm is lost, and when it is back. */
  onChange: (arm: string, up: boolean) => void = () => {}
  readonly #config: Config
  readonly #warn: (text: string) => void
  readonly #send: (worker: number, message: ToWorker) => void
  /** What steers, or why nothing does. */
  #program: Uint8Array | string
  /** By arm, the queues of all workers; they are the workers' own. */
  readonly #queues: Queue[][] = []
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
    this.#program = programFor(config, lipsOf(config))
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
      this.#tell(arm, false)
      for (let other = 0; other < count; other++) {
        if (other !== worker) this.#send(other, { lose: arm })
      }
    }
    left.add(worker)
    // Whoever took the device away may be about to put another in its place; opening makes one where there is none.
    if (left.size === count) this.#later(() => this.#reopen(arm))
  }

  /** Steers by these LIPs from now on; nothing to do where nothing steers. */
  steer(lips: readonly string[]): void {
    this.#program = programFor(this.#config, lips)
    if (typeof this.#program === 'string') return
    for (const [arm, queues] of this.#queues.entries()) {
      if (queues.length < 2 || !this.isUp(arm) || !queues.every(({ reads }) => reads)) continue
      try {
        steer((queues[0] as Queue).fd, this.#program)
      } catch (error) {
        // It goes on with the old program, and what that does not know is handed over.
        this.#warn(`arm ${this.#config.arms[arm]?.name}: ${(error as Error).message}`)
      }
    }
  }

  isUp(arm: number): boolean {
    return this.#left[arm]?.size === 0
  }

  /** Queues that are read: as many as workers where the kernel steers. */
  queues(arm: number): number {
    return this.#queues[arm]?.filter(({ reads }) => reads).length ?? 0
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
    this.#tell(arm, true)
  }

  #tell(arm: number, up: boolean): void {
    const { name } = this.#config.arms[arm] as Config['arms'][0]
    this.#warn(`arm ${name} is ${up ? 'back' : 'gone'}`)
    this.onChange(name, up)
  }

  #open(arm: number): Queue[] {
    const { name, netns } = this.#config.arms[arm] as Config['arms'][0]
    const { count } = this.#config.workers
    const path = netns === null ? '' : `/run/netns/${netns}`
    const { fds, unsteered } = openQueues(name, path, count, this.#program)
    if (unsteered === undefined)
      return this.#keep(
        arm,
        fds.map(fd => ({ fd, reads: true })),
      )
    const reader = readerOf(arm, count)
    if (typeof this.#program !== 'string') {
      this.#warn(`${unsteered}; so worker ${workerId(reader)} reads arm ${name} and hands over`)
    }
    return this.#keep(
      arm,
      fds.map((fd, worker) => ({ fd, reads: worker === reader })),
    )
  }

  #keep(arm: number, queues: Queue[]): Queue[] {
    this.#queues[arm] = queues
    return queues
  }

  #later(work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, REOPEN_MS)
    this.#timers.add(timer)
  }
}

function programFor({ workers }: Config, lips: readonly string[]): Uint8Array | string {
  if (workers.steering === 'handover') return 'workers.steering is handover'
  return steeringProgram(new Steering(workers.count), lips.map(ipv4Int))
}

export function lipsOf({ arms }: Config): string[] {
  return arms.flatMap(arm => arm.localAddresses)
}
