/**
 * The story of a connection out of the recorder's moments: its lives (a client's port may be used again, and gets another
 * lport then), what opened it, each edge with the segment that took it, and how it ended. Words are story-words.ts's.
 */

import { ICMP } from '../../wire/icmp.ts'
import { hostText } from '../../wire/ip-address.ts'
import { UDP } from '../../wire/udp.ts'
import { connPorts, type Echo, echoOf } from '../frame/echo.ts'
import { type HeaderValues, headerValues } from '../frame/header-values.ts'
import type { FrameIn, FrameOut, Moment, Said } from '../moments/moment.ts'
import { isNoSyn } from '../moments/own.ts'
import { type ConnEnds, connKey } from '../words/ends.ts'

/** One connection from its SYN to its end, as far as the recorder goes. */
export interface Life {
  ends: ConnEnds
  worker: number
  /** In the order of time. */
  moments: Moment[]
  /** The recorder has the SYN that opened it. */
  began: boolean
  /** conn_del was said, or another connection took its place. */
  ended: boolean
  /** When another one went on with all that it had, and the state it was in then (tcp.reuse keep). */
  followed: { atUs: number; state: string } | null
}

/** A segment, a datagram or a ping that opened no connection. */
export interface Attempt {
  frame: FrameIn
  /** address:port, as the frame says. */
  from: string
  to: string
  /** Drop reason, or null for one that was answered with an RST or an ICMP error. */
  drop: string | null
}

/** An edge of the state machine, and what took it. */
export interface Edge {
  atUs: number
  from: string
  to: string
  frame: FrameIn
}

export interface Traffic {
  packets: number
  payload: number
  /** Segments that did not go on, by drop reason. */
  refused: Record<string, number>
}

/** What is known of a life; null is what the recorder does not have. */
export interface Facts {
  ends: ConnEnds
  worker: number
  /** Where the client's packets come in; null if none was seen. */
  clientArm: string | null
  firstUs: number
  /** Of the last segment. */
  lastUs: number
  scheduled: Said['fields'] | null
  lport: Said['fields'] | null
  /** Signed int32. */
  delta: number | null
  /** It goes on with the RS, lport and delta of the connection before it. */
  kept: boolean
  /** The client's SYN was answered by a cookie; by how much the RS's numbers are moved since, once that is seen. */
  cookie: { moved: number | null } | null
  /** First sequence number of the client's SYN. */
  isn: number | null
  /** Segments to which TOA was added, or datagrams with UOA, and why it could not be. */
  toa: { added: number; failed: string[] }
  /** From the first packet to the RS's SYN+ACK, or its first datagram, and to the client's ACK; from a ping to the first reply. */
  handshake: { synAckUs: number | null; ackUs: number | null }
  edges: Edge[]
  /** ICMP errors about what we have sent for it, and those of our own about what came. */
  errors: FrameIn[]
  told: FrameOut[]
  /** Of pings: numbers in sequence that no reply has had, and when each was asked. */
  unanswered: Map<number, number>
  client: Traffic
  rs: Traffic
  /** Frames that waited for a MAC, and those that nobody answered for. */
  parked: number
  parkedDrops: number
  /** The last state that is known. */
  state: string | null
  end: { atUs: number; state: string; rsts: FrameOut[]; replaced: boolean } | null
  /** Both ends were reset before its time was over. */
  cut: boolean
}

/** Lives and attempts among moments in the order of time. */
export function livesOf(moments: readonly Moment[]): { lives: Life[]; attempts: Attempt[] } {
  const lives: Life[] = []
  const current = new Map<string, Life>()
  const attempts: Attempt[] = []
  for (const moment of moments) {
    const { conn } = moment
    if (conn === null) {
      const attempt = attemptOf(moment)
      if (attempt) attempts.push(attempt)
      continue
    }
    const key = connKey(conn)
    const kept = saidIn(moment, 'conn_kept')
    // That conn_new was said is in no file.
    const opens = kept !== undefined || (moment.kind === 'in' && moment.states?.before === null)
    let life = current.get(key)
    if (life !== undefined && kept !== undefined) {
      life.ended = true
      life.followed = { atUs: moment.atUs, state: String(kept.fields.state) }
    }
    if (life === undefined || opens) {
      const { worker } = moment
      life = { ends: conn, worker, moments: [], began: opens, ended: false, followed: null }
      lives.push(life)
      current.set(key, life)
    }
    life.moments.push(moment)
    if (saidIn(moment, 'conn_del')) life.ended = true
  }
  return { lives, attempts }
}

function attemptOf(moment: Moment): Attempt | undefined {
  if (moment.kind !== 'in') return undefined
  const values = headerValues(moment.bytes, moment.length)
  const { ip } = values
  const ports = connPorts(values)
  if (ip === null || ports === null) return undefined
  // A ping that no match service is asked for is one to ourselves.
  if (values.ports === null && saidIn(moment, 'lookup') === undefined) return undefined
  const drop = 'drop' in moment.verdict ? moment.verdict.drop : null
  if (drop === null && !('sent' in moment.verdict)) return undefined
  const from = `${hostText(ip.src)}:${ports.sport}`
  const to = `${hostText(ip.dst)}:${ports.dport}`
  return { frame: moment, from, to, drop }
}

function saidIn(moment: Moment, event: string): Said | undefined {
  return moment.kind === 'out' ? undefined : moment.said.find(said => said.event === event)
}

