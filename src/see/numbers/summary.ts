/**
 * What `tapvs top` has to say of one moment: differences between what the daemon counted then and a little earlier, per
 * second. Pure; the frames are drawn from it, and `--json` prints it.
 */

import type { ArmInfo, HandshakeInfo, NumbersInfo, TrafficInfo } from '../../api/commands.ts'
import { serviceName } from '../../api/edits.ts'
import { endpointText } from '../../wire/ip-address.ts'
import { healthOf } from './health.ts'
import { lipRows } from './lports.ts'
import { type Quantiles, quantiles } from './quantiles.ts'
import type { ArmRow, DropRow, Moment, RsRow, ServiceRow } from './rows.ts'
import { total } from './total.ts'

/** Seconds over which slow things are seen: lports going out, handshakes. */
const SLOW_WINDOW_SEC = 10

/** Samples do not come to the millisecond. */
const NEARLY_MS = 500

/** Samples between which rates are taken. */
export interface Looks {
  now: NumbersInfo
  /** Just before, or as long ago as rates are means of. */
  before: NumbersInfo
  /** Some seconds ago. */
  long: NumbersInfo
}

/** The last samples of a daemon, the oldest first. */
export class History {
  readonly #samples: NumbersInfo[] = []
  readonly #rateSec: number

  /** Rates are means of the last `rateSec` seconds, at most SLOW_WINDOW_SEC; without, of what came since the sample before. */
  constructor(rateSec = 0) {
    this.#rateSec = rateSec
  }

  /** => the moment of this sample; its rates are 0 when it is the first one. */
  add(sample: NumbersInfo): Moment {
    const { now, before, long } = this.looks(sample)
    return momentOf(now, before, long)
  }

  /** Takes one more sample. */
  looks(sample: NumbersInfo): Looks {
    const samples = this.#samples
    // A daemon that was started anew counts from 0.
    if (samples.at(-1)?.process.started_ms !== sample.process.started_ms) samples.length = 0
    samples.push(sample)
    const oldest = sample.at_ms - SLOW_WINDOW_SEC * 1000
    while (samples.length > 2 && (samples[1] as NumbersInfo).at_ms <= oldest) samples.shift()
    const first = samples[0] as NumbersInfo
    const from = sample.at_ms - this.#rateSec * 1000 + NEARLY_MS
    const before = samples.findLast(one => one !== sample && one.at_ms <= from) ?? first
    return { now: sample, before, long: first }
  }
}

/** `before` and `long` are earlier samples, one just before and one some seconds. */
export function momentOf(now: NumbersInfo, before: NumbersInfo, long: NumbersInfo): Moment {
  const seconds = (now.at_ms - before.at_ms) / 1000
  const counters = total(now.workers)
  const earlier = total(before.workers)
  const perSecond = (value: number, was: number | undefined) => rate(value, was, seconds)
  const moment = {
    atMs: now.at_ms,
    seconds,
    version: now.process.version,
    pid: now.process.pid,
    upSec: Math.max(0, Math.round((now.at_ms - now.process.started_ms) / 1000)),
    workers: now.workers.length,
    conns: {
      ...counters.conns,
      opened: perSecond(counters.events.conns_opened ?? 0, earlier.events.conns_opened),
      states: counters.states,
    },
    frames: counters.frames,
    services: serviceRows(now, before, seconds),
    lips: lipRows(now, long),
    drops: dropRows(now, before),
    arms: armRows(now, before, seconds),
    handshakes: {
      rs: handshakes(now, long, 'rs'),
      client: handshakes(now, long, 'client'),
    },
  }
  return { ...moment, problems: healthOf(moment, counters, dropRows(now, long)) }
}

function rate(value: number, before: number | undefined, seconds: number): number {
  return seconds > 0 ? Math.max(0, value - (before ?? value)) / seconds : 0
}

