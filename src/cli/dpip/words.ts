/** The objects, verbs and words of dpip, for its parser, help, man page and completion. */

import { PREFIXES_MAX } from '../../config/prefix-lists.ts'
import { byWord } from '../../see/text/by-word.ts'
import { type Asked, COMMON_OPTIONS, type OptionRow } from '../grammar/options.ts'

export interface WordRow {
  /** The word itself; '' for a value that stands alone, of which some verbs have two. */
  word: string
  /** What the second one is read as. */
  as?: string
  /** The value that follows, or the whole of it; none for a flag. */
  value?: string
  choices?: Asked
  needed: boolean
}

export interface VerbRow {
  /** The first is the one that is shown. */
  names: readonly string[]
  help: string
  words: readonly WordRow[]
  /** Options by their long names, beside those that go with everything. */
  options: readonly string[]
}

export interface ObjectRow {
  names: readonly string[]
  help: string
  verbs: readonly VerbRow[]
}

const ADD = ['add', 'a']
const DEL = ['del', 'd', 'delete']
const SHOW = ['show', 's', 'list', 'l', 'ls']
const FLUSH = ['flush', 'f']

const alone = (value: string, choices?: Asked): WordRow => ({
  word: '',
  value,
  ...(choices && { choices }),
  needed: true,
})
const dev: WordRow = { word: 'dev', value: 'ARM', choices: 'arm', needed: true }
const optional = (row: WordRow): WordRow => ({ ...row, needed: false })
const flag = (word: string): WordRow => ({ word, needed: false })
const via: WordRow = { word: 'via', value: 'GATEWAY', needed: false }

export const SET_TYPES: readonly string[] = ['hash:ip', 'hash:net']
/** The values behind the name of a set. */
export const ENTRY = 'ENTRY'
export const TYPE = 'TYPE'

const set = alone('NAME', 'ipset')
const behind = (value: string): WordRow => ({ word: '', as: value, value, needed: true })

export const OBJECTS: readonly ObjectRow[] = [
  {
    names: ['addr', 'a', 'address'],
    help: 'addresses of the arms: VIPs, LIPs and their own',
    verbs: [
      {
        names: ADD,
        help: 'add an address; with sapool it becomes a LIP. A missing length is 32, which brings no route',
        words: [alone('IP[/LENGTH]'), dev, flag('sapool')],
        options: [],
      },
      {
        names: DEL,
        help: 'delete an address',
        words: [alone('IP[/LENGTH]', 'address'), dev],
        options: [],
      },
      {
        names: SHOW,
        help: 'list the addresses; those of LIPs with their lports',
        words: [optional(dev)],
        options: ['stats', 'verbose'],
      },
      { names: FLUSH, help: 'delete all addresses of an arm', words: [dev], options: [] },
    ],
  },
  {
    names: ['route', 'r'],
    help: 'routes of the arms',
    verbs: [
      {
        names: ADD,
        help: 'add a route; without a gateway it is on-link',
        words: [alone('PREFIX|default'), via, dev],
        options: [],
      },
      {
        names: DEL,
        help: 'delete a route',
        words: [alone('PREFIX|default', 'route'), via, dev],
        options: [],
      },
      { names: SHOW, help: 'list the routes', words: [optional(dev)], options: [] },
    ],
  },
  {
    names: ['neigh', 'n', 'neighbour'],
    help: 'neighbours: next hops and their MACs',
    verbs: [
      {
        names: ADD,
        help: 'add a static neighbour, which is never asked for by ARP',
        words: [alone('IP'), { word: 'lladdr', value: 'MAC', needed: true }, dev],
        options: [],
      },
      {
        names: DEL,
        help: 'delete a static neighbour',
        words: [alone('IP', 'neighbour'), dev],
        options: [],
      },
      {
        names: SHOW,
        help: 'list the neighbours, one line for each worker that knows them',
        words: [optional(alone('IP', 'neighbour')), optional(dev)],
        options: ['stats'],
      },
    ],
  },
  {
    names: ['link', 'l'],
    help: 'the arms',
    verbs: [
      {
        names: SHOW,
        help: 'list the arms; -s with packets and bytes, -i with these per second',
        words: [optional(alone('ARM', 'arm')), optional(dev)],
        options: ['stats', 'verbose', 'interval', 'count'],
      },
    ],
  },
  {
    names: ['ipset'],
    help: 'named sets of addresses and networks, which deny and allow lists name as ipset:NAME',
    verbs: [
      {
        names: ['create', 'c'],
        help: 'make an empty set; whatever its TYPE (hash:ip, hash:net), it takes addresses and networks of both families',
        words: [alone('NAME'), behind(TYPE)],
        options: [],
      },
      { names: ['destroy'], help: 'delete a set that no list names', words: [set], options: [] },
      {
        names: ADD,
        help: 'add to a set: an address, a network, or a range, A-B, which becomes networks. With a TYPE in the place of ENTRY it is create',
        words: [set, behind(ENTRY)],
        options: [],
      },
      {
        names: DEL,
        help: 'take from a set; with -D, and without ENTRY, it is destroy',
        words: [set, optional(behind(ENTRY))],
        options: ['destroy'],
      },
      {
        names: ['test', 't'],
        help: 'whether a set holds an address: true or false, and then the exit code is 1',
        words: [set, behind(ENTRY)],
        options: ['verbose'],
      },
      {
        names: SHOW,
        help: 'list the sets; -s with the packets that each prefix has met',
        words: [optional(set)],
        options: ['stats'],
      },
      {
        names: FLUSH,
        help: 'empty a set, or all of them',
        words: [optional(set)],
        options: [],
      },
    ],
  },
]

