/** What workers keep of refused frames and of the state machine's edges, added up and put into names. */

import type { DropInfo, EdgeInfo, RefusedInfo } from '../../api/commands.ts'
import { DROP_REASONS, dropNumber, stateName } from '../../api/names.ts'
import { KEY } from '../../engine/conn-layout.ts'
import { NO_ARM, type Refusal } from '../../engine/drop-book.ts'
import type { CellUse } from '../../engine/edges.ts'
import { EVENTS, OUT } from '../../engine/tcp-state.ts'
import { flagNames } from '../../see/words/packet-words.ts'
import { VNET } from '../../wire/vnet-hdr.ts'
import { CHECK_ARM } from '../threads/check-arm.ts'
import { workerId } from '../threads/memory.ts'
import type { Sources } from './listings.ts'
import type { Readings } from './readings.ts'

/** Of all workers, in the order of the tables. */
export function edges(readings: Pick<Readings, 'edges'>): EdgeInfo[] {
  const cells = new Map<string, CellUse>()
  for (const use of readings.edges().flat()) {
    const key = `${use.code} ${use.direction === OUT} ${use.event} ${use.before} ${use.after}`
    const other = cells.get(key)
    const later = other !== undefined && other.last > use.last ? other : use
    cells.set(key, { ...later, count: use.count + (other?.count ?? 0) })
  }
  const order = ({ code, direction, event, before }: CellUse) =>
    (code << 9) | (direction << 7) | (event << 4) | before
  return [...cells.values()].sort((a, b) => order(a) - order(b)).map(edgeInfo)
}

function edgeInfo(use: CellUse): EdgeInfo {
  const { code, direction, event, before, after, count } = use
  const isUdp = code === KEY.UDP
  const from = direction === OUT ? 'the real server' : 'the client'
  return {
    direction: direction === OUT ? 'out' : 'in',
    event: isUdp ? 'datagram' : (EVENTS[event] as EdgeInfo['event']),
    from: stateName(before, code),
    to: stateName(after, code),
    count,
    last: count > 0 ? `${isUdp ? 'a datagram' : flagNames(use.flags)} from ${from}` : null,
    last_ms: count > 0 ? use.last : null,
  }
}

/** Of one reason, or of all that have dropped something. */
export function drops(
  { config, readings }: Pick<Sources, 'config' | 'readings'>,
  only?: string,
): DropInfo[] {
  const counts = readings.drops()
  const arms = [...config.arms.map(({ name }) => name), CHECK_ARM]
  const wanted = DROP_REASONS.filter(reason =>
    only === undefined ? (counts[reason] ?? 0) > 0 : reason === only,
  )
  return wanted.map(reason => {
    const last = readings
      .refusals(dropNumber(reason))
      .flatMap((ofWorker, worker) =>
        ofWorker.map(refusal => refusedInfo(refusal, workerId(worker), arms)),
      )
      .sort((a, b) => b.at_ms - a.at_ms)
    return { reason, count: counts[reason] ?? 0, last }
  })
}

/** Those of the engine's exceptions have what was thrown. */
export function withFaults(all: DropInfo[], faults: NonNullable<DropInfo['faults']>): DropInfo[] {
  return all.map(one => (one.reason === 'engine_error' ? { ...one, faults } : one))
}

function refusedInfo(
  { time, arm, length, bytes }: Refusal,
  worker: number,
  arms: readonly string[],
): RefusedInfo {
  return {
    at_ms: time,
    worker,
    arm: arm === NO_ARM ? null : (arms[arm] ?? `arm ${arm}`),
    length: length - VNET.BYTES,
    bytes: hex(bytes.subarray(VNET.BYTES)),
    vnet: hex(bytes.subarray(0, VNET.BYTES)),
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
