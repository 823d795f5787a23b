/** The config that an earlier daemon ran, its places, and what it thought of RSs, with anything in them: refused in a line, or as it was written. */

import { setImmediate as turn } from 'node:timers/promises'
import type { Config } from '../../../src/config/config.ts'
import { ConfigError, parseConfig } from '../../../src/config/config.ts'
import { PlaceList } from '../../../src/config/places.ts'
import { restorePlaces } from '../../../src/control/begin.ts'
import { KeptHealth } from '../../../src/control/checks/kept-health.ts'
import { KeptConfig } from '../../../src/control/model/kept-config.ts'
import { Model } from '../../../src/control/model/model.ts'
import { Readings } from '../../../src/control/readings/readings.ts'
import { DEST_PLACES, newTables } from '../../../src/control/threads/memory.ts'
import { LIPS_MAX } from '../../../src/engine/conn-layout.ts'
import { sumOf } from '../../../src/io/hold.ts'
import { TRAFFIC_CONFIG } from '../../kit/traffic.ts'
import type { Chance } from '../chance.ts'
import { mutateBytes, mutateJson } from './mutations.ts'
import { Fault, type Target } from './target.ts'

/** The beginnings of both halves, heads included. */
type Halves = readonly [Uint8Array, Uint8Array]

/** All are as good as new. */
class Refused extends Error {}

const HALF = 32 * 1024 * 1024
const HEAD = 64
const MOST = 1 << 16

const places = () => ({
  dests: new PlaceList(DEST_PLACES, () => true),
  lips: new PlaceList(LIPS_MAX, () => true),
})

/** As KeptConfig sums it. */
function sealed(half: Uint8Array, sequence: number): Uint8Array {
  const head = new Int32Array(half.buffer, half.byteOffset, 3)
  const bytes = half.length - HEAD
  head.set([sequence, bytes, sumOf(Int32Array.of(sequence, bytes, sumOf(half.subarray(HEAD))))])
  return half
}

function half(sequence: number, text: string): Uint8Array {
  const bytes = Buffer.from(text)
  const made = new Uint8Array(HEAD + bytes.length)
  made.set(bytes, HEAD)
  return sealed(made, sequence)
}

/** What a daemon has written, with and without an edit after it. */
function seeds(config: Config): Halves[] {
  const memory = new ArrayBuffer(HALF * 2)
  const kept = new KeptConfig(memory)
  const given = places()
  const bytes = (at: number) => {
    const length = HEAD + (new Int32Array(memory, at, 2)[1] ?? 0)
    return new Uint8Array(memory, at, length).slice()
  }
  new Model(config, new Readings(config, [newTables(config)]), given)
  const list: Halves[] = []
  for (let times = 0; times < 3; times++) {
    kept.write(config, given)
    list.push([bytes(0), bytes(HALF)])
    given.dests.take(`later ${times}`)
  }
  return list
}

function mutateHalf(chance: Chance, input: Uint8Array, other: Uint8Array): Uint8Array {
  if (chance.below(4) === 0 || input.length <= HEAD) return mutateBytes(chance, input, other)
  const sequence = new Int32Array(input.slice(0, 4).buffer)[0] ?? 0
  const next = chance.once(4) ? 1 + chance.below(100) : sequence
  const text = Buffer.from(input.subarray(HEAD)).toString()
  try {
    return half(next, JSON.stringify(mutateJson(chance, JSON.parse(text), 7)) ?? '')
  } catch {
    return half(next, Buffer.from(mutateBytes(chance, input.subarray(HEAD), other)).toString())
  }
}

type OfHalves = Pick<Target<Halves>, 'name' | 'seeds' | 'isRefusal' | 'files'>

/** What reads the memory of halves; one memory is used again and again. */
function ofHalves(target: OfHalves & { read(memory: ArrayBuffer): unknown }): Target<Halves> {
  const memory = new ArrayBuffer(HALF * 2)
  const bytes = new Uint8Array(memory)
  return {
    ...target,
    mutate(chance, [a, b], [c]) {
      if (chance.once(3)) return [mutateHalf(chance, a, c), mutateHalf(chance, b, c)]
      return chance.below(2) === 0 ? [mutateHalf(chance, a, c), b] : [a, mutateHalf(chance, b, c)]
    },
    read(halves) {
      for (const [i, half] of halves.entries()) {
        bytes.fill(0, i * HALF, i * HALF + MOST + HEAD)
        bytes.set(half.subarray(0, MOST), i * HALF)
      }
      return target.read(memory)
    },
    limitMs: 4000,
    show: halves => halves.map(half => Buffer.from(half).toString('base64')).join(' '),
  }
}

export function keptTarget(): Target<Halves> {
  const config = parseConfig(TRAFFIC_CONFIG, 'fuzz.yaml')
  const tables = [newTables(config)]
  return ofHalves({
    name: 'kept',
    seeds: seeds(config),
    read(memory) {
      const kept = new KeptConfig(memory)
      const ran = kept.read()
      if (ran === undefined) return
      const given = places()
      const why = restorePlaces(given, ran)
      if (!/^(?:places that were kept make no sense; .*)?$/.test(why)) throw new Fault(why)
      const model = new Model(ran.config, new Readings(ran.config, tables), given)
      // And what is written next is what is read next, whatever stood there.
      kept.write(model.config, given)
      const again = new KeptConfig(memory).read()
      if (JSON.stringify(again?.config.file) !== JSON.stringify(ran.config.file))
        throw new Fault('what was written last is not what is read')
    },
    isRefusal: error =>
      error instanceof ConfigError || /^it is (?:spoilt|no JSON|of another)/.test(error.message),
    files: /\/src\/(config|control\/model)\//,
  })
}

/** Whatever it is, nothing of it is an error: an RS of which nothing is known is as good as new. */
export function healthTarget(): Target<Halves> {
  const servers = ['RS 192.168.168.2:6379 of TCP 202.108.10.1:6379', 'b'].map(name => [
    name,
    { inhibited: true, weight: 7, reason: 'no', passes: false, outUntil: 9e11, slowSince: null },
  ])
  const text = (count: number) => JSON.stringify({ layout: 1, servers: servers.slice(0, count) })
  const clock = () => 1e12
  return ofHalves({
    name: 'health',
    seeds: [
      [half(2, text(2)), half(1, text(1))],
      [half(4, text(0)), half(5, text(2))],
    ],
    async read(memory) {
      const kept = new KeptHealth(memory, clock)
      const told = [...kept.told()]
      for (const [name, { inhibited, weight }] of told) {
        const verdict = kept.of(name)
        const times = [verdict?.state.outMs ?? 0, verdict?.state.slowMs ?? 0]
        const isSound = typeof inhibited === 'boolean' && weight >= 0 && weight <= 65_535
        if (!isSound || !times.every(ms => ms >= 0)) throw new Fault(JSON.stringify(verdict))
        kept.set(name, verdict ?? null)
      }
      await turn()
      const again = [...new KeptHealth(memory, clock).told()]
      if (JSON.stringify(again) !== JSON.stringify(told)) throw new Fault('it is another')
      if (told.length === 0) throw new Refused('nothing is known')
    },
    isRefusal: error => error instanceof Refused,
    files: /\/src\/control\/(checks|keeper)\//,
  })
}
