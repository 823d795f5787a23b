/** What the listings would have shown at the point that a replay has reached. */

import type { ConnInfo, CountersInfo } from '../../api/commands.ts'
import { LINK_UP } from '../../api/link-state.ts'
import { Gauge } from '../../engine/counters.ts'
import { DestCell } from '../../engine/service.ts'
import { counters } from '../readings/listings.ts'
import { Readings } from '../readings/readings.ts'
import { workerId } from '../threads/memory.ts'
import { connInfo, copyConns, PAGE_RECORDS, RECORD_CELLS } from '../threads/snapshots.ts'
import type { Player } from './player.ts'
import type { Replayed } from './replay.ts'

export function connsOf({ players, config }: Replayed): ConnInfo[] {
  return players.flatMap(player => connsOfWorker(player, config.arms.length))
}

function connsOfWorker({ engine, worker }: Player, arms: number): ConnInfo[] {
  const page = new Int32Array(PAGE_RECORDS * RECORD_CELLS)
  const seconds = (ms: Int32Array) => Array.from(ms, each => each / 1000)
  const udp = seconds(engine.udpTimeoutMs)
  const timeouts = { tcp: seconds(engine.timeoutMs), udp, icmp: udp }
  const established = (place: number) =>
    engine.dests.cells[(place << 4) | DestCell.ESTABLISHED_MS] ?? 0
  const conns: ConnInfo[] = []
  for (let from = 0; from >= 0; ) {
    const { count, next } = copyConns(engine, from, page, engine.long.ms | 0, arms)
    for (let i = 0; i < count; i++)
      conns.push(connInfo(page, i, workerId(worker), timeouts, established))
    from = next
  }
  return conns
}

export function countersOf({ players, config, tables }: Replayed): CountersInfo {
  for (const { engine } of players) {
    const { gauges } = engine.counters
    gauges[Gauge.CONNS_USED] = engine.conns.table.used
    gauges[Gauge.FRAMES_FREE] = engine.frames.free
  }
  const readings = new Readings(config, tables)
  return counters({ config, readings }, { state: () => LINK_UP, queues: () => players.length })
}
