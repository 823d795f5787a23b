/**
 * The command line of ipvsadm, as LVS and DPVS have it: letters that may be joined (`-Ln`, `-w100`), long names with
 * their value behind a blank or `=`.
 */

import { byWord } from '../../see/text/by-word.ts'
import type { Place } from './imported.ts'

/** Of an option: no value, one, one that may be missing, or three. */
type Values = 'none' | 'one' | 'maybe' | 'three'

interface Option {
  name: string
  letter?: string
  values: Values
}

const options = (values: Values, text: string): Option[] =>
  text.split(' ').map(word => {
    const [name, letter] = word.split('/') as [string, string?]
    return letter === undefined ? { name, values } : { name, letter, values }
  })

/** What a line does; exactly one of them is in each. */
export const COMMANDS = options(
  'none',
  'add-service/A edit-service/E delete-service/D clear/C add-server/a edit-server/e delete-server/d ' +
    'list/L save/S restore/R zero/Z add-laddr/P del-laddr/Q get-laddr/G add-deny/U del-deny/V get-deny/B ' +
    'add-allow/O del-allow/Y get-allow/W help/h',
).concat(options('one', 'start-daemon stop-daemon'), options('three', 'set'))

const OPTIONS = [
  ...COMMANDS,
  ...options(
    'none',
    'list/l numeric/n ipv6/6 ops/o masquerading/m ipip/i gatewaying/g snat/J fullnat/b',
  ),
  ...options(
    'none',
    'connection/c stats rate thresholds timeout persistent-conn exact/X nosort sort',
  ),
  ...options('none', 'expire-quiescent quic tun-nocsum tun-csum tun-remcsum daemon'),
  ...options(
    'one',
    'tcp-service/t udp-service/u fwmark-service/f sctp-service icmp-service/q icmpv6-service/1',
  ),
  ...options(
    'one',
    'match/H real-server/r scheduler/s netmask/M weight/w u-threshold/x l-threshold/y',
  ),
  ...options(
    'one',
    'laddr/z ifname/F conn-timeout synproxy/j pe tun-type tun-port tun-info sched-flags blklst/k',
  ),
  ...options(
    'one',
    'whtlst/2 proxy-protocol dest-check hash-target limit-proportion bps cpu sockpair',
  ),
  ...options('one', 'syncid mcast-interface sync-maxlen mcast-group mcast-port mcast-ttl'),
  // Our own.
  ...options(
    'one',
    'when-down connection-rate connection-burst client-rate client-burst acl-established synproxy-above',
  ),
  ...options('maybe', 'persistent/p backup'),
]

/** Other names of the same. */
const ALIASES: Readonly<Record<string, string>> = byWord({
  scheduling: 'scheduler',
  persist: 'persistent',
  laddrs: 'laddr',
  'deny-address': 'blklst',
  'allow-address': 'whtlst',
  interface: 'ifname',
})

/** What `ipvsadm -S` of the Alibaba build writes for FullNAT, because it has no name for it. */
const NO_NAME = '(null)'

export interface Given {
  name: string
  values: string[]
  /** As it was written, for remarks: `-w 100`. */
  text: string
}

/** => the options of a line, in its order; what is wrong, if they are none of ipvsadm's. */
export function optionsOf(words: readonly string[]): Given[] | string {
  const given: Given[] = []
  const rest = [...words]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === NO_NAME && given.some(({ name }) => /^(add|edit)-server$/.test(name))) {
      given.push({ name: 'fullnat', values: [], text: word })
      continue
    }
    const found = word.startsWith('--')
      ? long(word)
      : /^-./.test(word)
        ? letters(word, given)
        : undefined
    if (found === undefined) return `ipvsadm does not know ${word}`
    for (const { option, written, attached } of found) {
      const values = attached === undefined ? [] : [attached]
      const count = { none: 0, one: 1, maybe: 1, three: 3 }[option.values]
      while (values.length < count && rest.length > 0) {
        if (option.values === 'maybe' && rest[0]?.startsWith('-')) break
        values.push(rest.shift() as string)
      }
      if (values.length < count && option.values !== 'maybe') return `${written} needs a value`
      given.push({ name: option.name, values, text: [written, ...values].join(' ') })
    }
  }
  return given
}

interface Found {
  option: Option
  written: string
  attached?: string
}

function long(word: string): Found[] | undefined {
  const [, written = '', attached] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
  const name = Object.hasOwn(ALIASES, written) ? ALIASES[written] : written
  const option = OPTIONS.find(other => other.name === name)
  if (!option || (attached !== undefined && option.values === 'none')) return undefined
  return [{ option, written: `--${written}`, ...(attached !== undefined && { attached }) }]
}

/** `-Ln`, `-w100`, `-w=100` */
function letters(word: string, before: readonly Given[]): Found[] | undefined {
  const found: Found[] = []
  for (let i = 1; i < word.length; i++) {
    const letter = word[i] as string
    let option = OPTIONS.find(other => other.letter === letter)
    if (!option) return undefined
    // -b of a service are the flags of LVS's schedulers; of a real server it is FullNAT, which only DPVS has.
    const command = [...before.map(({ name }) => name), ...found.map(other => other.option.name)]
    if (letter === 'b' && (command.includes('add-service') || command.includes('edit-service'))) {
      option = OPTIONS.find(other => other.name === 'sched-flags') as Option
    }
    const attached = word.slice(i + 1).replace(/^=/, '')
    const written = `-${letter}`
    if (option.values === 'none') found.push({ option, written })
    else {
      found.push({ option, written, ...(attached !== '' && { attached }) })
      break
    }
  }
  return found
}

/** One command, taken apart. */
export class Line {
  readonly place: Place
  refused = false
  readonly #given: Given[]
  readonly #used = new Set<Given>()

  constructor(place: Place, given: Given[]) {
    this.place = place
    this.#given = given
  }

  /** The option, which counts as seen from now on. */
  take(name: string): Given | undefined {
    const given = this.#given.find(option => option.name === name)
    if (given) this.#used.add(given)
    return given
  }

  get unused(): Given[] {
    return this.#given.filter(option => !this.#used.has(option))
  }

  isGiven(name: string): boolean {
    return this.#given.some(option => option.name === name)
  }

  has(name: string): boolean {
    return [...this.#used].some(option => option.name === name)
  }

  get text(): string {
    return this.#given.map(({ text }) => text).join(' ')
  }
}

/** Whether a word may stand in front of a command. */
export function isIpvsadm(word: string): boolean {
  return /^(sudo|tapvs|(.*\/)?ipvsadm|\$\{?IPVSADM\}?)$/.test(word)
}
