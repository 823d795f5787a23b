/** Packet threads of a process that stands by: all that they load is there and has run once, and they wait for what they are to be. */

import { Worker } from 'node:worker_threads'
import type { Config } from '../../config/config.ts'
import type { SpareStart } from './protocol.ts'

/** As many as the config has; if another one is run then, those that lack are started when they are needed. */
export function spareThreads(config: Config): Worker[] {
  const { warnings: _, named: __, file: ___, ...values } = config
  const program = new URL('./worker.js', import.meta.url)
  const spare: SpareStart = { spare: values }
  return Array.from(
    { length: values.workers.count },
    () => new Worker(program, { workerData: spare }),
  )
}
