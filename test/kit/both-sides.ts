/** One conversation as the two sides of a balancer see it, to be spoiled in one way at a time and analysed. */

import { type Analysis, analyze } from '../../src/see/analyze/analyze.ts'
import { findingsOf } from '../../src/see/analyze/findings.ts'
import { type Report, reportOf } from '../../src/see/analyze/report.ts'
import { concat, type TcpFields, tcpFrame } from './frame.ts'
import { pcapOf, type Sent } from './pcap.ts'

const MACS = { srcMac: '52:54:00:00:00:01', dstMac: '52:54:00:00:00:02' }
export const START_US = 1_700_000_000_000_000
export const DELTA = 0x1234_5678
export const MSS = 1448

interface Step {
  who: 'client' | 'rs'
  flags: string
  seq: number
  ack: number
  bytes?: number
  window?: number
}

/** Numbers of the client begin at 1000, those of the RS at 9000. */
const STEPS: readonly Step[] = [
  { who: 'client', flags: 'S', seq: 1000, ack: 0 },
  { who: 'rs', flags: 'S.', seq: 9000, ack: 1001 },
  { who: 'client', flags: '.', seq: 1001, ack: 9001 },
  { who: 'client', flags: 'P.', seq: 1001, ack: 9001, bytes: 10 * MSS },
  { who: 'rs', flags: '.', seq: 9001, ack: 1001 + 10 * MSS },
  { who: 'rs', flags: 'P.', seq: 9001, ack: 1001 + 10 * MSS, bytes: 700 },
  { who: 'client', flags: '.', seq: 1001 + 10 * MSS, ack: 9701 },
  { who: 'client', flags: 'F.', seq: 1001 + 10 * MSS, ack: 9701 },
  { who: 'rs', flags: 'F.', seq: 9701, ack: 1002 + 10 * MSS },
  { who: 'client', flags: '.', seq: 1002 + 10 * MSS, ack: 9702 },
]

/** A segment as one side sees it. */
export interface Seen extends Sent {
  fields: TcpFields
}

export interface Talk {
  outer: Seen[]
  inner: Seen[]
}

export function talk(cport = 40_000, lport = 1025): Talk {
  const made: Talk = { outer: [], inner: [] }
  for (const [k, step] of STEPS.entries()) {
    const byClient = step.who === 'client'
    const payload = new Uint8Array(step.bytes ?? 0).map((_, i) => (i * 7 + k) & 255)
    const common = { flags: step.flags, id: 100 + k, win: step.window ?? 500, payload, ...MACS }
    const client = { ip: '198.51.100.9', port: cport }
    const vip = { ip: '203.0.113.1', port: 80 }
    const lip = { ip: '10.0.0.7', port: lport }
    const rs = { ip: '10.0.0.2', port: 8080 }
    const ends = (a: typeof client, b: typeof client) =>
      byClient
        ? { src: a.ip, sport: a.port, dst: b.ip, dport: b.port }
        : { src: b.ip, sport: b.port, dst: a.ip, dport: a.port }
    const { seq, ack } = step
    const moved = byClient ? { seq: seq + DELTA, ack } : { seq, ack: ack + DELTA }
    const at = START_US + k * 1000
    const outer = { ...common, ...ends(client, vip), seq, ack }
    const inner = { ...common, ...ends(lip, rs), ...moved }
    made.outer.push(seen(outer, at + (byClient ? 0 : 50)))
    made.inner.push(seen(inner, at + (byClient ? 50 : 0)))
  }
  return made
}

function seen(fields: TcpFields & typeof MACS, atUs: number): Seen {
  return { fields, atUs, frame: tcpFrame(fields) }
}

/** The segment with other fields. */
export function changed(segment: Seen, fields: Partial<TcpFields>): Seen {
  return seen({ ...segment.fields, ...MACS, ...fields }, segment.atUs)
}

/** Packets of another kind before and after. */
export function around(packets: readonly Sent[]): Uint8Array {
  const frame = concat(new Uint8Array(12), Uint8Array.of(8, 6), new Uint8Array(28))
  const ends = [START_US - 1e6, START_US + 20e6].map(atUs => ({ atUs, frame }))
  return pcapOf([...packets, ...ends].sort((a, b) => a.atUs - b.atUs))
}

export function analysed({ outer, inner }: Talk): {
  analysis: Analysis
  report: Report
  codes: string[]
} {
  const analysis = analyze(
    { name: 'a.pcap', bytes: around(outer) },
    { name: 'b.pcap', bytes: around(inner) },
  )
  const codes = findingsOf(analysis).map(({ weight, code }) => `${weight} ${code}`)
  return { analysis, report: reportOf(analysis), codes }
}
