/**
 * Which moments somebody wants to see, in words like tcpdump's:
 *
 *   host A   net A/N   port N   tcp   udp   icmp   icmp6   arp   proto NAME (one of the five)   ip   ip6   frag
 *   client A[:P]   vip A[:P]   lip A[:P]   rs A[:P]   conn A:P (any of the four)
 *   state NAME   drop [REASON]   arm NAME   pair N
 *
 * A is of IPv4 or of IPv6; with a port the latter has brackets, `[2001:db8::1]:80`.
 *
 * with `not`, `and`, `or` and parentheses; words side by side mean `and`, which binds closer than `or`.
 *
 * What is said of a connection takes both frames of a pair, whatever their addresses, and what happens to it without a
 * frame; and so do `tcp` and `udp`, ICMP errors about it included. An ICMP error without a connection is also of the ends
 * that it quotes. A refused frame has no connection; its own addresses stand for the ends then.
 */

import { ALL_STATES, DROP_REASONS } from '../../api/names.ts'
import { type HeaderEnds, type Headers, headersOf } from '../frame/headers.ts'
import { byWord } from '../text/by-word.ts'
import { nearest } from '../text/nearest.ts'
import type { ConnEnds } from '../words/ends.ts'
import {
  type End,
  eitherEnds,
  endOf,
  FilterError,
  hostOf,
  isEnd,
  isIpv6End,
  isNamed,
  isOwnEnd,
  netOf,
  portOf,
} from './filter-ends.ts'
import type { Moment } from './moment.ts'

export { FilterError } from './filter-ends.ts'

/** What a moment is judged by; the frame's headers are read once. */
interface Case {
  moment: Moment
  headers: Headers | null
}
type Test = (seen: Case) => boolean

const ENDS = ['client', 'vip', 'lip', 'rs'] as const
const TYPES = ['tcp', 'udp', 'icmp', 'icmp6', 'arp']
const JOINTS = ['and', 'or', 'not', '(', ')']
const WORDS = [
  ...['host', 'net', 'port', ...ENDS, 'conn', 'state', 'drop', 'arm', 'pair'],
  ...[...TYPES, 'ip', 'ip6', 'proto', 'frag'],
]
/** tcpdump's other spellings. */
const SIGNS: Readonly<Record<string, string>> = byWord({ '!': 'not', '&&': 'and', '||': 'or' })
/** Each is asked of every moment. */
const WORDS_MAX = 512
/** Of brackets and nots; each is a call within a call. */
const DEPTH_MAX = 64

/** '' takes everything. Throws FilterError. The result remembers pairs: use one for each stream of moments. */
export function parseFilter(words: string): (moment: Moment) => boolean {
  const test = new Parser(words).parse()
  return moment =>
    test({ moment, headers: moment.kind === 'event' ? null : headersOf(moment.bytes) })
}

class Parser {
  readonly #words: string[]
  #at = 0
  #depth = 0
  /** By state: each remembers pairs, once however often it is named. */
  readonly #states = new Map<string, Test>()

