/** The counters of all workers as those of one. */

import type { ArmInfo, CountersInfo, HandshakeInfo, WorkerNumbers } from '../../api/commands.ts'

type Numbers = Record<string, number>

/** Of at least one worker. */
export function total(workers: readonly WorkerNumbers[]): CountersInfo {
  return workers.map(({ counters }) => counters).reduce(add)
}

function add(a: CountersInfo, b: CountersInfo): CountersInfo {
  return {
    arms: a.arms.map((arm, i) => addArm(arm, b.arms[i] as ArmInfo)),
    drops: sum(a.drops, b.drops),
    events: sum(a.events, b.events),
    conns: sum(a.conns, b.conns),
    states: sum(a.states, b.states),
    neighbours: sum(a.neighbours, b.neighbours),
    handshakes: {
      rs: addHandshakes(a.handshakes.rs, b.handshakes.rs),
      client: addHandshakes(a.handshakes.client, b.handshakes.client),
    },
    frames: sum(a.frames, b.frames),
  }
}

/** Sums of two records of numbers with the same keys. */
function sum<T extends object>(a: T, b: T): T {
  const other = b as Numbers
  const sums = Object.entries(a as Numbers).map(([key, value]) => [key, value + (other[key] ?? 0)])
  return Object.fromEntries(sums) as T
}

function addArm(a: ArmInfo, b: ArmInfo): ArmInfo {
  // The device is that of all of them.
  const { name, kind, vlan, mac, mtu, up, admin, link, orphaned, queues, ...numbers } = a
  const others = Object.fromEntries(
    Object.keys(numbers).map(key => [key, b[key as keyof typeof numbers]]),
  ) as typeof numbers
  const device = { ...(kind && { kind }), ...(vlan && { vlan }) }
  return { name, ...device, mac, mtu, up, admin, link, orphaned, queues, ...sum(numbers, others) }
}

function addHandshakes(a: HandshakeInfo, b: HandshakeInfo): HandshakeInfo {
  return {
    buckets: a.buckets.map((count, i) => count + (b.buckets[i] ?? 0)),
    sum_ms: a.sum_ms + b.sum_ms,
  }
}