function dropRows(now: NumbersInfo, before: NumbersInfo): DropRow[] {
  const earlier = total(before.workers).drops
  const seconds = (now.at_ms - before.at_ms) / 1000
  return Object.entries(total(now.workers).drops).map(([reason, count]) => ({
    reason,
    total: count,
    perSecond: rate(count, earlier[reason], seconds),
  }))
}

function serviceRows(now: NumbersInfo, before: NumbersInfo, seconds: number): ServiceRow[] {
  const earlier = new Map(
    before.services.flatMap(service =>
      service.real_servers.map(rs => [`${serviceName(service)} ${endpointText(rs)}`, rs.stats]),
    ),
  )
  return now.services.map(service => {
    const name = serviceName(service)
    const realServers = service.real_servers.map(rs => {
      const was = earlier.get(`${name} ${endpointText(rs)}`)
      return {
        rs: endpointText(rs),
        forwarding: rs.forwarding,
        weight: rs.weight,
        usable: rs.weight > 0 && !rs.inhibited,
        reason: rs.inhibited ? (rs.reason ?? 'its health checks fail') : null,
        active: rs.active_conns,
        inactive: rs.inactive_conns,
        rates: mapped(rs.stats, field => rate(rs.stats[field], was?.[field], seconds)),
      }
    })
    const sum = (value: (rs: RsRow) => number) =>
      realServers.reduce((all, rs) => all + value(rs), 0)
    const nothing = { conns: 0, in_packets: 0, out_packets: 0, in_bytes: 0, out_bytes: 0 }
    return {
      service: name,
      scheduler: service.scheduler,
      synProxyWorkers: service.syn_proxy_workers ?? 0,
      weight: sum(({ weight }) => weight),
      usable: realServers.some(({ usable }) => usable),
      active: sum(({ active }) => active),
      inactive: sum(({ inactive }) => inactive),
      rates: mapped(nothing, field => sum(({ rates }) => rates[field])),
      realServers,
    }
  })
}

function mapped(traffic: TrafficInfo, value: (field: keyof TrafficInfo) => number): TrafficInfo {
  const fields = Object.keys(traffic) as (keyof TrafficInfo)[]
  return Object.fromEntries(fields.map(field => [field, value(field)])) as unknown as TrafficInfo
}

/** Each arm, and behind it its share of each worker if there are several. */
function armRows(now: NumbersInfo, before: NumbersInfo, seconds: number): ArmRow[] {
  const row = (worker: number | null, arm: ArmInfo, was: ArmInfo | undefined): ArmRow => {
    const perSecond = (value: (arm: ArmInfo) => number) =>
      rate(value(arm), was && value(was), seconds)
    return {
      arm: arm.name,
      worker,
      up: arm.up,
      admin: arm.admin,
      link: arm.link,
      orphaned: arm.orphaned,
      rxBits: perSecond(arm => arm.rx_bytes) * 8,
      txBits: perSecond(arm => arm.tx_bytes) * 8,
      rxPackets: perSecond(arm => arm.rx_packets),
      txPackets: perSecond(arm => arm.tx_packets),
      drops: perSecond(arm => arm.rx_drops + arm.tx_drops),
    }
  }
  const was = total(before.workers).arms
  return total(now.workers).arms.flatMap((arm, i) => [
    row(null, arm, was[i]),
    ...(now.workers.length === 1
      ? []
      : now.workers.map(({ worker, counters }, w) =>
          row(worker, counters.arms[i] as ArmInfo, before.workers[w]?.counters.arms[i]),
        )),
  ])
}

/** Of the last seconds, or of all if there were none in them. */
function handshakes(now: NumbersInfo, long: NumbersInfo, by: 'rs' | 'client'): Quantiles | null {
  const all = total(now.workers).handshakes[by]
  const earlier = total(long.workers).handshakes[by]
  const recent: HandshakeInfo = {
    buckets: all.buckets.map((count, i) => count - (earlier.buckets[i] ?? 0)),
    sum_ms: all.sum_ms - earlier.sum_ms,
  }
  return quantiles(recent) ?? quantiles(all)
}
