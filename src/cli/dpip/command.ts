/** What a command line of dpip asks for. Words stand in any order behind object and verb, as the original has it. */

import { isIPv4 } from 'node:net'
import type { Edit } from '../../api/edits.ts'
import { hostOf, isCidr, lengthOf } from '../../config/cidr.ts'
import { nearest } from '../../see/text/nearest.ts'
import { type Given, readOptions, shown, usage } from '../grammar/options.ts'
import {
  DPIP_OPTIONS,
  OBJECTS,
  type ObjectRow,
  REFUSED_OBJECTS,
  REFUSED_WORDS,
  type VerbRow,
} from './words.ts'

export const DPIP = 'tapvs dpip'

export interface ShowOptions {
  /** Of this arm only. */
  arm?: string
  /** This neighbour only. */
  address?: string
  stats: boolean
  verbose: boolean
  /** Seconds between two listings, and how many; undefined for ever. */
  interval?: number
  count?: number
}

export type DpipCommand =
  | { do: 'version' }
  /** Of an object, or of dpip. */
  | { do: 'help'; object?: ObjectRow }
  | { do: 'edit'; edit: Edit }
  | { do: 'flush'; arm: string }
  | ({ do: 'addr' | 'route' | 'neigh' | 'link' } & ShowOptions)

/** Throws CliError in one line; `socket` is the value of --socket. */
export function readDpip(argv: readonly string[]): { command: DpipCommand; socket?: string } {
  const given = readOptions(DPIP_OPTIONS, argv, DPIP)
  const [socket] = given.options.get('socket') ?? []
  const command = commandOf(given)
  return socket === undefined ? { command } : { command, socket }
}

function commandOf(given: Given): DpipCommand {
  const { options, words } = given
  if (options.has('version')) return { do: 'version' }
  const [objectWord, verbWord, ...rest] = words
  if (objectWord === undefined || objectWord === 'help') {
    if (options.has('help') || objectWord === 'help') return { do: 'help' }
    throw usage(`dpip needs an object: ${list(OBJECTS)}`)
  }
  const object = find(OBJECTS, objectWord)
  if (!object) throw usage(unknownObject(objectWord))
  if (options.has('help') || verbWord === 'help') return { do: 'help', object }
  const name = object.names[0] as string
  if (verbWord === undefined) throw usage(`dpip ${name} needs a verb: ${list(object.verbs)}`)
  const verb = find(object.verbs, verbWord)
  if (!verb) throw usage(unknownVerb(object, verbWord))
  checkOptions(verb, `${name} ${verb.names[0]}`, given)
  return carryOut(name, verb, readWords(verb, `${name} ${verb.names[0]}`, rest), given)
}

function carryOut(
  object: string,
  verb: VerbRow,
  said: Map<string, string>,
  { options }: Given,
): DpipCommand {
  const arm = said.get('dev') ?? ''
  const value = said.get('') ?? ''
  switch (`${object} ${verb.names[0]}`) {
    case 'addr add':
      return addAddress(value, arm, said.has('sapool'))
    case 'addr del':
      return { do: 'edit', edit: { edit: 'delete-address', arm, ...cidr(value) } }
    case 'addr flush':
      return { do: 'flush', arm }
    case 'route add':
    case 'route del': {
      const via = said.get('via')
      if (via !== undefined) ipv4(via, 'an IPv4 gateway after via')
      const edit = verb.names[0] === 'add' ? 'add-route' : 'delete-route'
      return { do: 'edit', edit: { edit, arm, to: prefix(value), ...(via && { via }) } }
    }
    case 'neigh add': {
      const mac = said.get('lladdr') ?? ''
      if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac))
        throw usage(`expected a MAC like 02:74:76:00:00:01 after lladdr, found ${quoted(mac)}`)
      const address = ipv4(value, 'an IPv4 address')
      return { do: 'edit', edit: { edit: 'add-neighbour', arm, address, mac } }
    }
    case 'neigh del':
      return {
        do: 'edit',
        edit: { edit: 'delete-neighbour', arm, address: ipv4(value, 'an IPv4 address') },
      }
    default: {
      const shown = object as 'addr' | 'route' | 'neigh' | 'link'
      return { do: shown, ...showOptions(shown, said, options) }
    }
  }
}

function addAddress(text: string, arm: string, lip: boolean): DpipCommand {
  const address = cidr(text)
  if (lip && address.prefix_length !== 32)
    throw usage(`a LIP is a /32, found ${quoted(text)}; add the network by dpip route add`)
  return { do: 'edit', edit: { edit: 'add-address', arm, ...address, lip } }
}

