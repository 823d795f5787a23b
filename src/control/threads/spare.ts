/** Packet threads of a process that stands by: all that they load is there and has run once, and they wait for what they are to be. */

import { Worker } from 'node:worker_threads'
import type { Config } from '../../config/config.ts'
import type { SpareStart } from './protocol.ts'

/** As many as the config has; if another one is run then, those that lack are started when they are needed. */
export function spareThreads(config: Config): Worker[] {
  const { services, warnings: _, named: __, file: ___, ...bare } = config
  const program = new URL('./worker.js', import.meta.url)
  const spare: SpareStart = { spare: { ...bare, services } }
  return Array.from(
    { length: bare.workers.count },
    () => new Worker(program, { workerData: spare }),
  )
}
