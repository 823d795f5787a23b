/** Findings for somebody who looks for a fault, the most important first. */

import { FLAG } from '../../wire/tcp.ts'
import { flagLetters } from '../frame/options-text.ts'
import { counted } from '../text/counted.ts'
import type { Analysis, Conn } from './analyze.ts'
import type { Odd } from './compare.ts'
import type { Flow } from './flows.ts'
import type { Packets } from './packets.ts'
import { micros, segments } from './units.ts'

export interface Finding {
  /** `fault` should not happen with any balancer; `loss` is packets gone; `note` is good to know. */
  weight: 'fault' | 'loss' | 'note'
  /** For programs: `lost_in`, `payload_changed`, `reset_by_balancer`. */
  code: string
  text: string
  /** Numbers of the connections, the first of them. */
  conns: number[]
  /** The segments in words, the first of them. */
  examples: string[]
}

/** Connections and segments that a finding names. */
const NAMED = 20
const EXAMPLES = 5

const WEIGHTS: readonly Finding['weight'][] = ['fault', 'loss', 'note']

/** Gathers what belongs to one finding. */
class Gathered {
  count = 0
  bytes = 0
  readonly conns = new Set<number>()
  readonly examples: string[] = []

  add(conn: number, example: () => string, bytes = 0): void {
    this.count++
    this.bytes += bytes
    if (this.conns.size < NAMED) this.conns.add(conn)
    if (this.examples.length < EXAMPLES) this.examples.push(`connection ${conn}: ${example()}`)
  }

  finding(weight: Finding['weight'], code: string, text: string): Finding[] {
    if (this.count === 0) return []
    return [{ weight, code, text, conns: [...this.conns], examples: this.examples }]
  }
}

export function findingsOf(analysis: Analysis): Finding[] {
  const found = [
    ...oddities(analysis),
    ...losses(analysis),
    ...additions(analysis),
    ...unpaired(analysis),
    ...notes(analysis),
  ]
  return found.toSorted((a, b) => WEIGHTS.indexOf(a.weight) - WEIGHTS.indexOf(b.weight))
}

const ODD_TEXTS: Readonly<Record<Odd['what'], string>> = {
  payload: 'segments had their payload changed on the way',
  flags: 'segments had their flags changed on the way',
  options: 'segments had options changed in a way that FullNAT does not',
  seq: 'segments had their sequence number moved by another amount than the rest of their connection',
  ack: 'segments had their acknowledgement moved by another amount than the rest of their connection',
  window: 'segments had their window changed on the way',
}

function oddities({ conns }: Analysis): Finding[] {
  const kinds = Object.keys(ODD_TEXTS) as Odd['what'][]
  return kinds.flatMap(what => {
    const gathered = new Gathered()
    for (const conn of conns) {
      for (const odd of conn.compared.odd) {
        if (odd.what !== what) continue
        const { entry } = conn.ways[odd.direction]
        gathered.add(
          conn.id,
          () => `${words(entry, odd.row, conn)}: ${odd.before}, then ${odd.after}`,
        )
      }
    }
    const weight = what === 'window' ? 'note' : 'fault'
    return gathered.finding(weight, `${what}_changed`, `${gathered.count} ${ODD_TEXTS[what]}`)
  })
}

function losses({ conns }: Analysis): Finding[] {
  return (['in', 'out'] as const).flatMap(direction => {
    const data = new Gathered()
    const bare = new Gathered()
    const [from, to] = direction === 'in' ? ['client', 'RS'] : ['RS', 'client']
    for (const conn of conns) {
      const { entry } = conn.ways[direction]
      for (const { row, bytes } of conn[direction].lost) {
        const part = bytes > 0 && bytes < entry.payload[row] ? `, ${bytes} bytes of it` : ''
        const isBare = entry.payload[row] === 0 && (entry.flags[row] & ~FLAG.PSH) === FLAG.ACK
        const gathered = isBare ? bare : data
        gathered.add(conn.id, () => `${words(entry, row, conn)}${part}`, bytes)
      }
    }
    const text = (what: string) => `left the ${from} and never reached the ${to}${what}`
    const bytes = data.bytes > 0 ? ` (${data.bytes} bytes)` : ''
    return [
      ...data.finding('loss', `lost_${direction}`, `${segments(data.count)} ${text(bytes)}`),
      ...bare.finding(
        'loss',
        `lost_ack_${direction}`,
        `${counted(bare.count, 'bare ACK')} ${text('')}`,
      ),
    ]
  })
}