  constructor(text: string) {
    this.#words = (text.match(/[()!]|&&|\|\||[^\s()!&|]+|[&|]/g) ?? []).map(
      word => SIGNS[word] ?? word,
    )
  }

  parse(): Test {
    if (this.#words.length === 0) return () => true
    if (this.#words.length > WORDS_MAX)
      throw new FilterError(`filter: has more than ${WORDS_MAX} words`)
    const test = this.#any()
    const left = this.#peek()
    if (left !== undefined) throw new FilterError(`filter: '${left}' has nothing before it`)
    return test
  }

  /** All sides are always asked: some remember what they saw. */
  #any(): Test {
    const sides = [this.#all()]
    while (this.#take('or')) sides.push(this.#all())
    if (sides.length === 1) return sides[0] as Test
    return seen => sides.map(side => side(seen)).includes(true)
  }

  #all(): Test {
    const sides = [this.#one()]
    while (this.#take('and') || !['or', ')', undefined].includes(this.#peek()))
      sides.push(this.#one())
    if (sides.length === 1) return sides[0] as Test
    return seen => !sides.map(side => side(seen)).includes(false)
  }

  #one(): Test {
    const joint = ['not', '('].find(word => this.#take(word))
    if (joint === undefined) return this.#word()
    if (++this.#depth > DEPTH_MAX)
      throw new FilterError(`filter: brackets and nots go deeper than ${DEPTH_MAX}`)
    const test = joint === 'not' ? this.#one() : this.#any()
    this.#depth--
    if (joint === 'not') return seen => !test(seen)
    if (!this.#take(')')) throw new FilterError("filter: a '(' without its ')'")
    return test
  }

  #word(): Test {
    const word = this.#words[this.#at++]
    if (word === undefined) throw new FilterError('filter: ends where a word should follow')
    if (TYPES.includes(word)) return ofProtocol(word)
    switch (word) {
      case 'host':
        return ofAddress(hostOf(this.#value(word, 'an address')))
      case 'net':
        return ofAddress(netOf(this.#value(word, 'a network like 192.0.2.0/24')))
      case 'ip':
        return ofVersion(4)
      case 'ip6':
        return ofVersion(6)
      case 'port':
        return ofPort(portOf(this.#value(word, 'a port')))
      case 'client':
      case 'vip':
      case 'lip':
      case 'rs':
        return ofEnd(word, endOf(this.#value(word, 'ADDRESS or ADDRESS:PORT')))
      case 'conn':
        return ofConn(endOf(this.#value(word, 'ADDRESS:PORT')))
      case 'state':
        return this.#state(known(word, this.#value(word, 'a state').toUpperCase(), ALL_STATES))
      case 'drop':
        return this.#drop()
      case 'arm': {
        const arm = this.#value(word, 'the name of an arm')
        return ({ moment }) => moment.kind !== 'event' && moment.arm === arm
      }
      case 'proto':
        return ofProtocol(known(word, this.#value(word, 'a protocol').toLowerCase(), TYPES))
      case 'frag':
        return ({ headers }) => headers?.fragment === true
      case 'pair': {
        const pair = numberOf(this.#value(word, 'the number of a pair'), 2 ** 53)
        return ({ moment }) => moment.pair === pair
      }
      default:
        known('', word, WORDS)
        throw new FilterError(`filter: '${word}' stands where a word like host should`)
    }
  }

  #state(name: string): Test {
    const test = this.#states.get(name) ?? ofState(name)
    this.#states.set(name, test)
    return test
  }

  #drop(): Test {
    const next = this.#peek()
    if (next === undefined || JOINTS.includes(next) || WORDS.includes(next))
      return ({ moment }) => dropOf(moment) !== null
    this.#at++
    const reason = known('drop', next.toLowerCase(), DROP_REASONS)
    return ({ moment }) => dropOf(moment) === reason
  }

  #value(word: string, what: string): string {
    const value = this.#words[this.#at++]
    if (value === undefined || JOINTS.includes(value))
      throw new FilterError(`filter: ${word} needs ${what}`)
    return value
  }

  #peek(): string | undefined {
    return this.#words[this.#at]
  }

  #take(word: string): boolean {
    if (this.#peek() !== word) return false
    this.#at++
    return true
  }
}

const NAMES: Readonly<Record<string, string>> = byWord({ drop: 'drop reason', proto: 'protocol' })

/** The word if it is one of the list. */
function known(of: string, word: string, list: readonly string[]): string {
  if (list.includes(word) || (of === '' && JOINTS.includes(word))) return word
  const meant = nearest(word, list)
  const place = of === '' ? 'is no word of a filter' : `is no ${NAMES[of] ?? of}`
  const hint = meant === undefined ? `known are ${list.join(' ')}` : `did you mean ${meant}?`
  throw new FilterError(`filter: '${word}' ${place}; ${hint}`)
}

function numberOf(text: string, limit: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : limit
  if (number >= limit) throw new FilterError(`filter: '${text}' is no number`)
  return number
}

/** By the frame, or by the connection that it is of; pings are of ICMP in either family. */
function ofProtocol(name: string): Test {
  return ({ moment: { conn }, headers }) => {
    if (headers?.type === name || conn === null) return headers?.type === name
    const own = conn.protocol.toLowerCase()
    return name === (own === 'icmp' && isIpv6End(conn.client) ? 'icmp6' : own)
  }
}

/** IPv4 or IPv6: of the frame, which NAT64 makes another on the other side; else of the client. */
function ofVersion(version: 4 | 6): Test {
  return ({ moment, headers }) => {
    if (headers !== null) return headers.version === version
    return moment.conn !== null && isIpv6End(moment.conn.client) === (version === 6)
  }
}

/** A host or a network. */
function ofAddress(end: End): Test {
  const isOf = (ends: HeaderEnds) => isOwnEnd(ends, true, end) || isOwnEnd(ends, false, end)
  return ({ moment, headers }) => {
    if (eitherEnds(headers, isOf)) return true
    if (hasEnd(moment.conn, end)) return true
    // A neighbour has no frame and no connection; only the text names it.
    return (
      moment.kind === 'event' &&
      moment.said.some(({ fields }) =>
        Object.values(fields).some(value => typeof value === 'string' && isNamed(value, end)),
      )
    )
  }
}

function ofPort(port: number): Test {
  const tail = `:${port}`
  const isOf = (ends: HeaderEnds) => ends.sourcePort === port || ends.destinationPort === port
  return ({ moment: { conn }, headers }) =>
    eitherEnds(headers, isOf) || (conn !== null && ENDS.some(end => conn[end].endsWith(tail)))
}

function hasEnd(conn: ConnEnds | null, end: End): boolean {
  return conn !== null && ENDS.some(name => isEnd(conn[name], end))
}

function ofEnd(name: (typeof ENDS)[number], end: End): Test {
  const sends = name === 'client' || name === 'rs'
  return ({ moment, headers }) => {
    if (moment.conn !== null) return isEnd(moment.conn[name], end)
    return headers !== null && isOwnEnd(headers, sends === (moment.kind === 'in'), end)
  }
}

function ofConn(end: End): Test {
  const isOf = (ends: HeaderEnds) => isOwnEnd(ends, true, end) || isOwnEnd(ends, false, end)
  return ({ moment, headers }) =>
    moment.conn === null ? eitherEnds(headers, isOf) : hasEnd(moment.conn, end)
}

/** How many pairs are remembered, until what left for them came; a parked frame may wait for seconds. */
const PAIRS = 8192

/** Before or after the frame; what left has no state of its own and goes with what came in. */
function ofState(state: string): Test {
  const pairs = new Set<number>()
  return ({ moment }) => {
    if (moment.kind === 'event')
      return moment.said.some(({ fields }) => fields.from === state || fields.to === state)
    if (moment.kind === 'out') return moment.pair !== 0 && pairs.has(moment.pair)
    const { states, pair } = moment
    const found = (states?.before ?? 'NONE') === state || states?.after === state
    if (states === null || !found) return false
    if (pairs.size === PAIRS) pairs.clear()
    pairs.add(pair)
    return true
  }
}

function dropOf(moment: Moment): string | null {
  if (moment.kind === 'event') return null
  if (moment.kind === 'out') return moment.drop
  return 'drop' in moment.verdict ? moment.verdict.drop : null
}
