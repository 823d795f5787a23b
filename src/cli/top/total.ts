/** The counters of all workers as those of one. */

import type { ArmInfo, CountersInfo, HandshakeInfo, WorkerNumbers } from '../../control/commands.ts'

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
  const { name, mac, mtu, up, queues, ...numbers } = a
  const { name: _, mac: __, mtu: ___, up: otherUp, queues: ____, ...others } = b
  return { name, mac, mtu, up: up && otherUp, queues, ...sum(numbers, others) }
}

function addHandshakes(a: HandshakeInfo, b: HandshakeInfo): HandshakeInfo {
  return {
    buckets: a.buckets.map((count, i) => count + (b.buckets[i] ?? 0)),
    sumMs: a.sumMs + b.sumMs,
  }
}