export const DPIP_OPTIONS: readonly OptionRow[] = [
  { long: 'stats', short: 's', help: 'with statistics' },
  { long: 'verbose', short: 'v', help: 'more of it: each worker on its own' },
  {
    long: 'interval',
    short: 'i',
    values: ['SECONDS'],
    help: 'repeat after so many seconds, with rates per second',
  },
  {
    long: 'count',
    short: 'c',
    values: ['N'],
    help: 'repeat -i so often; without it until stopped',
  },
  { long: 'destroy', short: 'D', help: 'ipset del: delete the set' },
  { long: 'ipv4', short: '4', help: 'IPv4 only' },
  { long: 'ipv6', short: '6', help: 'IPv6 only; default is ::/0 then' },
  { long: 'version', short: 'V', help: 'print the version' },
  ...COMMON_OPTIONS,
]

/** Words of other builds that are known and cannot be said here. */
export const REFUSED_WORDS: Readonly<Record<string, string>> = byWord({
  scope: 'every address and route has the scope that follows from it; leave it out',
  broadcast: 'there is no broadcast; leave it out',
  valid_lft: 'addresses stay until they are deleted; leave it out',
  preferred_lft: 'addresses stay until they are deleted; leave it out',
  mtu: 'a route has the MTU of its arm, which the config sets; leave it out',
  src: 'the source is the first address of the arm; leave it out',
  metric: 'routes have no metric; leave it out',
  tos: 'routes have no TOS; leave it out',
  comment: 'members of a set have no comments; leave it out',
  range: 'there are no bitmaps, which have one; leave it out',
  hashsize: 'a set is as large as it needs to be; leave it out',
  maxelem: `every set has room for ${PREFIXES_MAX} members; leave it out`,
  nomatch: 'all that is in a set matches; take it out of the set',
  unmatch: 'all that is in a set matches; take it out of the set',
})

export const REFUSED_OBJECTS: readonly string[] = [
  'vlan',
  'tunnel',
  'qsch',
  'cls',
  'ipv6',
  'iftraf',
  'eal-mem',
  'flow',
  'maddr',
  'lldp',
]
