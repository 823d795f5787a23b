/** Memory of an engine that V8 does not count. */

import type { Config } from '../../src/config/config.ts'
import type { Surroundings } from '../../src/control/threads/apply.ts'
import { arenaBytes, connCapacityOf } from '../../src/control/threads/memory.ts'
import { connBytes } from '../../src/engine/parts.ts'

/** Of ArrayBuffers it does: 60 MB a stand had it collect all garbage twice for each, which took three times as long as all else. */
export function uncounted(config: Config): Pick<Surroundings, 'arena' | 'connMemory'> {
  return {
    arena: new SharedArrayBuffer(arenaBytes(config)),
    connMemory: new SharedArrayBuffer(connBytes(connCapacityOf(config))),
  }
}
