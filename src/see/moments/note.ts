/**
 * A moment in a line of words, as it stands beside a packet in a capture, and back.
 *
 *   pair 17 in from client | CLIENT VIP LIP RS | lookup hit | SYN_RECV -> ESTABLISHED | to int0
 *   pair 17 out to rs, worker 5 | CLIENT VIP LIP RS | seq +3107328973 to 2976553321, TOA added 202.108.10.2:33896
 *   pair 19 out to rs | UDP CLIENT VIP LIP RS | source 10.0.0.2:4000 to 10.0.1.1:1025, destination ...
 *   pair 18 in | dropped: tcp_no_conn, no connection, and no SYN that could open one
 *   at 1700000000.123456 event | CLIENT VIP LIP RS | connection ended in TIME_WAIT
 *
 * A connection is of TCP if no protocol is named, and forwarded by FullNAT if no method is (`by dr`). Sections are between ` | `; their order is fixed and each but the first may be missing.
 */

import { PROTOCOLS } from '../../api/protocols.ts'
import { ALL_FORWARDINGS } from '../../api/words.ts'
import { DROP_WORDS } from '../drops/drops.ts'
import { byWord } from '../text/by-word.ts'
import type { ConnEnds } from '../words/ends.ts'
import { changesText, parseChanges } from './change-words.ts'
import type { Change, FrameIn, FrameOut, Moment, Said, Verdict } from './moment.ts'
import { parseSaid, saidText } from './said-words.ts'

/** What a note tells; what it does not is null or empty. */
export interface Note {
  kind: Moment['kind']
  pair: number
  worker: number
  direction: 'in' | 'out' | null
  conn: ConnEnds | null
  said: Said[]
  states: FrameIn['states']
  /** Of a frame that came in. */
  verdict: Verdict | null
  /** Of a frame that left. */
  changes: Change[]
  own: string | null
  drop: string | null
  gsoSize: number
  partial: boolean
  /** Of an event, whose comment is that of another packet. */
  atUs: number | null
}

const SEPARATOR = ' | '
const INCOMPLETE = 'waits for the rest of its datagram'
const PARTIAL = 'partial checksum'
const PARKED = 'waits for the MAC of its next hop'
const DONE = 'ends here'

/** Frames of our own, by what they are. */
const OWN_WORDS: Readonly<Record<string, string>> = byWord({
  arp_request: 'ARP request',
  arp_reply: 'ARP reply',
  arp_gratuitous: 'gratuitous ARP',
  nd_solicit: 'neighbour solicitation',
  nd_advert: 'neighbour advertisement',
  nd_unsolicited: 'unsolicited neighbour advertisement',
  mld_report: 'multicast listener report',
  echo_reply: 'echo reply',
  icmp_frag_needed: 'ICMP, the packet is too big for the link ahead and may not be fragmented',
  icmp_too_big: 'ICMPv6, the packet is too big for the link ahead',
  icmp_unreachable: 'ICMP, unreachable',
  icmp_time_exceeded: 'ICMP, the time of the packet is up',
  icmp_error: 'ICMP error',
  uoa: 'a datagram that tells the RS of the client of the next one',
  syn_cookie: 'SYN+ACK with a cookie, of which nothing is kept',
  syn_proxy: 'in the place of the client, whose SYN was answered by a cookie',
  rst: 'RST',
  rst_on_expiry: 'RST, because the connection timed out',
  rst_on_cut: 'RST, because the connection was cut',
  rst_on_reuse: 'RST, because the client has begun another connection',
})

export function noteOf(moment: Moment): string {
  const sections = [head(moment)]
  const { conn } = moment
  if (conn !== null) sections.push(endsText(conn))
  if (moment.kind !== 'event') sections.push(...offloads(moment))
  if (moment.kind !== 'out') sections.push(...moment.said.map(saidText).filter(text => text !== ''))
  if (moment.kind === 'in') sections.push(...inSections(moment))
  if (moment.kind === 'out') sections.push(...outSections(moment))
  return sections.join(SEPARATOR)
}

/** CLIENT VIP LIP RS, in the order of `ipvsadm -lnc`; in front the protocol, if it is not TCP, behind the method, if it is not FullNAT. */
export function endsText({ protocol, client, vip, lip, rs, forwarding }: ConnEnds): string {
  const by = forwarding === undefined ? '' : ` by ${forwarding}`
  return `${protocol === 'TCP' ? '' : `${protocol} `}${client} ${vip} ${lip} ${rs}${by}`
}

/** A drop reason and what it means. */
export function dropText(reason: string): string {
  const words = DROP_WORDS[reason]
  return words === undefined ? reason : `${reason}, ${words}`
}

function head(moment: Moment): string {
  const { pair, worker, kind } = moment
  const link = pair === 0 ? '' : `pair ${pair} `
  const home = worker === 1 ? '' : `, worker ${worker}`
  if (kind === 'event') return `at ${secondsText(moment.atUs)} ${link}event${home}`
  const { direction } = moment
  const end = (direction === 'in') === (kind === 'in') ? 'client' : 'rs'
  const way = direction === null ? '' : kind === 'in' ? ` from ${end}` : ` to ${end}`
  return `${link}${kind}${way}${home}`
}