const ADDED = {
  reset: ['reset_by_balancer', 'resets were sent by the balancer'],
  handshake: ['handshake_by_balancer', 'SYNs or SYN+ACKs were sent by the balancer itself'],
  ack: ['ack_by_balancer', 'bare ACKs were sent by the balancer itself'],
} as const

function additions({ conns }: Analysis): Finding[] {
  const kinds = Object.keys(ADDED) as (keyof typeof ADDED)[]
  const twice = new Gathered()
  const late = new Gathered()
  const findings = kinds.flatMap(kind => {
    const gathered = new Gathered()
    for (const conn of conns) {
      for (const direction of ['in', 'out'] as const) {
        const { exit } = conn.ways[direction]
        const to = direction === 'in' ? 'to the RS' : 'to the client'
        for (const added of conn[direction].added)
          if (added.kind === kind)
            gathered.add(conn.id, () => `${to}, ${words(exit, added.row, conn)}`)
      }
    }
    const [code, text] = ADDED[kind]
    return gathered.finding('note', code, `${gathered.count} ${text}`)
  })
  for (const conn of conns) {
    for (const direction of ['in', 'out'] as const) {
      const { exit } = conn.ways[direction]
      for (const row of conn[direction].duplicated) twice.add(conn.id, () => words(exit, row, conn))
      const { reordered } = conn[direction]
      for (let i = 0; i < reordered; i++) late.add(conn.id, () => `${reordered} ${direction}`)
    }
  }
  return [
    ...findings,
    ...twice.finding('fault', 'duplicated', `${segments(twice.count)} came once and left twice`),
    ...late.finding(
      'note',
      'reordered',
      `${segments(late.count)} were overtaken by later ones on the way`,
    ),
  ]
}

const ALONE = {
  one: ['note', 'alone_outer', 'in the capture with one side only'],
  outer: ['loss', 'alone_outer', 'on the client side only: never forwarded, or not captured there'],
  unsure: [
    'note',
    'alone_unsure',
    'on the client side only, and did not begin while both captures are known to have run: nothing is said of them',
  ],
  inner: [
    'note',
    'alone_inner',
    'on the RS side only: of the balancer itself (health checks), or not captured there',
  ],
} as const

function unpaired({ alone, begunAlone, conns, sources }: Analysis): Finding[] {
  const say = (kind: keyof typeof ALONE, flows: readonly Flow[]): Finding[] => {
    const [weight, code, text] = ALONE[kind]
    const examples = flows.slice(0, EXAMPLES).map(flowWords)
    const all = `${counted(flows.length, 'connection')} ${flows.length === 1 ? 'is' : 'are'} ${text}`
    return flows.length === 0 ? [] : [{ weight, code, text: all, conns: [], examples }]
  }
  const unsure = alone.outer.filter(flow => !begunAlone.has(flow))
  const findings =
    sources.length === 1
      ? say('one', alone.outer)
      : [...say('outer', [...begunAlone]), ...say('unsure', unsure), ...say('inner', alone.inner)]
  const guesses = conns.filter(({ pair }) => pair.sureness === 'guess')
  if (guesses.length > 0) {
    findings.push({
      weight: 'note',
      code: 'guessed',
      text: `${guesses.length} connections are paired by guess; what is said of them may be wrong`,
      conns: guesses.slice(0, NAMED).map(({ id }) => id),
      examples: [],
    })
  }
  return findings
}

/** `10.0.0.1:5000 > 10.0.0.2:80, 3 segments, SYN not answered` */
function flowWords(flow: Flow): string {
  const { packets, rows } = flow
  const has = (who: number, flag: number) => rows[who].some(i => (packets.flags[i] & flag) !== 0)
  const end = has(1, FLAG.RST)
    ? ', reset by the other end'
    : rows[1].length === 0
      ? ', not answered'
      : ''
  const number = rows[0].length + rows[1].length
  return `${flow.client} > ${flow.server}, ${segments(number)}${end}`
}

