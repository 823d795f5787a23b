/** The groups of a config of keepalived: LIPs (`local_address_group`, DPVS's) and VIPs (`virtual_server_group`). */

import { isIPv4 } from 'node:net'
import { addressesOf, type Collector, type Lip, type Place, short } from './imported.ts'
import { GROUPS } from './keepalived-keywords.ts'
import { apart, type Grammar, type Statement } from './keepalived-statement.ts'
import { portOf } from './ports.ts'

export interface Vip {
  address: string
  port: number
}

interface Group<T> {
  statement: Statement
  members: T[]
  used: boolean
}

/** Members begin with an address, whether each has a line of its own or not. */
const MEMBERS: Grammar = {
  knows: word => word === 'fwmark' || isIPv4(word.split(/[-/]/)[0] ?? ''),
  least: keyword => (keyword === 'fwmark' ? 1 : 0),
  hasBlock: () => false,
}

const FWMARK = 'services by firewall mark are not supported (DPVS never matches them)'

export class Groups {
  readonly #collector: Collector
  readonly #lips = new Map<string, Group<Lip>>()
  readonly #vips = new Map<string, Group<Vip>>()

  constructor(collector: Collector) {
    this.#collector = collector
  }

  /** => whether it is one, which is taken then */
  add(statement: Statement): boolean {
    const { keyword, block, place } = statement
    if (!GROUPS.includes(keyword)) return false
    const [name = ''] = statement.read(1)
    const what = `${keyword} ${name}`
    const isLips = keyword === 'local_address_group'
    if ((isLips ? this.#lips : this.#vips).has(name)) {
      statement.settle()
      this.#collector.notCarried(place, what, 'there is a group of this name already')
      return true
    }
    statement.block = apart(block ?? [], MEMBERS, this.#collector)
    if (isLips) {
      const members = statement.block.flatMap(member => this.#lipsOf(member, what))
      this.#lips.set(name, { statement, members, used: false })
    } else {
      const members = statement.block.flatMap(member => {
        return this.vips(member, member.keyword, member.value, what)
      })
      this.#vips.set(name, { statement, members, used: false })
    }
    return true
  }

  /** Of a service that is carried over. */
  lipsOf(name: string): Lip[] | undefined {
    const group = this.#lips.get(name)
    if (group) group.used = true
    return group?.members
  }

  vipsOf(name: string): Vip[] | undefined {
    const group = this.#vips.get(name)
    if (group) group.used = true
    return group?.members
  }

  tellUnused(): void {
    for (const group of [...this.#lips.values(), ...this.#vips.values()]) {
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

  #not(place: Place, statement: Statement, of: string, why: string): void {
    const words = of === 'virtual_server' ? statement.text.replace(/^\S+ /, '') : statement.text
    statement.settle()
    this.#collector.notCarried(place, `${short(words)} of ${of}`, why)
  }
}
