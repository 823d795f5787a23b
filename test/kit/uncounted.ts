/** Memory of an engine that V8 does not count. */

import type { Config } from '../../src/config/config.ts'
import type { Surroundings } from '../../src/control/threads/apply.ts'
import { arenaBytes, connCapacityOf, TEMPLATES } from '../../src/control/threads/memory.ts'
import { connBytes } from '../../src/engine/parts.ts'
import { Templates } from '../../src/engine/templates.ts'

/** Of ArrayBuffers it does: 60 MB a stand had it collect all garbage twice for each, which took three times as long as all else. */
export function uncounted(
  config: Config,
): Pick<Surroundings, 'arena' | 'connMemory' | 'templateMemory'> {
  return {
    arena: new SharedArrayBuffer(arenaBytes(config)),
    templateMemory: knownTemplates(),
    connMemory: new SharedArrayBuffer(connBytes(connCapacityOf(config))),
  }
}

/** So that cookies are the same each time. */
export function knownTemplates(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(Templates.bytesFor(TEMPLATES))
  Templates.key(memory, Int32Array.of(5, 6, 7, 8))
  return memory
}