function notes({ conns, clock, isTurned, sources }: Analysis): Finding[] {
  const findings: Finding[] = []
  const note = (code: string, text: string) =>
    findings.push({ weight: 'note', code, text, conns: [], examples: [] })
  if (isTurned) note('exchanged', `${sources[1].name} is the client side and was given second`)
  if (clock.driftPpm !== 0)
    note('drift', `the RS side's clock runs ${clock.driftPpm.toFixed(1)} ppm faster`)
  const sum = (of: (conn: Conn) => number) => conns.reduce((total, conn) => total + of(conn), 0)
  const outside = sum(
    conn =>
      conn.in.outside.entry + conn.in.outside.exit + conn.out.outside.entry + conn.out.outside.exit,
  )
  if (outside > 0)
    note(
      'outside',
      `${segments(outside)} are outside the time of the other capture; nothing is said of them`,
    )
  for (const [i, side] of (['outer', 'inner'] as const).entries()) {
    const missed = sum(conn => missedBy(conn, side))
    if (missed > 0)
      note(
        'missed',
        `${sources[i]?.name ?? 'the capture'} lacks ${segments(missed)} that were there; of others that it lacks it cannot be told from loss`,
      )
  }
  const twice = sum(({ ways }) => ways.in.seenTwice.size + ways.out.seenTwice.size)
  if (twice > 0)
    note('captured_twice', `${segments(twice)} are twice in the capture of where they came in`)
  const split = sum(conn => conn.in.split + conn.out.split)
  const joined = sum(conn => conn.in.joined + conn.out.joined)
  if (split + joined > 0)
    note(
      'offload',
      `${split} frames left as several and ${joined} left joined with others: segmentation offload, nothing is lost by it`,
    )
  for (const { name, cut, passed, copies, unread, segments: all } of sources) {
    if (copies.count > 0)
      note(
        'captured_twice',
        `${name} has ${copies.count} of its ${segments(all)} a second time, ${micros(copies.afterNs / 1000)} after the first, as mirror ports, -i any and merged captures have; they are left out`,
      )
    if (cut !== null) note('cut', `${name}: ${cut}`)
    if (passed.link > 0)
      note(
        'link_type',
        `${name}: ${counted(passed.link, 'packet')} of link type ${unread.join(', ')} passed over`,
      )
    if (passed.udp > 0)
      note('udp', `${name}: ${counted(passed.udp, 'datagram')} of UDP not looked at, only TCP is`)
    if (passed.broken > 0)
      note('broken', `${name}: ${passed.broken} fragments or cut headers are not looked at`)
  }
  return findings
}

/** Segments that the capture of a side should have. */
function missedBy(conn: Conn, side: 'outer' | 'inner'): number {
  const wentIn = conn.in.missed
  const wentOut = conn.out.missed
  return side === 'outer' ? wentIn.entry + wentOut.exit : wentIn.exit + wentOut.entry
}

/** `P. 1:77 ack 51 len 76 at 0.000412`, numbers relative to the connection's, time to the capture's first packet. */
function words(packets: Packets, row: number, conn: Conn): string {
  const { flow, who } = placeOf(packets, row, conn)
  const zero = (of: number) => flow.isn[of] ?? packets.seq[flow.rows[of][0] ?? row] - 1
  const flags = packets.flags[row]
  const payload = packets.payload[row]
  const seq = (packets.seq[row] - zero(who)) >>> 0
  const text = [flagLetters(flags), payload > 0 ? `${seq}:${(seq + payload) >>> 0}` : `${seq}`]
  if (flags & FLAG.ACK) text.push(`ack ${(packets.ack[row] - zero(1 - who)) >>> 0}`)
  if (payload > 0) text.push(`len ${payload}`)
  if (packets.ipId[row] !== 0) text.push(`id ${packets.ipId[row]}`)
  return `${text.join(' ')} at ${(packets.at[row] / 1e9).toFixed(6)} s`
}

/** The flow that has the row, and which end sent it. */
function placeOf(packets: Packets, row: number, { pair }: Conn): { flow: Flow; who: number } {
  const isOf = (flow: Flow, who: number) => {
    const [address, port] = who === 0 ? [flow.caddr, flow.cport] : [flow.saddr, flow.sport]
    return packets.saddr[row] === address && packets.ports[row] >>> 16 === port
  }
  const flows = [pair.outer, pair.inner].filter(flow => flow.packets === packets)
  for (const flow of flows) for (const who of [0, 1]) if (isOf(flow, who)) return { flow, who }
  return { flow: pair.outer, who: 0 }
}
