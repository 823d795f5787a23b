/** The facts of a connection as sentences: why it is as it is, what happened, and what will. */

import type { ServiceInfo } from '../../api/commands.ts'
import { endpointText, hostText } from '../../wire/ip-address.ts'
import type { DropContext } from '../drops/drops.ts'
import { frameText } from '../frame/frame-text.ts'
import { headerValues } from '../frame/header-values.ts'
import type { FrameOut } from '../moments/moment.ts'
import { counted } from '../text/counted.ts'
import { instantText } from '../text/times.ts'
import { subPoolText } from '../words/ends.ts'
import type { Edge, Facts, Traffic } from './story.ts'
import { answerText, errorHappened, spanText, uoaText } from './story-datagrams.ts'
import { isTimed, isUdpState, secondsOf } from './timeouts.ts'

/** What is set up, beside what refused frames are explained from. All as the API tells it. */
export interface StoryContext extends DropContext {
  services: readonly (DropContext['services'][number] &
    Pick<ServiceInfo, 'protocol' | 'scheduler' | 'conn_timeout' | 'persistence'>)[]
  /** Seconds by state, `established` and the like. */
  timeouts: Readonly<Record<string, number>>
  /** Of the config: off, seed or master. */
  toa: string
}

export interface Story {
  title: string
  /** One sentence on how it stands. */
  now: string
  /** Label and sentence each. */
  why: [label: string, text: string][]
  happened: { atUs: number; what: string; frame: string }[]
  traffic: string[]
  /** What will happen, or why it ended and what both ends were told. */
  end: string[]
}

/** `live` is the state that the connection has at present, if it lives. */
export function storyOf(facts: Facts, context: StoryContext, live: string | null): Story {
  const { protocol, client, vip, lip, rs } = facts.ends
  const end = facts.end === null ? future(facts, context, live) : past(facts, context)
  return {
    title: `${protocol === 'TCP' ? '' : `${protocol} `}${client} > ${vip}, towards the real server ${lip} > ${rs}, worker ${facts.worker}`,
    now: nowText(facts, live),
    why: whyOf(facts, context),
    happened: [
      ...facts.edges.map(edge => ({
        atUs: edge.atUs,
        what: `${edge.from} -> ${edge.to}${timerText(edge.to, facts, context)}${againText(edge)}`,
        frame: causeText(edge),
      })),
      ...facts.errors.map(errorHappened),
    ].sort((a, b) => a.atUs - b.atUs),
    traffic: [
      trafficText('from the client', facts.client),
      trafficText('from the real server', facts.rs),
      ...parkedText(facts),
    ],
    end,
  }
}

function nowText(facts: Facts, live: string | null): string {
  const { end, firstUs } = facts
  if (end !== null) return `ended in ${end.state} after ${spanText(end.atUs - firstUs)}`
  const state = live ?? facts.state
  if (live === null) return `was ${state} when last heard of; its end is not in the recorder`
  return `lives, in ${state}`
}

function whyOf(facts: Facts, context: StoryContext): [string, string][] {
  if (facts.kept) return [['beginning', KEPT], ...sinceThen(facts, context)]
  if (facts.scheduled === null && facts.delta === null) {
    return [
      [
        'beginning',
        `the recorder does not go back to its ${firstText(facts)}, so why it is as it is is not known`,
      ],
    ]
  }
  if (isUdp(facts)) {
    return [
      ['real server', rsText(facts, context)],
      ['LIP and lport', lportText(facts)],
      ['UOA', uoaText(facts)],
      ['answer', answerText(facts)],
    ]
  }
  return [
    ['real server', rsText(facts, context)],
    ['LIP and lport', lportText(facts)],
    ['sequence', deltaText(facts)],
    ...sinceThen(facts, context),
  ]
}

function isUdp({ ends }: Facts): boolean {
  return ends.protocol === 'UDP'
}

function firstText(facts: Facts): string {
  return isUdp(facts) ? 'first datagram' : 'SYN'
}

function serviceOf({ ends }: Facts, { services }: StoryContext) {
  const protocol = ends.protocol.toLowerCase()
  return services.find(
    service => service.protocol === protocol && endpointText(service) === ends.vip,
  )
}

const KEPT =
  'its client used the port of a connection that was over, and tcp.reuse is keep: same real server, LIP, lport and sequence delta, nothing was chosen'

function sinceThen(facts: Facts, context: StoryContext): [string, string][] {
  return [
    ['TOA', toaText(facts, context)],
    ['handshake', handshakeText(facts)],
  ]
}

