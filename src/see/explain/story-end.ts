/** How a connection will end, or did, and who was told. */

import { hostText } from '../../wire/ip-address.ts'
import { frameText } from '../frame/frame-text.ts'
import { headerValues } from '../frame/header-values.ts'
import type { FrameOut } from '../moments/moment.ts'
import { instantText } from '../text/times.ts'
import type { ConnEnds } from '../words/ends.ts'
import { isOneWay } from '../words/forwarding.ts'
import type { Facts } from './story.ts'
import { causeText, packetNoun, type StoryContext, timeoutOf } from './story-context.ts'
import { spanText } from './story-datagrams.ts'
import { isPast, PAST_ENDS, PAST_EXPIRY } from './story-methods.ts'
import { isPingState, isUdpState } from './timeouts.ts'

/** What will happen if nothing passes any more. */
export function future(facts: Facts, context: StoryContext, live: string | null): string[] {
  const state = live ?? facts.state
  if (state === null || live === null) return ['its end is not in the recorder']
  const seconds = timeoutOf(state, facts, context)
  const at = instantText(facts.lastUs + seconds * 1_000_000)
  return [
    `its timer is ${seconds} s, and a part of a second of its own; the last ${packetNoun(facts.ends.protocol)} passed at ${instantText(facts.lastUs)}, so it ends at ${at} if none follows`,
    `then ${expiryText(state, facts.ends.forwarding)}`,
  ]
}

/** What both ends hear when a connection expires in a state. */
export function expiryText(state: string, forwarding: ConnEnds['forwarding']): string {
  if (isUdpState(state)) return 'nobody is told: UDP has nothing to tell it with'
  if (isPingState(state)) return 'nobody is told: the identifier is free for another'
  if (isOneWay(forwarding)) return PAST_EXPIRY
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
  ICMP_ONEWAY: () => 'the real server never replied',
  ICMP_NORM: () => 'nothing passed any more',
  CLOSE: ({ edges }) => {
    const last = edges.findLast(({ to }) => to === 'CLOSE')
    return last ? `it was closed by this segment, ${causeText(last)}` : 'it was closed by an RST'
  },
}

export function past(facts: Facts, context: StoryContext): string[] {
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
  const past = isPast(facts) ? PAST_ENDS[end.state] : undefined
  const why = past ?? END_WORDS[end.state]?.(facts) ?? 'its timer ran out'
  if (end.replaced) return replacedText(facts, end, why)
  const isReset = end.state === 'ESTABLISHED' && !isPast(facts)
  const told = isReset ? rstsText(facts.ends, end.rsts) : []
  return [
    `${why}; ${spanText(end.atUs - lastUs)} after its last ${packetNoun(facts.ends.protocol)} the timer of ${end.state} (${seconds} s) ran out, at ${instantText(end.atUs)}`,
    ...(told.length > 0 ? told : [expiryText(end.state, facts.ends.forwarding)]),
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