/** Everything that the moments of a life tell. */
export function factsOf({ ends, worker, moments, followed }: Life): Facts {
  const facts: Facts = {
    ends,
    worker,
    clientArm: null,
    firstUs: moments[0]?.atUs ?? 0,
    lastUs: moments[0]?.atUs ?? 0,
    scheduled: null,
    lport: null,
    delta: null,
    kept: false,
    cookie: null,
    isn: null,
    toa: { added: 0, failed: [] },
    handshake: { synAckUs: null, ackUs: null },
    edges: [],
    errors: [],
    told: [],
    unanswered: new Map(),
    client: { packets: 0, payload: 0, refused: {} },
    rs: { packets: 0, payload: 0, refused: {} },
    parked: 0,
    parkedDrops: 0,
    state: null,
    end: null,
    cut: false,
  }
  for (const moment of moments) {
    if (moment.kind === 'in') hearIn(facts, moment)
    else if (moment.kind === 'out') hearOut(facts, moment)
    else for (const said of moment.said) hear(facts, said, moment.atUs)
  }
  if (followed !== null) facts.end = { ...followed, rsts: [], replaced: true }
  return facts
}

function hearIn(facts: Facts, frame: FrameIn): void {
  const { direction, states, said, verdict, atUs } = frame
  const values = headerValues(frame.bytes, frame.length)
  const { tcp, icmp, icmpv6 } = values
  const echo = echoOf(values)
  // An error about a connection is none of its packets, and moves nothing.
  if (echo === null && (icmp ?? icmpv6) !== null) return void facts.errors.push(frame)
  facts.lastUs = atUs
  for (const one of said) hear(facts, one, atUs)
  const traffic = direction === 'out' ? facts.rs : facts.client
  const payload = payloadOf(values)
  traffic.packets += frame.gsoSize > 0 ? Math.max(1, Math.ceil(payload / frame.gsoSize)) : 1
  traffic.payload += payload
  if ('drop' in verdict) traffic.refused[verdict.drop] = (traffic.refused[verdict.drop] ?? 0) + 1
  if ('parked' in verdict) facts.parked++
  if (direction === 'in') facts.clientArm = frame.arm
  if (echo !== null && !('drop' in verdict)) hearEcho(facts, echo, atUs)
  if (states === null) return
  const from = states.before ?? 'NONE'
  facts.state = states.after
  if ((states.before === null || saidIn(frame, 'conn_kept')) && tcp !== null) {
    const byCookie = isNoSyn(frame.bytes)
    if (byCookie) facts.cookie = { moved: null }
    facts.isn = (tcp.seq - (byCookie ? 1 : 0)) >>> 0
  }
  if (from !== states.after) {
    facts.edges.push({ atUs, from, to: states.after, frame })
  }
  timeHandshake(facts, from, frame)
  if (states.after === 'UDP_NORM' && direction === 'out')
    facts.handshake.synAckUs ??= atUs - facts.firstUs
}

/** Each request has a reply of its own. */
function hearEcho(facts: Facts, { isRequest, sequence }: Echo, atUs: number): void {
  const { unanswered, handshake } = facts
  if (isRequest) return void unanswered.set(sequence, atUs)
  handshake.synAckUs ??= atUs - (unanswered.get(sequence) ?? facts.firstUs)
  unanswered.delete(sequence)
}

/** Bytes behind the header of its protocol, of a whole packet. */
function payloadOf({ packet, tcp, udp, ip, icmp, icmpv6 }: HeaderValues): number {
  if (tcp !== null) return tcp.payload
  if (udp !== null) return Math.max(0, (udp.length ?? UDP.HEADER) - UDP.HEADER)
  if (ip === null || packet === null || (icmp ?? icmpv6) === null) return 0
  return Math.max(0, ip.total - (packet.l4 - packet.l3) - ICMP.HEADER)
}

/** From the SYN that opened it: the SYN+ACK of the RS, and the client's segment that ended SYN_RECV. */
function timeHandshake(facts: Facts, from: string, { direction, states, atUs }: FrameIn): void {
  const { handshake } = facts
  if (from !== 'SYN_RECV' || facts.isn === null) return
  const since = atUs - facts.firstUs
  if (direction === 'out' && (facts.cookie !== null || states?.after === 'SYN_RECV'))
    handshake.synAckUs ??= since
  else if (direction === 'in' && states?.after === 'ESTABLISHED') handshake.ackUs ??= since
}

function hearOut(facts: Facts, frame: FrameOut): void {
  const seq =
    frame.direction === 'out' ? frame.changes.find(({ what }) => what === 'seq') : undefined
  if (facts.cookie !== null && seq?.delta !== undefined) facts.cookie.moved ??= seq.delta >>> 0
  if (frame.changes.some(({ what }) => what === 'toa_added' || what === 'uoa_added'))
    facts.toa.added++
  if (frame.own === 'uoa') facts.toa.added++
  if (frame.own?.startsWith('rst_on_')) facts.end?.rsts.push(frame)
  if (frame.own?.startsWith('icmp_')) facts.told.push(frame)
  if (frame.drop === null) return
  const traffic = frame.direction === 'out' ? facts.rs : facts.client
  traffic.refused[frame.drop] = (traffic.refused[frame.drop] ?? 0) + 1
}

function hear(facts: Facts, { event, fields }: Said, atUs: number): void {
  switch (event) {
    case 'scheduled':
      facts.scheduled = fields
      return
    case 'lport_fetched':
      facts.lport = fields
      return
    case 'conn_new':
      facts.delta = Number(fields.delta)
      return
    case 'conn_kept':
      facts.kept = true
      return
    case 'toa_failed':
      facts.toa.failed.push(String(fields.reason))
      return
    case 'parked_drop':
      facts.parkedDrops++
      return
    case 'conn_del':
      facts.end = {
        atUs,
        state: String(fields.state),
        rsts: [],
        replaced: fields.replaced === true,
      }
      facts.cut = fields.cut === true
  }
}
