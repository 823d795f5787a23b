/** What a process that stands by does before it waits: everything that the daemon does once at its start, on things that are thrown away. */

import { type Config, configOf, readConfig } from '../config/config.ts'
import { openLog } from './log/log.ts'
import { Model } from './model/model.ts'
import { Readings } from './readings/readings.ts'
import { newTables } from './threads/memory.ts'

/** By the file as it is now; of a wrong one whoever starts from it says so. */
export function standBy(file: string): void {
  let config: Config
  try {
    config = readConfig(file)
  } catch {
    return
  }
  const one = { ...config, workers: { ...config.workers, count: 1 } }
  new Model(configOf(one.file), new Readings(one, [newTables(one)]))
  // A file would be opened, and rotated.
  if (config.log.file === null) openLog(config.log)
}
