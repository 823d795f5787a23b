/** What a command line of dpip asks for. Words stand in any order behind object and verb, as the original has it. */

import type { Edit } from '../../api/edits.ts'
import { nearest } from '../../see/text/nearest.ts'
import {
  bitsOf,
  canonicalIp,
  ipAddress,
  isIp,
  isIpv6Text,
  parseIpPrefix,
} from '../../wire/ip-address.ts'
import { type Given, readOptions, shown, usage } from '../grammar/options.ts'
import { type SetCommand, setCommand } from './ipsets.ts'
import {
  DPIP_OPTIONS,
  ENTRY,
  OBJECTS,
  type ObjectRow,
  REFUSED_OBJECTS,
  REFUSED_WORDS,
  type VerbRow,
  type WordRow,
} from './words.ts'

export const DPIP = 'tapvs dpip'

export type IpVersion = 4 | 6

export interface ShowOptions {
  /** Of this arm only. */
  arm?: string
  /** Addresses of this version only. */
  only?: IpVersion
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
  | SetCommand

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
  const version = versionOf(options)
  const via = said.get('via')
  for (const text of [value, via, said.get(ENTRY)]) checkVersion(text, version)
  if (object === 'ipset') {
    const shown = showOptions(object, said, options)
    return setCommand(verb.names[0] ?? '', said, options.has('destroy'), shown)
  }
  switch (`${object} ${verb.names[0]}`) {
    case 'addr add':
      return addAddress(value, arm, said.has('sapool'))
    case 'addr del':
      return { do: 'edit', edit: { edit: 'delete-address', arm, ...cidr(value) } }
    case 'addr flush':
      return { do: 'flush', arm }
    case 'route add':
    case 'route del': {
      const gateway = via === undefined ? undefined : ip(via, 'a gateway after via')
      const isIpv6 = version === 6 || isIpv6Text(gateway ?? '')
      const edit = verb.names[0] === 'add' ? 'add-route' : 'delete-route'
      const to = prefix(value, isIpv6)
      return { do: 'edit', edit: { edit, arm, to, ...(gateway && { via: gateway }) } }
    }
    case 'neigh add': {
      const mac = said.get('lladdr') ?? ''
      if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac))
        throw usage(`expected a MAC like 02:74:76:00:00:01 after lladdr, found ${quoted(mac)}`)
      const address = ip(value, 'an IP address')
      return { do: 'edit', edit: { edit: 'add-neighbour', arm, address, mac } }
    }
    case 'neigh del':
      return {
        do: 'edit',
        edit: { edit: 'delete-neighbour', arm, address: ip(value, 'an IP address') },
      }
    default: {
      const shown = object as 'addr' | 'route' | 'neigh' | 'link'
      return { do: shown, ...showOptions(shown, said, options) }
    }
  }
}

function addAddress(text: string, arm: string, lip: boolean): DpipCommand {
  const address = cidr(text)
  const whole = bitsOf(ipAddress(address.address))
  if (lip && address.prefix_length !== whole)
    throw usage(`a LIP is a /${whole}, found ${quoted(text)}; add the network by dpip route add`)
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
    ...onlyKey(options),
    ...(object === 'neigh' && alone !== undefined && { address: ip(alone, 'an IP address') }),
    stats: options.has('stats'),
    verbose: options.has('verbose'),
    ...(interval !== undefined && { interval }),
    ...(count !== undefined && { count }),
  }
}

/** Values by their word; that which stands alone by '', and a second one by what it is read as. */
function readWords(verb: VerbRow, name: string, words: readonly string[]): Map<string, string> {
  const said = new Map<string, string>()
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string
    const row =
      verb.words.find(known => known.word === word) ??
      verb.words.find(known => known.word === '' && !said.has(keyOf(known)))
    if (!row || said.has(keyOf(row))) throw usage(unexpected(verb, name, word, said))
    const value = row.word === '' || row.value === undefined ? word : words[++at]
    if (value === undefined) throw usage(`${word} needs ${row.value}`)
    said.set(keyOf(row), value)
  }
  for (const { word, value, needed, as } of verb.words) {
    if (needed && !said.has(as ?? word))
      throw usage(`dpip ${name} needs ${[word, value].join(' ').trim()}`)
  }
  return said
}

function keyOf({ word, as = word }: WordRow): string {
  return as
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
    if (!row || ['socket', 'ipv4', 'ipv6'].includes(option)) continue
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

/** Of -4 and -6, which say that only one is meant. */
function versionOf(options: Given['options']): IpVersion | undefined {
  if (options.has('ipv4') && options.has('ipv6')) throw usage('-4 and -6: say one of them')
  return options.has('ipv4') ? 4 : options.has('ipv6') ? 6 : undefined
}

function onlyKey(options: Given['options']): { only?: IpVersion } {
  const only = versionOf(options)
  return only === undefined ? {} : { only }
}

function checkVersion(text: string | undefined, version: IpVersion | undefined): void {
  if (text === undefined || version === undefined || !isIp(text.split('/')[0] ?? '')) return
  if (isIpv6Text(text) !== (version === 6))
    throw usage(`-${version} is for IPv${version}, found ${quoted(text)}`)
}

/** Without a length it is a single address. */
function cidr(text: string): { address: string; prefix_length: number } {
  const prefix = parseIpPrefix(text)
  if (prefix === undefined)
    throw usage(`expected an address, like 192.0.2.1/32 or 2001:db8::1/128, found ${quoted(text)}`)
  return { address: canonicalIp(text.split('/')[0] as string), prefix_length: prefix.length }
}

/** Networks without a length are hosts, as addresses are. Of IPv6, `default` is ::/0, as IPv4's has no other name. */
function prefix(text: string, isIpv6: boolean): string {
  if (text === 'default') return isIpv6 ? ANY_IPV6 : text
  const { address, prefix_length: length } = cidr(text)
  if (isIpv6Text(address)) return `${address}/${length}`
  return length === 0 ? 'default' : `${address}/${length}`
}

const ANY_IPV6 = '::/0'

function ip(text: string, expected: string): string {
  if (isIp(text)) return canonicalIp(text)
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
