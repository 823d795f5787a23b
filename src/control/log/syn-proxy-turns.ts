/** What a worker says of its SYN cookies (syn_proxy: auto), as events of the API beside the line in the log. */

import type { EventData } from '../../api/events.ts'
import type { LogLevel } from '../../api/log-levels.ts'
import { TraceCell, TraceKind } from '../../engine/trace-kinds.ts'
import { addressAt } from '../../see/words/trace-fields.ts'

export class SynProxyTurns {
  readonly #worker: number
  readonly #emit: (turn: EventData['syn_proxy']) => void

  constructor(worker: number, emit: (turn: EventData['syn_proxy']) => void) {
    this.#worker = worker
    this.#emit = emit
  }

  /** It is logged at the level of its own: a service turns once in ten seconds at most. */
  level(record: Int32Array, level: LogLevel): LogLevel {
    if (record[0] !== TraceKind.SYN_PROXY) return level
    const { service, active, syns } = TraceCell.SYN_PROXY
    const cell = (at: number) => record[at] ?? 0
    // SYNs are of TCP alone.
    const of = {
      protocol: 'tcp' as const,
      address: addressEndAt(record, service),
      port: cell(service + 1),
    }
    this.#emit({ service: of, worker: this.#worker, active: cell(active) !== 0, syns: cell(syns) })
    return level
  }
}

/** Of a field that has a port behind its first cell. */
function addressEndAt(record: Int32Array, at: number): string {
  const cells = Int32Array.of(record[at] ?? 0, ...record.subarray(at + 2, at + 5))
  return addressAt(cells, 0)
}
