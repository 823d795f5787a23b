/** The groups of a config of keepalived: VIPs (`virtual_server_group`), and DPVS's of LIPs and of whom a service takes. */

import { ACL_LISTS, type AclList } from '../../api/words.ts'
import { isIp, isIpv6Text } from '../../wire/ip-address.ts'
import { addressesOf, listed } from './addresses.ts'
import type { Collector, ImportedService, Lip, Place } from './imported.ts'
import { GROUPS, type GroupKind } from './keepalived-keywords.ts'
import { apart, type Grammar, type Statement } from './keepalived-statement.ts'
import { portOf } from './ports.ts'
import { short } from './short.ts'

export interface Vip {
  address: string
  port: number
}

interface Group<T> {
  statement: Statement
  members: T[]
  used: boolean
}

interface Members {
  vips: Vip
  lips: Lip
  deny: string
  allow: string
}

/** Members begin with an address, whether each has a line of its own or not. */
const MEMBERS: Grammar = {
  knows: word => word === 'fwmark' || isListed(word),
  least: keyword => (keyword === 'fwmark' ? 1 : 0),
  hasBlock: () => false,
}
const isListed = (word: string) => word.startsWith('ipset:') || isIp(word.split(/[-/]/)[0] ?? '')

const FWMARK = 'services by firewall mark are not supported (DPVS never matches them)'

export class Groups {
  readonly #collector: Collector
  readonly #groups: { [K in GroupKind]: Map<string, Group<Members[K]>> } = {
    vips: new Map(),
    lips: new Map(),
    deny: new Map(),
    allow: new Map(),
  }

  constructor(collector: Collector) {
    this.#collector = collector
  }

  /** => whether it is one, which is taken then */
  add(statement: Statement): boolean {
    const { keyword, block, place } = statement
    const kind = Object.hasOwn(GROUPS, keyword) ? GROUPS[keyword as keyof typeof GROUPS] : undefined
    if (kind === undefined) return false
    const [name = ''] = statement.read(1)
    const what = `${keyword} ${name}`
    if (this.#groups[kind].has(name)) {
      statement.settle()
      this.#collector.notCarried(place, what, 'there is a group of this name already')
      return true
    }
    statement.block = apart(block ?? [], MEMBERS, this.#collector)
    this.#fill(kind, name, statement, statement.block, what)
    return true
  }

  #fill(kind: GroupKind, name: string, statement: Statement, block: Statement[], what: string) {
    const used = false
    if (kind === 'vips') {
      const members = block.flatMap(of => this.vips(of, of.keyword, of.value, what))
      this.#groups.vips.set(name, { statement, members, used })
    } else if (kind === 'lips') {
      const members = block.flatMap(member => this.#lipsOf(member, what))
      this.#groups.lips.set(name, { statement, members, used })
    } else {
      const members = [...new Set(block.flatMap(member => this.#listOf(member, what)))]
      this.#groups[kind].set(name, { statement, members, used })
    }
  }

  /** Of a service that is carried over. */
  of<K extends GroupKind>(kind: K, name: string): Members[K][] | undefined {
    const group = this.#groups[kind].get(name)
    if (group) group.used = true
    return group?.members
  }

  /** The VIPs that a virtual_server names; says why there are none. */
  named(statement: Statement, label: string): Vip[] {
    const [first = '', name] = statement.read(2)
    let why: string
    if (first === 'group') {
      const vips = this.of('vips', name ?? '')
      if (vips?.length) return vips
      why = vips ? 'no VIP of its group is' : 'there is no virtual_server_group of this name'
    } else return this.vips(statement, first, name)
    statement.settle()
    this.#collector.notCarried(statement.place, label, why)
    return []
  }

  /** The deny or allow list that a service names, into `fields`. */
  list(statement: Statement, list: AclList, fields: Partial<ImportedService>, what: string): void {
    const prefixes = this.of(list, statement.value ?? '')
    if (prefixes) fields[list] = prefixes
    else
      this.#collector.notCarried(
        statement.place,
        what,
        `there is no ${list}_address_group of this name`,
      )
  }

  tellUnused(): void {
    for (const group of Object.values(this.#groups).flatMap(of => [...of.values()])) {
      if (group.used) continue
      const { place, keyword, value = '' } = group.statement
      const why = 'no service that is carried over uses it'
      this.#collector.notCarried(place, `${keyword} ${value}`, why)
      group.statement.settle()
    }
  }

  /** `10.0.0.1-9 80` or `fwmark 7` => the VIPs, each with its port */
  vips(statement: Statement, range: string, name = '0', of = 'virtual_server'): Vip[] {
    const port = portOf(name)
    const addresses = range === 'fwmark' ? FWMARK : addressesOf(range)
    let problem = typeof addresses === 'string' ? addresses : undefined
    if (port === undefined) problem ??= `expected a port, found ${short(name)}`
    else if (port === 0) problem ??= 'port 0, every port, is not supported'
    if (problem === undefined && Array.isArray(addresses)) {
      return addresses.map(address => ({ address, port: port as number }))
    }
    this.#not(statement.place, statement, of, problem as string)
    return []
  }

  #lipsOf(statement: Statement, group: string): Lip[] {
    const { keyword, value: arm = null, place } = statement
    const addresses = addressesOf(keyword)
    if (Array.isArray(addresses)) return addresses.map(address => ({ address, arm }))
    this.#not(place, statement, group, addresses)
    return []
  }

  #listOf(statement: Statement, group: string): string[] {
    const { keyword, place } = statement
    statement.read(0)
    const prefixes = listed(keyword)
    if (Array.isArray(prefixes)) return prefixes
    this.#not(place, statement, group, prefixes)
    return []
  }

  #not(place: Place, statement: Statement, of: string, why: string): void {
    const words = of === 'virtual_server' ? statement.text.replace(/^\S+ /, '') : statement.text
    statement.settle()
    this.#collector.notCarried(place, `${short(words)} of ${of}`, why)
  }
}

/** One group may be for VIPs of both families, and no client has an address of the other one. */
export function listsOfFamily(
  service: ImportedService,
  place: Place,
  label: string,
  collector: Collector,
): void {
  const isIpv6 = isIpv6Text(service.address)
  for (const list of ACL_LISTS) {
    const all = service[list]
    const own = all?.filter(prefix => isIpv6Text(prefix) === isIpv6)
    // An allow list of none would let everybody in: that is for whoever checks the result.
    if (!all || !own || own.length === all.length || (own.length === 0 && list === 'allow'))
      continue
    if (own.length > 0) service[list] = own
    else delete service[list]
    const what = `IPv${isIpv6 ? 4 : 6} on the ${list} list of ${label}`
    const why = `clients of IPv${isIpv6 ? 6 : 4} have no such address`
    collector.notCarried(place, what, why, label)
  }
}
