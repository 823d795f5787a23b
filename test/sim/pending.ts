/** Whether an engine will send an RS a SYN again, whatever the ends do. */

import type { Engine } from '../../src/engine/engine.ts'

export function isAsking({ conns: { table }, syn: { space } }: Engine): boolean {
  for (let conn = 0; conn < table.top; conn++)
    if (table.inUse(conn) && space.isPending(conn)) return true
  return false
}
