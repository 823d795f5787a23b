/** What a record of the trace says, for programs: the same as its words (trace-words.ts), as fields of JSON. */

import { countedName, NEIGH_STATES, STATE_NAMES } from '../../api/names.ts'
import { IN } from '../../engine/tcp-state.ts'
import { Chosen, Over, Reset, TraceKind } from '../../engine/trace.ts'
import { endpointText, ipv4Text, macText } from '../../wire/address.ts'
import { flagsText, type Names, protocolName } from './trace-words.ts'

/** Cells are as documented at TraceKind. */
export function fieldsOf(record: Int32Array, names: Names): object {
  const cell = (letter: number) => record[letter + 2] ?? 0
  const arm = () => names.arms[cell(1)] ?? `arm ${cell(1)}`
  const address = () => ipv4Text(cell(0))
  /** Endpoints of cells that hold an address and both ports. */
  const source = (at: number, ports: number) => endpointText(cell(at), cell(ports) >>> 16)
  const target = (at: number, ports: number) => endpointText(cell(at), cell(ports) & 0xffff)
  const ends = (from: number) => ({
    client: source(from, from + 2),
    vip: target(from + 1, from + 2),
    lip: target(from + 3, from + 5),
    rs: source(from + 4, from + 5),
  })
  const packet = () => ({
    protocol: protocolName(cell(0)),
    src: source(1, 3),
    dst: target(2, 3),
  })
  switch (record[0]) {
    case TraceKind.LOOKUP:
      return { ...packet(), hit: cell(4) === 1 }
    case TraceKind.LPORT_FETCHED:
      return { lip: endpointText(cell(0), cell(1)), tried: cell(2), free: cell(3) }
    case TraceKind.CONN_NEW:
      return { protocol: protocolName(cell(0)), ...ends(1), delta: cell(8) }
    case TraceKind.CONN_DEL:
      return {
        protocol: protocolName(cell(0)),
        ...ends(1),
        state: STATE_NAMES[cell(8)],
        replaced: cell(9) === Over.REPLACED,
        ...(cell(9) === Over.CUT && { cut: true }),
      }
    case TraceKind.RESET:
      return { protocol: 'TCP', ...ends(0), ...(cell(6) === Reset.CUT && { why: 'cut' }) }
    case TraceKind.RESET_RS:
      return { protocol: 'TCP', ...ends(0) }
    case TraceKind.CONN_KEPT:
      return { protocol: 'TCP', ...ends(0), state: STATE_NAMES[cell(6)] }
    case TraceKind.SCHEDULED:
      return {
        protocol: 'TCP',
        client: source(0, 2),
        vip: target(1, 2),
        rs: endpointText(cell(3), cell(4)),
        weight: cell(5),
        servers: cell(6),
        by: cell(7) === Chosen.PERSISTENCE ? 'persistence' : 'scheduler',
      }
    case TraceKind.PARKED_DROP:
      return { pair: cell(0), reason: countedName(cell(1)) }
    case TraceKind.STATE:
      return {
        protocol: protocolName(cell(0)),
        direction: cell(1) === IN ? 'in' : 'out',
        flags: flagsText(cell(2)),
        client: endpointText(cell(3), cell(5)),
        rs: endpointText(cell(4), cell(6)),
        from: STATE_NAMES[cell(7)],
        to: STATE_NAMES[cell(8)],
      }
    case TraceKind.NEIGH:
      return {
        address: ipv4Text(cell(2)),
        arm: names.arms[cell(3)],
        from: NEIGH_STATES[cell(0)],
        to: NEIGH_STATES[cell(1)],
      }
    case TraceKind.NOT_SYN:
      return { ...packet(), flags: flagsText(cell(4)) }
    case TraceKind.REFUSED:
      return { ...packet(), reason: countedName(cell(4)) }
    case TraceKind.TOA_FAILED:
      return { protocol: 'TCP', ...ends(0), reason: countedName(cell(6)) }
    case TraceKind.ADDRESS_CLAIMED:
      return { address: address(), arm: arm(), mac: macText(cell(2), cell(3)) }
    case TraceKind.NEIGH_FAILED:
      return { address: address(), arm: arm(), dropped: cell(2) }
    case TraceKind.NEIGH_MOVED:
      return {
        address: address(),
        arm: arm(),
        from: macText(cell(2), cell(3)),
        to: macText(cell(4), cell(5)),
      }
    default:
      return { kind: record[0] }
  }
}