function showOptions(
  object: string,
  said: Map<string, string>,
  options: Given['options'],
): ShowOptions {
  const alone = said.get('')
  const arm = said.get('dev') ?? (object === 'link' ? alone : undefined)
  const interval = seconds(options, 'interval')
  const count = seconds(options, 'count')
  if (count !== undefined && interval === undefined) throw usage('-c needs -i SECONDS')
  return {
    ...(arm !== undefined && { arm }),
    ...(object === 'neigh' && alone !== undefined && { address: ipv4(alone, 'an IPv4 address') }),
    stats: options.has('stats'),
    verbose: options.has('verbose'),
    ...(interval !== undefined && { interval }),
    ...(count !== undefined && { count }),
  }
}

/** Values by their word; that which stands alone by ''. */
function readWords(verb: VerbRow, name: string, words: readonly string[]): Map<string, string> {
  const said = new Map<string, string>()
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string
    const row =
      verb.words.find(known => known.word === word) ?? verb.words.find(known => known.word === '')
    if (!row || said.has(row.word)) throw usage(unexpected(verb, name, word, said))
    const value = row.word === '' || row.value === undefined ? word : words[++at]
    if (value === undefined) throw usage(`${word} needs ${row.value}`)
    said.set(row.word, value)
  }
  for (const { word, value, needed } of verb.words) {
    if (needed && !said.has(word))
      throw usage(`dpip ${name} needs ${[word, value].join(' ').trim()}`)
  }
  return said
}

function unexpected(verb: VerbRow, name: string, word: string, said: Map<string, string>): string {
  if (said.has(word)) return `${word} is said twice`
  if (Object.hasOwn(REFUSED_WORDS, word)) return `${word}: ${REFUSED_WORDS[word]}`
  const meant = nearest(
    word,
    verb.words.map(row => row.word).filter(known => known !== ''),
  )
  const hint = meant ? `; did you mean ${meant}?` : `: dpip ${wordsText(name, verb)}`
  return `unexpected word ${quoted(word)}${hint}`
}

/** `addr add IP[/LENGTH] dev ARM [sapool]` */
export function wordsText(name: string, { words }: VerbRow): string {
  const texts = words.map(({ word, value, needed }) => {
    const text = [word, value].join(' ').trim()
    return needed ? text : `[${text}]`
  })
  return [name, ...texts].join(' ')
}

function checkOptions(verb: VerbRow, name: string, { options }: Given): void {
  for (const option of options.keys()) {
    const row = DPIP_OPTIONS.find(({ long }) => long === option)
    if (!row || option === 'socket' || option === 'ipv4') continue
    // Those of listings do no harm elsewhere, where dpip takes them as well.
    if (option === 'stats' || option === 'verbose') continue
    if (!verb.options.includes(option)) throw usage(`${shown(row)} does not go with dpip ${name}`)
  }
}

/** By any of its names, or by a beginning of the first. */
function find<T extends { names: readonly string[] }>(
  rows: readonly T[],
  word: string,
): T | undefined {
  return (
    rows.find(({ names }) => names.includes(word)) ??
    rows.find(({ names }) => word.length > 1 && names[0]?.startsWith(word))
  )
}

function unknownObject(word: string): string {
  if (REFUSED_OBJECTS.includes(word))
    return `dpip ${word} is not supported; there are ${list(OBJECTS)}`
  const meant = nearest(
    word,
    OBJECTS.flatMap(({ names }) => names.filter(name => name.length > 1)),
  )
  return `unknown object ${quoted(word)}${meant ? `; did you mean ${meant}?` : `; there are ${list(OBJECTS)}`}`
}

function unknownVerb(object: ObjectRow, word: string): string {
  const name = object.names[0]
  if (word === 'set')
    return `dpip ${name} set: nothing can be set here; change the config and tapvs reload`
  const known = object.verbs.flatMap(({ names }) => names.filter(each => each.length > 1))
  const meant = nearest(word, known)
  const hint = meant ? `; did you mean ${meant}?` : `; there is ${list(object.verbs)}`
  return `unknown verb ${quoted(word)} of dpip ${name}${hint}`
}

function list(rows: readonly { names: readonly string[] }[]): string {
  const names = rows.map(({ names: [name] }) => name as string)
  const last = names.pop()
  return names.length > 0 ? `${names.join(', ')} or ${last}` : (last ?? '')
}

function cidr(text: string): { address: string; prefix_length: number } {
  if (text.includes(':')) throw usage(`${text}: IPv6 is not supported yet`)
  if (!isCidr(text))
    throw usage(`expected an IPv4 address, like 192.0.2.1/32, found ${quoted(text)}`)
  return { address: hostOf(text), prefix_length: lengthOf(text) }
}

/** Networks without a length are hosts, as addresses are. */
function prefix(text: string): string {
  if (text === 'default') return text
  const { address, prefix_length: length } = cidr(text)
  return length === 0 ? 'default' : `${address}/${length}`
}

function ipv4(text: string, expected: string): string {
  if (isIPv4(text)) return text
  throw usage(`expected ${expected}, found ${quoted(text)}`)
}

function seconds(options: Given['options'], name: string): number | undefined {
  const text = options.get(name)?.[0]
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw usage(`expected a whole number from 1 on after --${name}, found ${quoted(text)}`)
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