function inSections(frame: FrameIn): string[] {
  const { states, verdict } = frame
  const sections: string[] = []
  if (states !== null) sections.push(statesText(states))
  if ('sent' in verdict) sections.push(`to ${verdict.sent}`)
  else if ('drop' in verdict) sections.push(`dropped: ${dropText(verdict.drop)}`)
  else if ('done' in verdict) sections.push(DONE)
  // What is parked for a next hop has a connection.
  else sections.push(frame.conn === null ? INCOMPLETE : PARKED)
  return sections
}

function statesText({ before, after }: NonNullable<FrameIn['states']>): string {
  return before === after ? `state ${after}` : `${before ?? 'NONE'} -> ${after}`
}

function outSections(frame: FrameOut): string[] {
  const { changes, own, drop } = frame
  const sections: string[] = []
  if (own !== null) sections.push(`our own: ${OWN_WORDS[own] ?? own}`)
  if (changes.length > 0) sections.push(changesText(changes))
  if (drop !== null) sections.push(`dropped: ${dropText(drop)}`)
  return sections
}

function offloads({ gsoSize, partial }: FrameIn | FrameOut): string[] {
  return [...(gsoSize > 0 ? [`segments of ${gsoSize}`] : []), ...(partial ? [PARTIAL] : [])]
}

/** SECONDS.µµµµµµ since 1970. */
export function secondsText(us: number): string {
  return `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`
}

const HEAD =
  /^(?:at (\d+)\.(\d{6}) )?(?:pair (\d+) )?(in|out|event)(?: (?:from|to) (client|rs))?(?:, worker (\d+))?$/
const ENDPOINT = String.raw`((?:\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\]):\d+)`
/** TCP goes without saying. */
const OTHERS = Object.values(PROTOCOLS).flatMap(({ label }) => (label === 'TCP' ? [] : [label]))
const ENDS = new RegExp(
  `^(?:(${OTHERS.join('|')}) )?${ENDPOINT} ${ENDPOINT} ${ENDPOINT} ${ENDPOINT}(?: by (${ALL_FORWARDINGS.join('|')}))?$`,
)

/** null for a comment that is none of ours. */
export function parseNote(text: string): Note | null {
  const [first = '', ...sections] = text.split(SEPARATOR)
  const found = HEAD.exec(first)
  if (found === null) return null
  const [, seconds, us, pair, kind, end, worker] = found
  const inward = kind === 'in' ? 'client' : 'rs'
  const note: Note = {
    kind: kind as Moment['kind'],
    pair: Number(pair ?? 0),
    worker: Number(worker ?? 1),
    direction: end === undefined ? null : end === inward ? 'in' : 'out',
    conn: null,
    said: [],
    states: null,
    verdict: null,
    changes: [],
    own: null,
    drop: null,
    gsoSize: 0,
    partial: false,
    atUs: seconds === undefined ? null : Number(seconds) * 1e6 + Number(us),
  }
  for (const section of sections) parseSection(note, section)
  return note
}

function parseSection(note: Note, section: string): void {
  const ends = ENDS.exec(section)
  const states = /^(?:state ([A-Z_\d]+)|([A-Z_\d]+) -> ([A-Z_\d]+))$/.exec(section)
  const dropped = /^dropped: (\w+)/.exec(section)
  const own = /^our own: (.*)$/.exec(section)
  const number = /^segments of (\d+)$/.exec(section)
  const sent = note.kind === 'in' ? /^to (.*)$/.exec(section) : null
  if (ends) {
    const [, protocol = 'TCP', ...four] = ends
    const [client, vip, lip, rs, by] = four as [
      string,
      string,
      string,
      string,
      ConnEnds['forwarding'],
    ]
    note.conn = { protocol, client, vip, lip, rs, ...(by !== undefined && { forwarding: by }) }
  } else if (states) {
    const [, still, before = still, after = still] = states as unknown as string[]
    note.states = { before: before === 'NONE' ? null : (before as string), after: after as string }
  } else if (dropped) {
    const reason = dropped[1] as string
    if (note.kind === 'in') note.verdict = { drop: reason }
    else note.drop = reason
  } else if (own) note.own = ownOf(own[1] as string)
  else if (number) note.gsoSize = Number(number[1])
  else if (section === PARTIAL) note.partial = true
  else if (section === PARKED || section === INCOMPLETE) note.verdict = { parked: true }
  else if (section === DONE) note.verdict = { done: true }
  else if (sent) note.verdict = { sent: sent[1] as string }
  else if (note.kind === 'out') note.changes = parseChanges(section)
  else {
    const said = parseSaid(section)
    if (said !== undefined) note.said.push(said)
  }
}

function ownOf(words: string): string {
  return Object.keys(OWN_WORDS).find(own => OWN_WORDS[own] === words) ?? words
}
