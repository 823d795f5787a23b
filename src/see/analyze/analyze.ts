/**
 * Two captures of one balancer, between its clients and itself and between itself and its RSs, put side by side: which
 * connection is which, how the clocks differ, what became of each segment. Any FullNAT balancer will do, and other
 * translators of addresses. One capture that has both arms is taken as both.
 */

import { CaptureError } from '../capture/captured.ts'
import { unreadTypes } from '../capture/link-types.ts'
import { readCapture } from '../capture/pcap.ts'
import { type Clock, Clocks, type Delays } from './clock.ts'
import { type Compared, compareWay, newCompared } from './compare.ts'
import { type Copies, removeCopies } from './copies.ts'
import { type Flow, flowsOf } from './flows.ts'
import { type Differences, differences } from './losses.ts'
import { matchByTime, matchEqual, type ToExit } from './matching.ts'
import { Packets } from './packets.ts'
import { type Pair, pairFlows } from './pairing.ts'
import { type Ways, waysOf } from './ways.ts'

/** A capture to be analysed. */
export interface Source {
  name: string
  /** The whole file. */
  bytes: Uint8Array
}

export interface SourceInfo {
  name: string
  packets: number
  segments: number
  flows: number
  /** ns since 1970 of the first packet, and how long it lasts, ns. */
  firstNs: bigint
  lastsNs: number
  passed: Packets['passed']
  /** Link types that are not known, in words. */
  unread: string[]
  /** Segments that it has more than once, beside the first of each. */
  copies: Copies
  /** What the reader found missing at the end of the file. */
  cut: string | null
}

/** A connection that was found on both sides. */
export interface Conn {
  /** From 1, in the order in which they begin. */
  id: number
  pair: Pair
  ways: Ways
  in: Differences
  out: Differences
  compared: Compared
}

export interface Analysis {
  sources: SourceInfo[]
  /** The captures were given in the wrong order and have been exchanged. */
  isTurned: boolean
  outer: Packets
  inner: Packets
  clocks: Clocks
  clock: Clock
  delays: Delays
  conns: Conn[]
  /** Flows without a partner. */
  alone: { outer: Flow[]; inner: Flow[] }
  /** Of those of the clients' side, the ones that began while both captures ran: whatever else is on one side only may be so by its time. */
  begunAlone: Set<Flow>
}

interface Side {
  name: string
  cut: string | null
  packets: Packets
  flows: Flow[]
  copies: Copies
  unread: string[]
}

/** Throws CaptureError. `outer`: at the clients or between them and the balancer. `inner`: at the RS; without it `outer` has both arms. */
export function analyze(outer: Source, inner?: Source): Analysis {
  const first = load(outer)
  const second = inner ? load(inner) : first
  const found = compareSides(first, second)
  if (!inner || !found.clocks.isTurned) return found
  for (const { packets } of [first, second]) packets.match.fill(-1)
  return { ...compareSides(second, first), isTurned: true }
}

function load({ name, bytes }: Source): Side {
  const packets = new Packets(bytes)
  try {
    const { cut, interfaces } = readCapture(bytes, packet => packets.add(packet))
    const flows = flowsOf(packets)
    const copies = removeCopies(packets, flows)
    return { name, cut, packets, flows, copies, unread: unreadTypes(interfaces) }
  } catch (error) {
    throw error instanceof CaptureError ? new CaptureError(`${name}: ${error.message}`) : error
  }
}

function compareSides(outer: Side, inner: Side): Analysis {
  const isOne = outer === inner
  const pairs = pairFlows(outer.flows, inner.flows, isOne)
  pairs.sort((a, b) => a.outer.firstNs - b.outer.firstNs)
  const clocks = new Clocks(outer.packets, inner.packets, isOne)
  const all = pairs.map(pair => ({ pair, ways: waysOf(pair) }))
  for (const { pair, ways } of all) {
    for (const way of [ways.in, ways.out]) {
      matchEqual(way)
      if (pair.sureness !== 'guess') clocks.add(way)
    }
  }
  clocks.settle()
  const toExit: ToExit = (way, ns) => clocks.toExit(way, ns)
  // A drift that was not seen makes the bound too narrow.
  const slackNs = Math.max(2e5, clocks.clock.boundNs ?? 5e6)
  const conns = all.map(({ pair, ways }, k): Conn => {
    const compared = newCompared()
    const [wentIn, wentOut] = (['in', 'out'] as const).map(direction => {
      const [way, back] = direction === 'in' ? [ways.in, ways.out] : [ways.out, ways.in]
      matchByTime(way, toExit, slackNs)
      const differing = differences(way, back, clocks, slackNs)
      compareWay(compared, way, pair.outer)
      return differing
    })
    return { id: k + 1, pair, ways, in: wentIn, out: wentOut, compared }
  })
  const paired = new Set(pairs.flatMap(pair => [pair.outer, pair.inner]))
  const without = (flows: readonly Flow[]) => flows.filter(flow => !paired.has(flow))
  const alone = { outer: without(outer.flows), inner: isOne ? [] : without(inner.flows) }
  const isBegun = ({ isn, firstNs }: Flow) => {
    const at = clocks.toInner(firstNs)
    return isn[0] !== undefined && at > slackNs && at < inner.packets.lastNs - slackNs
  }
  return {
    sources: (isOne ? [outer] : [outer, inner]).map(infoOf),
    isTurned: false,
    outer: outer.packets,
    inner: inner.packets,
    clocks,
    clock: clocks.clock,
    delays: clocks.delays(),
    conns,
    alone,
    begunAlone: new Set(clocks.isKnown ? alone.outer.filter(isBegun) : []),
  }
}

function infoOf({ name, cut, packets, flows, copies, unread }: Side): SourceInfo {
  return {
    name,
    packets: packets.all,
    segments: packets.count,
    flows: flows.length,
    firstNs: packets.baseNs,
    lastsNs: packets.lastNs,
    passed: packets.passed,
    unread,
    copies,
    cut,
  }
}
