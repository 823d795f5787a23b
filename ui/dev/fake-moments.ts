/** A connection that opens, talks and closes again and again, and a packet that is refused. Only for work on the page. */

import { changesOf } from '../../src/see/moments/changes.ts'
import type { Moment, Verdict } from '../../src/see/moments/moment.ts'
import { momentToJson } from '../../src/see/moments/moment-json.ts'
import type { ConnEnds } from '../../src/see/words/ends.ts'
import { FLAG } from '../../src/wire/tcp.ts'

const { SYN, ACK, PSH, FIN } = FLAG
const DELTA = 77_777

interface Step {
  direction: 'in' | 'out'
  bits: number
  seq: number
  ack: number
  payload: number
  before: string | null
  after: string
  drop?: string
}

const C = 1000
const S = 90_000
const STEPS: Step[] = [
  step('in', SYN, [C, 0], 0, [null, 'SYN_RECV']),
  step('out', SYN | ACK, [S, C + 1], 0, ['SYN_RECV', 'SYN_RECV']),
  step('in', ACK, [C + 1, S + 1], 0, ['SYN_RECV', 'ESTABLISHED']),
  step('in', ACK | PSH, [C + 1, S + 1], 24, ['ESTABLISHED', 'ESTABLISHED']),
  step('out', ACK | PSH, [S + 1, C + 25], 1400, ['ESTABLISHED', 'ESTABLISHED']),
  step('in', ACK, [C + 25, S + 1401], 0, ['ESTABLISHED', 'ESTABLISHED']),
  step('in', ACK | FIN, [C + 25, S + 1401], 0, ['ESTABLISHED', 'CLOSE_WAIT']),
  step('out', ACK | FIN, [S + 1401, C + 26], 0, ['CLOSE_WAIT', 'TIME_WAIT']),
  step('in', ACK, [C + 26, S + 1402], 0, ['TIME_WAIT', 'TIME_WAIT']),
  { ...step('in', ACK, [C + 26, S + 1402], 0, [null, '']), drop: 'tcp_no_conn' },
]

function step(
  direction: 'in' | 'out',
  bits: number,
  [seq, ack]: [number, number],
  payload: number,
  [before, after]: [string | null, string],
): Step {
  return { direction, bits, seq, ack, payload, before, after }
}

const ENDS: ConnEnds = {
  protocol: 'TCP',
  client: '202.108.10.2:33896',
  vip: '202.108.10.1:6379',
  lip: '192.168.168.7:1025',
  rs: '192.168.168.2:6379',
}

function frame(from: string, to: string, { bits, payload }: Step, seq: number, ack: number) {
  const bytes = new Uint8Array(54)
  const view = new DataView(bytes.buffer)
  view.setUint16(12, 0x0800)
  view.setUint16(14, 0x4500)
  view.setUint16(16, 40 + payload)
  view.setUint8(22, 64)
  view.setUint8(23, 6)
  for (const [end, address, port] of [
    [from, 26, 34],
    [to, 30, 36],
  ] as const) {
    const [ip = '', number] = end.split(':')
    bytes.set(ip.split('.').map(Number), address)
    view.setUint16(port, Number(number))
  }
  view.setUint32(38, seq)
  view.setUint32(42, ack)
  view.setUint8(46, 0x50)
  view.setUint8(47, bits)
  view.setUint16(48, 502)
  return bytes
}

let pair = 1

function moments(one: Step): Moment[] {
  const { client, vip, lip, rs } = ENDS
  const inward = one.direction === 'in'
  const { seq, ack } = one
  const before = inward
    ? frame(client, vip, one, seq, ack)
    : frame(rs, lip, one, seq, ack + (ack ? DELTA : 0))
  const after = inward ? frame(lip, rs, one, seq + DELTA, ack) : frame(vip, client, one, seq, ack)
  const common = {
    worker: 1,
    pair: pair++,
    conn: one.drop ? null : ENDS,
    length: 54 + one.payload,
    gsoSize: 0,
    partial: false,
    direction: one.direction,
  }
  const atUs = Date.now() * 1000
  const verdict: Verdict = one.drop ? { drop: one.drop } : { sent: inward ? 'int0' : 'ext0' }
  const came: Moment = {
    ...common,
    kind: 'in',
    atUs,
    arm: inward ? 'ext0' : 'int0',
    bytes: before,
    verdict,
    states: one.drop ? null : { before: one.before, after: one.after },
    said:
      one.before === null && !one.drop
        ? [
            {
              event: 'conn_new',
              text: 'new conn',
              fields: { rs: ENDS.rs, lip: ENDS.lip },
            },
          ]
        : [],
  }
  if (one.drop) return [{ ...came, direction: null }]
  const left: Moment = {
    ...common,
    kind: 'out',
    atUs: atUs + 6,
    arm: inward ? 'int0' : 'ext0',
    bytes: after,
    changes: changesOf(before, after),
    drop: null,
    own: null,
  }
  return [came, left]
}

/** => stop */
export function followMoments(send: (event: string, data: unknown) => void): () => void {
  let at = 0
  const next = () => {
    const one = STEPS[at++ % STEPS.length]
    if (one) send('moments', moments(one).map(momentToJson))
  }
  for (let i = 0; i < 8; i++) next()
  const timer = setInterval(next, 700)
  return () => clearInterval(timer)
}
