/** An analysis as a value that JSON can hold and text is drawn from. Times are in µs, offsets and durations in seconds. */

import type { Analysis, Conn, SourceInfo } from './analyze.ts'
import type { Quantiles } from './clock.ts'
import type { Compared } from './compare.ts'
import { type Finding, findingsOf } from './findings.ts'
import type { Flow } from './flows.ts'
import type { Sureness } from './pairing.ts'
import type { Ways } from './ways.ts'

export interface Report {
  captures: CaptureReport[]
  /** They were given in the wrong order. */
  exchanged: boolean
  clock: {
    /** The RS side's clock minus the client side's. */
    offset: number
    /** The offset is right within this; null if it cannot be told. */
    bound: number | null
    driftPpm: number
    segments: number
    /** One capture has both arms. */
    same: boolean
  }
  delays: {
    /** The fastest segment in and the fastest out, together. */
    bothUs: number | null
    /** Above the fastest of the direction; with one clock, in all. */
    in: DelayReport | null
    out: DelayReport | null
  }
  connections: ConnReport[]
  alone: { outer: AloneReport[]; inner: AloneReport[] }
  findings: Finding[]
}

export interface CaptureReport {
  name: string
  packets: number
  segments: number
  flows: number
  /** Seconds since 1970. */
  begins: number
  lasts: number
  notTcp: number
  /** Segments that it has a second time; they are left out. */
  copies: number
}

export interface DelayReport {
  segments: number
  p50Us: number
  p90Us: number
  p99Us: number
  maxUs: number
}

export interface ConnReport {
  id: number
  /** address:port; vip is what the client talks to, lip who talks to the RS. */
  client: string
  vip: string
  lip: string
  rs: string
  sureness: Sureness
  /** What speaks for the pair, in bits and in words. */
  bits: number
  why: string[]
  /** Seconds after the client side's first packet. */
  begins: number
  /** What is added to the client's and to the RS's sequence numbers, 0..2^32-1. */
  clientDelta: number
  rsDelta: number
  toa: Compared['toa']
  mss: Compared['mss']
  timestamps: Compared['timestamps']
  ttl: Compared['ttl']
  macs: Compared['macs']
  changes: Record<string, number>
  in: WayReport
  out: WayReport
}

export interface WayReport {
  entered: number
  left: number
  lost: number
  lostBytes: number
  added: number
  duplicated: number
  reordered: number
  outside: number
  /** Were there and were not captured. */
  missed: number
}

export interface AloneReport {
  client: string
  server: string
  segments: number
}

export function reportOf(analysis: Analysis): Report {
  const { clock, delays, alone } = analysis
  return {
    captures: analysis.sources.map(captureReport),
    exchanged: analysis.isTurned,
    clock: {
      offset: clock.offsetNs / 1e9,
      bound: clock.boundNs === null ? null : clock.boundNs / 1e9,
      driftPpm: clock.driftPpm,
      segments: clock.segments,
      same: clock.isOne,
    },
    delays: {
      bothUs: delays.bothNs === null ? null : delays.bothNs / 1000,
      in: delayReport(delays.in),
      out: delayReport(delays.out),
    },
    connections: analysis.conns.map(connReport),
    alone: { outer: alone.outer.map(aloneReport), inner: alone.inner.map(aloneReport) },
    findings: findingsOf(analysis),
  }
}

function captureReport({
  name,
  packets,
  segments,
  flows,
  firstNs,
  lastsNs,
  passed,
  copies,
}: SourceInfo): CaptureReport {
  const { udp, notTcp, other, link, broken } = passed
  const begins = Number(firstNs / 1000n) / 1e6
  return {
    name,
    packets,
    segments,
    flows,
    begins,
    lasts: lastsNs / 1e9,
    notTcp: udp + notTcp + other + link + broken,
    copies: copies.count,
  }
}

function delayReport(quantiles: Quantiles | null): DelayReport | null {
  if (quantiles === null) return null
  const { count, p50, p90, p99, max } = quantiles
  return {
    segments: count,
    p50Us: p50 / 1000,
    p90Us: p90 / 1000,
    p99Us: p99 / 1000,
    maxUs: max / 1000,
  }
}

function connReport(conn: Conn): ConnReport {
  const { pair, ways, compared } = conn
  const { toa, mss, timestamps, ttl, macs, changes } = compared
  return {
    id: conn.id,
    client: pair.outer.client,
    vip: pair.outer.server,
    lip: pair.inner.client,
    rs: pair.inner.server,
    sureness: pair.sureness,
    bits: Math.round(pair.bits),
    why: pair.why,
    begins: pair.outer.firstNs / 1e9,
    clientDelta: ways.clientDelta >>> 0,
    rsDelta: ways.rsDelta >>> 0,
    toa,
    mss,
    timestamps,
    ttl,
    macs,
    changes,
    in: wayReport(conn, ways, 'in'),
    out: wayReport(conn, ways, 'out'),
  }
}

function wayReport(conn: Conn, ways: Ways, direction: 'in' | 'out'): WayReport {
  const { entryRows, exitRows } = ways[direction]
  const { lost, added, duplicated, reordered, outside, missed } = conn[direction]
  return {
    entered: entryRows.length,
    left: exitRows.length,
    lost: lost.length,
    lostBytes: lost.reduce((sum, { bytes }) => sum + bytes, 0),
    added: added.length,
    duplicated: duplicated.length,
    reordered,
    outside: outside.entry + outside.exit,
    missed: missed.entry + missed.exit,
  }
}

function aloneReport({ client, server, rows }: Flow): AloneReport {
  return { client, server, segments: rows[0].length + rows[1].length }
}
