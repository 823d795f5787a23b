/**
 * Which moments somebody wants to see, in words like tcpdump's:
 *
 *   host A   port N   tcp   udp   icmp   arp   proto NAME (one of the four)   frag
 *   client A[:P]   vip A[:P]   lip A[:P]   rs A[:P]   conn A:P (any of the four)
 *   state NAME   drop [REASON]   arm NAME   pair N
 *
 * with `not`, `and`, `or` and parentheses; words side by side mean `and`, which binds closer than `or`.
 *
 * What is said of a connection takes both frames of a pair, whatever their addresses, and what happens to it without a
 * frame; and so do `tcp` and `udp`, ICMP errors about it included. An ICMP error without a connection is also of the ends
 * that it quotes. A refused frame has no connection; its own addresses stand for the ends then.
 */

import { ALL_STATES, DROP_REASONS } from '../../api/names.ts'
import { ipv4Int, ipv4Text } from '../../wire/address.ts'
import { type HeaderEnds, type Headers, headersOf } from '../frame/headers.ts'
import { byWord } from '../text/by-word.ts'
import { nearest } from '../text/nearest.ts'
import type { ConnEnds } from '../words/ends.ts'
import type { Moment } from './moment.ts'

/** A line that names the word at fault. */
export class FilterError extends Error {}

/** What a moment is judged by; the frame's headers are read once. */
interface Case {
  moment: Moment
  headers: Headers | null
}
type Test = (seen: Case) => boolean

const ENDS = ['client', 'vip', 'lip', 'rs'] as const
const TYPES = ['tcp', 'udp', 'icmp', 'arp']
const JOINTS = ['and', 'or', 'not', '(', ')']
const WORDS = [
  ...['host', 'port', ...ENDS, 'conn', 'state', 'drop', 'arm', 'pair'],
  ...[...TYPES, 'proto', 'frag'],
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
        return ofHost(addressOf(this.#value(word, 'an address')))
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

function addressOf(text: string): number {
  try {
    return ipv4Int(text)
  } catch {
    throw new FilterError(`filter: '${text}' is no IPv4 address`)
  }
}

function portOf(text: string): number {
  return numberOf(text, 65_536, 'port')
}

function numberOf(text: string, limit: number, what = 'number'): number {
  const number = /^\d+$/.test(text) ? Number(text) : limit
  if (number >= limit) throw new FilterError(`filter: '${text}' is no ${what}`)
  return number
}

interface End {
  address: number
  /** null for any. */
  port: number | null
  /** As connections have it: `A:P`, or `A:` for any port. */
  text: string
}

function endOf(text: string): End {
  const [address = '', port, more] = text.split(':')
  if (more !== undefined) throw new FilterError(`filter: '${text}' is no ADDRESS:PORT`)
  const end = { address: addressOf(address), port: port === undefined ? null : portOf(port) }
  return { ...end, text: `${ipv4Text(end.address)}:${end.port ?? ''}` }
}

function isEnd(ends: string, { port, text }: End): boolean {
  return port === null ? ends.startsWith(text) : ends === text
}

/** A frame's own ends, or those that it quotes. It is asked for each word and moment, so it makes nothing. */
function eitherEnds(headers: Headers | null, fits: (ends: HeaderEnds) => boolean): boolean {
  if (headers === null) return false
  return fits(headers) || (headers.quoted !== null && fits(headers.quoted))
}

/** By the frame, or by the connection that it is of. */
function ofProtocol(name: string): Test {
  const label = name.toUpperCase()
  return ({ moment, headers }) => headers?.type === name || moment.conn?.protocol === label
}

function ofHost(address: number): Test {
  const end: End = { address, port: null, text: `${ipv4Text(address)}:` }
  const plain = ipv4Text(address)
  const isOf = (ends: HeaderEnds) => ends.source === address || ends.destination === address
  return ({ moment, headers }) => {
    if (eitherEnds(headers, isOf)) return true
    if (hasEnd(moment.conn, end)) return true
    // A neighbour has no frame and no connection; only the text names it.
    return (
      moment.kind === 'event' &&
      moment.said.some(({ fields }) =>
        Object.values(fields).some(
          value => typeof value === 'string' && (value === plain || isEnd(value, end)),
        ),
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

function isOwnEnd(headers: HeaderEnds, source: boolean, { address, port }: End): boolean {
  const [a, p] = source
    ? [headers.source, headers.sourcePort]
    : [headers.destination, headers.destinationPort]
  return a === address && (port === null || p === port)
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
