/**
 * The queues of the arms' devices. Their descriptors are control's: a worker reads and writes by them, and control closes them when no
 * worker has them any more, so that a thread in the place of another finds the same ones.
 */

import { closeFd, type NativeError } from '../../io/native.ts'
import { NO_FD } from '../../io/port.ts'
import type { Queue } from './protocol.ts'

export class ArmQueues {
  /** By arm, those of all workers; none of one that uses another's device. */
  readonly #queues: Queue[][] = []

  of(arm: number): readonly Queue[] {
    return this.#queues[arm] ?? []
  }

  keep(arm: number, queues: Queue[]): Queue[] {
    this.#queues[arm] = queues
    return queues
  }

  /** No worker has them any more. */
  close(arm: number): void {
    for (const queue of this.#queues[arm] ?? []) {
      if (queue.fd !== NO_FD) closeQueue(queue.fd)
      queue.fd = NO_FD
    }
  }
}

/** It may have gone with its device. */
function closeQueue(fd: number): void {
  try {
    closeFd(fd)
  } catch (error) {
    if ((error as NativeError).code !== 'EBADF') throw error
  }
}
