/** Packet threads of a process that stands by: all that they load is there, and they wait for what they are to be. */

import { Worker } from 'node:worker_threads'
import { readConfig } from '../../config/config.ts'

/** In place of what a packet thread starts with, which comes as a message then. */
export const SPARE = 'spare'

/** As many as the file says now; it need not be right, then they are started when they are needed. */
export function spareThreads(file: string): Worker[] {
  let count = 0
  try {
    count = readConfig(file).workers.count
  } catch {
    // Whoever starts from it says what is wrong.
  }
  const program = new URL('./worker.js', import.meta.url)
  return Array.from({ length: count }, () => new Worker(program, { workerData: SPARE }))
}
