/** The facts of a connection as sentences: why it is as it is, what happened, and what will. */

import { hostText } from '../../wire/ip-address.ts'
import { counted } from '../text/counted.ts'
import { subPoolText } from '../words/ends.ts'
import { keepsClient } from '../words/forwarding.ts'
import type { Edge, Facts, Traffic } from './story.ts'
import {
  causeText,
  isPing,
  isUdp,
  packetNoun,
  type StoryContext,
  serviceOf,
  timeoutOf,
} from './story-context.ts'
import {
  answerText,
  errorHappened,
  identifierText,
  spanText,
  toldHappened,
  unansweredText,
  uoaText,
} from './story-datagrams.ts'
import { future, past } from './story-end.ts'
import {
  isPast,
  isPlain,
  isSnat,
  methodText,
  outside,
  PAST_ANSWER,
  PAST_TRAFFIC,
  pastHandshake,
  snatWhy,
  titleOf,
  UNMOVED,
  UNTOLD,
} from './story-methods.ts'
import { isTimed } from './timeouts.ts'

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
  const end = facts.end === null ? future(facts, context, live) : past(facts, context)
  const told = {
    title: `${titleOf(facts)}, worker ${facts.worker}`,
    now: nowText(facts, live),
    why: whyOf(facts, context),
    happened: [
      ...facts.edges.map(edge => ({
        atUs: edge.atUs,
        what: `${edge.from} -> ${edge.to}${timerText(edge.to, facts, context)}${againText(edge)}`,
        frame: causeText(edge),
      })),
      ...facts.errors.map(errorHappened),
      ...facts.told.map(toldHappened),
    ].sort((a, b) => a.atUs - b.atUs),
    traffic: [
      trafficText('from the client', facts.client),
      isPast(facts) ? PAST_TRAFFIC : trafficText('from the real server', facts.rs),
      ...unansweredText(facts),
      ...parkedText(facts),
    ],
    end,
  }
  return isSnat(facts) ? snatStory(told) : told
}

/** Nobody outside is a real server. */
function snatStory({ title, now, why, happened, traffic, end }: Story): Story {
  return {
    ...{ title, now, traffic: traffic.map(outside), end: end.map(outside) },
    why: why.map(([label, text]) => [label, outside(text)]),
    happened: happened.map(({ atUs, what, frame }) => ({
      atUs,
      what: outside(what),
      frame: outside(frame),
    })),
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
  const chosen = isSnat(facts) ? snatWhy(facts) : chosenWhy(facts, context)
  if (isPing(facts))
    return [...chosen, ['identifier', identifierText(facts)], ['answer', answerText(facts)]]
  if (isUdp(facts)) {
    return [
      ...chosen,
      isPlain(facts) ? ['datagrams', UNTOLD] : ['UOA', uoaText(facts)],
      ['answer', isPast(facts) ? PAST_ANSWER : answerText(facts)],
    ]
  }
  return [
    ...chosen,
    ['sequence', isPlain(facts) ? UNMOVED : deltaText(facts)],
    ...sinceThen(facts, context),
  ]
}

function chosenWhy(facts: Facts, context: StoryContext): [string, string][] {
  return [
    ['real server', rsText(facts, context)],
    ['method', methodText(facts)],
    ...(keepsClient(facts.ends.forwarding)
      ? []
      : ([['LIP and lport', lportText(facts)]] as [string, string][])),
  ]
}

function firstText(facts: Facts): string {
  return facts.ends.protocol === 'TCP' ? 'SYN' : `first ${packetNoun(facts.ends.protocol)}`
}

const KEPT =
  'its client used the port of a connection that was over, and tcp.reuse is keep: same real server, LIP, lport and sequence delta, nothing was chosen'

function sinceThen(facts: Facts, context: StoryContext): [string, string][] {
  const handshake = isPast(facts) ? pastHandshake(facts) : handshakeText(facts)
  return [
    ...(isPlain(facts) ? [] : ([['TOA', toaText(facts, context)]] as [string, string][])),
    ['handshake', handshake],
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

function deltaText({ delta, isn, cookie }: Facts): string {
  if (delta === null) return 'not known'
  const moved =
    cookie === null || cookie.moved === null
      ? ''
      : `; those of the real server come plus ${cookie.moved}, so that they go on from the cookie`
  const ours = isn === null ? '' : ` (the client began at ${isn}, we at ${(isn + delta) >>> 0})`
  return `the client's numbers go to the real server plus ${delta >>> 0}${ours}, and its acks come back minus it${moved}`
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

function handshakeText({ handshake: { synAckUs, ackUs }, cookie }: Facts): string {
  if (cookie !== null) {
    const answer = synAckUs === null ? 'has not answered' : `answered after ${spanText(synAckUs)}`
    return `the SYN was answered here with a cookie (syn_proxy), which the client's ACK brought back; the real server heard of it only then, and ${answer}`
  }
  if (synAckUs === null) return 'the real server has not answered the SYN'
  const first = `the real server answered after ${spanText(synAckUs)}`
  return ackUs === null
    ? `${first}, the client has not`
    : `${first}, the client after ${spanText(ackUs)}`
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