function rsText(facts: Facts, context: StoryContext): string {
  const { ends, scheduled } = facts
  const service = serviceOf(facts, context)
  if (scheduled === null) return ends.rs
  const { weight, servers, by } = scheduled
  const all = servers === 1 ? 'the only real server' : `one of ${servers} real servers`
  const rs = service?.real_servers.find(rs => `${hostText(rs.address)}:${rs.port}` === ends.rs)
  const limit =
    rs && rs.upper_threshold > 0
      ? `at most ${rs.upper_threshold} connections, ${rs.active_conns + rs.inactive_conns} now`
      : 'no threshold'
  const how = {
    scheduler: `chosen by the scheduler${service ? ` ${service.scheduler}` : ''}`,
    persistence: `because its client had been there before (persistence ${service?.persistence ?? '?'} s)`,
    'connection ID': "named by the datagram's connection ID of QUIC",
  }
  return `${ends.rs}, ${how[by as keyof typeof how]}: weight ${weight}, ${all}, ${limit}`
}

function lportText({ ends, lport }: Facts): string {
  if (lport === null)
    return `${ends.lip}: that of the connection that its client had before, as it comes to the same real server`
  const tried = Number(lport.tried)
  const turn =
    tried === 0
      ? 'the LIP whose turn it was'
      : `after ${tried} ${tried === 1 ? 'LIP' : 'LIPs'} without a free lport`
  return `${ends.lip}: ${turn}, and of the lports towards this real server${subPoolText(ends.rs)} the one that has rested longest; ${lport.free} are left`
}

function deltaText({ delta, isn }: Facts): string {
  if (delta === null) return 'not known'
  const ours = isn === null ? '' : ` (the client began at ${isn}, we at ${(isn + delta) >>> 0})`
  return `the client's numbers go to the real server plus ${delta >>> 0}${ours}, and its acks come back minus it`
}

function toaText({ toa, ends }: Facts, context: StoryContext): string {
  const times = counted(toa.added, 'segment')
  const missing = [...new Set(toa.failed)].join(', ')
  const failed = toa.failed.length > 0 ? `; ${toa.failed.length} times not: ${missing}` : ''
  if (toa.added > 0) return `${times} told the real server of ${ends.client}${failed}`
  if (toa.failed.length > 0) return `the real server does not know ${ends.client}${failed}`
  return context.toa === 'off'
    ? `the real server does not know ${ends.client}: tcp.toa is off`
    : `no segment has told the real server of ${ends.client} yet`
}

function handshakeText({ handshake: { synAckUs, ackUs } }: Facts): string {
  if (synAckUs === null) return 'the real server has not answered the SYN'
  const first = `the real server answered after ${spanText(synAckUs)}`
  return ackUs === null
    ? `${first}, the client has not`
    : `${first}, the client after ${spanText(ackUs)}`
}

function causeText({ frame }: Edge): string {
  const from = frame.direction === 'in' ? 'client' : 'real server'
  return `${from}: ${frameText(frame.bytes, frame.length)}`
}

/** Seconds until a state times out. */
function timeoutOf(state: string, facts: Facts, context: StoryContext): number {
  return secondsOf(state, serviceOf(facts, context)?.conn_timeout ?? 0, context.timeouts)
}

function timerText(state: string, facts: Facts, context: StoryContext): string {
  return isTimed(state) ? `, timer ${timeoutOf(state, facts, context)} s` : ''
}

/** What a SYN does on a connection that was over (semantics 2.3). */
function againText({ from, to, frame }: Edge): string {
  if (to !== 'SYN_RECV' || from === 'NONE') return ''
  return frame.said.some(({ event }) => event === 'conn_kept')
    ? '; another connection, on the entry of the one before'
    : '; the SYN that opened it came again'
}

function trafficText(who: string, { packets, payload, refused }: Traffic): string {
  const lost = Object.entries(refused).map(([reason, times]) => `${times} ${reason}`)
  const text = `${who}: ${counted(packets, 'packet')}, ${payload} bytes of payload`
  return lost.length > 0 ? `${text}; refused: ${lost.join(', ')}` : text
}

function parkedText({ parked, parkedDrops }: Facts): string[] {
  if (parked === 0) return []
  const lost = parkedDrops > 0 ? `, and ${parkedDrops} in vain (neigh_unresolved)` : ''
  return [`waited for the MAC of the next hop: ${parked}${lost}`]
}

/** What will happen if nothing passes any more. */
function future(facts: Facts, context: StoryContext, live: string | null): string[] {
  const state = live ?? facts.state
  if (state === null || live === null) return ['its end is not in the recorder']
  const seconds = timeoutOf(state, facts, context)
  const at = instantText(facts.lastUs + seconds * 1_000_000)
  return [
    `its timer is ${seconds} s, and a part of a second of its own; the last ${isUdp(facts) ? 'datagram' : 'segment'} passed at ${instantText(facts.lastUs)}, so it ends at ${at} if none follows`,
    `then ${expiryText(state)}`,
  ]
}

/** What both ends hear when a connection expires in a state. */
export function expiryText(state: string): string {
  if (isUdpState(state)) return 'nobody is told: UDP has nothing to tell it with'
  return state === 'ESTABLISHED'
    ? 'both ends are sent an RST, so that neither waits for the other for ever'
    : 'nobody is told: an RST is sent only to ends that believe the connection whole (ESTABLISHED)'
}

const END_WORDS: Readonly<Record<string, (facts: Facts) => string>> = {
  TIME_WAIT: () => 'both ends had closed',
  ESTABLISHED: () => 'nothing passed any more, and neither end had closed',
  CLOSE_WAIT: () => 'the client had closed, the real server never did',
  FIN_WAIT: () => 'the real server had closed, the client never did',
  SYN_RECV: ({ handshake }) =>
    handshake.synAckUs === null
      ? 'the real server never answered the SYN'
      : 'the client never answered the SYN+ACK',
  SYN_SENT: () => 'the real server sent a SYN of its own on a connection that was over',
  UDP_ONEWAY: () => 'the real server never answered',
  UDP_NORM: () => 'nothing passed any more',
  CLOSE: ({ edges }) => {
    const last = edges.findLast(({ to }) => to === 'CLOSE')
    return last ? `it was closed by this segment, ${causeText(last)}` : 'it was closed by an RST'
  },
}

function past(facts: Facts, context: StoryContext): string[] {
  const { end, lastUs } = facts
  if (end === null) return []
  if (facts.cut) {
    return [
      `its connections to this real server were cut, at ${instantText(end.atUs)}`,
      ...(end.rsts.length > 0 ? rstsText(facts.ends, end.rsts) : ['nobody was told']),
    ]
  }
  if (end.state === 'UDP_NONE') return [ONCE]
  const seconds = timeoutOf(end.state, facts, context)
  const why = END_WORDS[end.state]?.(facts) ?? 'its timer ran out'
  if (end.replaced) return replacedText(facts, end, why)
  const told = end.state === 'ESTABLISHED' ? rstsText(facts.ends, end.rsts) : []
  return [
    `${why}; ${spanText(end.atUs - lastUs)} after its last ${isUdp(facts) ? 'datagram' : 'segment'} the timer of ${end.state} (${seconds} s) ran out, at ${instantText(end.atUs)}`,
    ...(told.length > 0 ? told : [`${expiryText(end.state)}`]),
  ]
}

const ONCE =
  'its service takes every datagram by itself (one_packet): it ended with the one that opened it, and an answer finds no connection'

function replacedText({ lastUs }: Facts, end: NonNullable<Facts['end']>, why: string): string[] {
  const another =
    end.state === 'SYN_RECV' || end.state === 'NONE'
      ? 'its client sent the SYN again, and it was scheduled anew'
      : 'its client began another connection from the same port'
  const rst = end.rsts.map(frame => {
    const text = frameText(frame.bytes, frame.length)
    return `what the real server still had of it was reset, on ${frame.arm}: ${text}`
  })
  return [
    `${why}; ${spanText(end.atUs - lastUs)} after its last segment ${another}, at ${instantText(end.atUs)}`,
    ...rst,
  ]
}

/** Those that left, and to whom none did: its next hop may have been silent. */
function rstsText({ client, rs }: Facts['ends'], rsts: readonly FrameOut[]): string[] {
  const dst = (frame: FrameOut) => {
    const { ip, tcp } = headerValues(frame.bytes, frame.length)
    return `${hostText(ip?.dst ?? '?')}:${tcp?.dport}`
  }
  return [client, rs].map(end => {
    const who = end === client ? 'client' : 'real server'
    const frame = rsts.find(rst => dst(rst) === end)
    if (frame === undefined) return `no RST to the ${who} was seen to leave; tapvs explain drop`
    return `to the ${who} on ${frame.arm}: ${frameText(frame.bytes, frame.length)}`
  })
}
