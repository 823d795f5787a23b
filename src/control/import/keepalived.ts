/**
 * Services from a config of keepalived, of the one that comes with DPVS and of the ordinary one: virtual_server with
 * its groups of VIPs and LIPs, real servers and their checks.
 */

import { isDeepStrictEqual } from 'node:util'
import { nearest } from '../../see/nearest.ts'
import {
  addressesOf,
  addressProblem,
  Collector,
  type Imported,
  type ImportedCheck,
  type ImportedServer,
  type ImportedService,
  type Lip,
  type Place,
  short,
  THRESHOLD_MAX,
  WEIGHT_MAX,
} from './imported.ts'
import { type CheckDefaults, CheckReader } from './keepalived-check.ts'
import { NEUTRAL, SERVER, SERVICE, TOP } from './keepalived-keywords.ts'
import { type Include, type SourceFile, type Statement, statementsOf } from './keepalived-text.ts'
import { portOf } from './ports.ts'

const CHECKERS = [
  ...['TCP_CHECK', 'HTTP_GET', 'SSL_GET', 'MISC_CHECK', 'SMTP_CHECK', 'DNS_CHECK', 'UDP_CHECK'],
  ...['PING_CHECK', 'BFD_CHECK', 'FILE_CHECK'],
]

/** As `include` would be carried out where there are no other files. */
const noFiles: Include = () => {
  throw new Error('there is no file to read it from')
}

/** Throws ImportError, one line, if quotes or braces do not match. */
export function importKeepalived(source: SourceFile, include: Include = noFiles): Imported {
  const reader = new Reader()
  reader.read(statementsOf(source, include, reader.collector))
  return reader.collector.result()
}

interface Group<T> {
  place: Place
  members: T[]
  used: boolean
}

interface Server {
  server: ImportedServer
  check: ImportedCheck | undefined
  place: Place
}

interface Vip {
  address: string
  port: number
}

class Reader {
  readonly collector = new Collector()
  readonly #lips = new Map<string, Group<Lip>>()
  readonly #vips = new Map<string, Group<Vip>>()

  read(statements: Statement[]): void {
    // Groups may stand behind the virtual_server that names them.
    const others = statements.filter(statement => !this.#group(statement))
    for (const statement of others) {
      const [keyword = ''] = statement.words
      if (keyword === 'virtual_server') this.#virtualServer(statement)
      else this.#strange(statement, TOP, ['virtual_server', ...GROUPS], undefined)
    }
    for (const [kind, groups] of [
      ['local_address_group', this.#lips],
      ['virtual_server_group', this.#vips],
    ] as const) {
      for (const [name, { place, used }] of groups) {
        if (!used)
          this.collector.notCarried(
            place,
            `${kind} ${name}`,
            'no service that is carried over uses it',
          )
      }
    }
  }

  /** => whether it is one */
  #group({ words, place, block }: Statement): boolean {
    const [keyword = '', name = ''] = words
    if (!GROUPS.includes(keyword)) return false
    const groups = keyword === 'local_address_group' ? this.#lips : this.#vips
    const what = `${keyword} ${name}`
    if (groups.has(name)) {
      this.collector.notCarried(place, what, 'there is a group of this name already')
      return true
    }
    if (keyword === 'local_address_group') {
      const members = (block ?? []).flatMap(member => this.#lipsOf(member, what))
      this.#lips.set(name, { place, members, used: false })
    } else {
      const members = (block ?? []).flatMap(member => this.#vipsOf(member, what))
      this.#vips.set(name, { place, members, used: false })
    }
    return true
  }

  #lipsOf({ words, place }: Statement, group: string): Lip[] {
    const [range = '', arm = null] = words
    const addresses = addressesOf(range)
    if (Array.isArray(addresses)) return addresses.map(address => ({ address, arm }))
    this.collector.notCarried(place, `${short(words.join(' '))} of ${group}`, addresses)
    return []
  }

  /** `10.0.0.1-9 80` or `fwmark 7` => the VIPs, each with its port */
  #vipsOf({ words, place }: Statement, group: string): Vip[] {
    const [range = '', name = '0'] = words
    const port = portOf(name)
    const addresses = range === 'fwmark' ? FWMARK : addressesOf(range)
    let problem = typeof addresses === 'string' ? addresses : undefined
    if (port === undefined) problem ??= `expected a port, found ${short(name)}`
    else if (port === 0) problem ??= 'port 0, every port, is not supported'
    if (problem === undefined && Array.isArray(addresses)) {
      return addresses.map(address => ({ address, port: port as number }))
    }
    this.collector.notCarried(place, `${short(words.join(' '))} of ${group}`, problem as string)
    return []
  }

  #virtualServer(statement: Statement): void {
    const { words, place, block } = statement
    const label = short(words.join(' '))
    const why = otherKind(block ?? [])
    if (why) {
      this.collector.notCarried(place, label, why)
      return
    }
    const vips = this.#named(statement)
    if (vips.length === 0) return
    const fields: Omit<ImportedService, 'address' | 'port' | 'real_servers'> = {}
    const servers: Server[] = []
    const checks = new CheckReader(this.collector, label)
    const defaults: CheckDefaults = {}
    const inners = (block ?? []).filter(inner => !checks.default(inner, defaults))
    let lips: Group<Lip> | undefined
    for (const inner of inners) {
      const [keyword = '', value] = inner.words
      const what = `${said(inner)} of ${label}`
      if (keyword === 'real_server') {
        const server = this.#realServer(inner, label, checks, defaults)
        if (server) servers.push(server)
      } else if (keyword === 'lb_algo' || keyword === 'lvs_sched') {
        const scheduler = this.collector.scheduler(inner.place, value ?? '', what)
        if (scheduler) fields.scheduler = scheduler
      } else if (keyword === 'lb_kind' || keyword === 'lvs_method') {
        this.#mode(inner, label)
      } else if (keyword === 'establish_timeout' || keyword === 'est_timeout') {
        const seconds = this.collector.seconds(inner.place, value, what)
        if (seconds) fields.conn_timeout = seconds
      } else if (keyword === 'persistence_timeout') {
        const seconds = this.collector.persistence(inner.place, value, what)
        if (seconds) fields.persistence = seconds
      } else if (keyword === 'persistence_granularity') {
        const prefix = this.collector.prefix(inner.place, value ?? '', what)
        if (prefix) fields.persistence_prefix = prefix
      } else if (keyword === 'laddr_group_name') {
        lips = this.#lips.get(value ?? '')
        if (lips) lips.used = true
        else
          this.collector.notCarried(
            inner.place,
            what,
            'there is no local_address_group of this name',
          )
      } else if (keyword !== 'protocol') {
        this.#strange(inner, SERVICE, SERVICE_KEYWORDS, label)
      }
    }
    const check = this.#check(servers, label)
    if (check) fields.check = check
    for (const vip of vips) {
      const service: ImportedService = { ...vip, ...fields, real_servers: [] }
      if (!this.collector.add(place, service)) continue
      for (const { server, place: at } of servers) {
        this.collector.addServer(at, service, { ...server })
      }
      for (const lip of lips?.members ?? []) this.collector.addLip(place, service, lip)
    }
  }

  /** The VIPs that the line itself names; says why there are none. */
  #named({ words, place }: Statement): Vip[] {
    const [, first = '', name = ''] = words
    const label = short(words.join(' '))
    if (first === 'group') {
      const group = this.#vips.get(name)
      if (group) group.used = true
      if (group?.members.length) return group.members
      const why = group ? 'no VIP of its group is' : 'there is no virtual_server_group of this name'
      this.collector.notCarried(place, label, why)
      return []
    }
    if (first === 'match') {
      this.collector.notCarried(place, label, 'match services are for SNAT, which is not supported')
      return []
    }
    return this.#vipsOf({ words: words.slice(1), place, block: null }, 'virtual_server')
  }

  /** A service has one check: that of its first real server that has one. */
  #check(servers: readonly Server[], label: string): ImportedCheck | undefined {
    const first = servers.find(({ check }) => check)
    for (const { server, check, place } of servers) {
      if (!first || isDeepStrictEqual(check, first.check)) continue
      const what = `${check ? 'the check' : 'no check'} of real_server ${server.address}`
      const why = `${label} has one check for all, that of line ${first.place.line}`
      this.collector.notCarried(place, what, why)
    }
    return first?.check
  }

  #realServer(
    { words, place, block }: Statement,
    label: string,
    checks: CheckReader,
    inherited: CheckDefaults,
  ): Server | undefined {
    const [, address = '', name] = words
    const port = name === undefined ? undefined : portOf(name)
    let problem = addressProblem(address)
    if (name !== undefined && !port) problem ??= `expected a port, found ${short(name)}`
    if (problem) {
      this.collector.notCarried(place, `${short(words.join(' '))} of ${label}`, problem)
      return undefined
    }
    const server: ImportedServer = { address, ...(port && { port }) }
    const defaults = { ...inherited }
    let check: ImportedCheck | undefined
    for (const inner of (block ?? []).filter(other => !checks.default(other, defaults))) {
      const [keyword = '', value] = inner.words
      const number = NUMBERS.find(([word]) => word === keyword)
      if (number) {
        const [, field, max] = number
        const what = `${said(inner)} of real_server ${words.slice(1).join(' ')}`
        const whole = this.collector.whole(inner.place, value, max, what)
        if (whole !== undefined) server[field] = whole
      } else if (keyword === 'lb_kind' || keyword === 'lvs_method') this.#mode(inner, label)
      else if (CHECKERS.includes(keyword)) {
        const first = check
        check ??= checks.check(inner, defaults, { address, port })
        if (first) {
          const why = 'a real server has one check'
          this.collector.notCarried(inner.place, `a second check of ${label}`, why, label)
        }
      } else this.#strange(inner, SERVER, SERVER_KEYWORDS, label)
    }
    this.collector.thresholds(place, server)
    return { server, check, place }
  }

  #mode({ words, place }: Statement, label: string): void {
    const mode = words[1] ?? ''
    if (mode.toUpperCase() === 'FNAT') return
    const why = 'real servers are reached by FullNAT and see a LIP as the client'
    this.collector.notCarried(place, `${short(words.join(' '))} of ${label}`, why, label)
  }

  /** Says why a statement means nothing here; `label` is what it is in, undefined at the top. */
  #strange(
    { words, place, block }: Statement,
    reasons: Record<string, string>,
    known: readonly string[],
    label: string | undefined,
  ): void {
    const [keyword = ''] = words
    const text = words.join(' ')
    if (NEUTRAL.has(text)) return
    const what = `${short(text)}${block ? ' {...}' : ''}${label === undefined ? '' : ` of ${label}`}`
    let why = Object.hasOwn(reasons, keyword) ? reasons[keyword] : undefined
    if (keyword.startsWith('@')) why = 'it is for some hosts only: write the file for one'
    if (why === undefined) {
      const meant = nearest(keyword, [...known, ...Object.keys(reasons)])
      why = `unknown keyword${meant === undefined ? '' : `; did you mean ${meant}?`}`
    }
    this.collector.notCarried(place, what, why, label)
  }
}

const GROUPS = ['local_address_group', 'virtual_server_group']
const FWMARK = 'services by firewall mark are not supported (DPVS never matches them)'

const NUMBERS = [
  ['weight', 'weight', WEIGHT_MAX],
  ['uthreshold', 'upper_threshold', THRESHOLD_MAX],
  ['lthreshold', 'lower_threshold', THRESHOLD_MAX],
] as const

const SERVICE_KEYWORDS = [
  ...['real_server', 'lb_algo', 'lvs_sched', 'lb_kind', 'lvs_method', 'establish_timeout'],
  ...['laddr_group_name', 'protocol', 'inhibit_on_failure', 'delay_loop', 'virtualhost', 'retry'],
  ...['persistence_timeout', 'persistence_granularity'],
]
const SERVER_KEYWORDS = [...NUMBERS.map(([word]) => word), ...CHECKERS, 'inhibit_on_failure']

function said({ words }: Statement): string {
  return short(words.join(' '))
}

/** Why none of a virtual_server can be carried over. */
function otherKind(block: readonly Statement[]): string | undefined {
  for (const { words } of block) {
    const [keyword, value = ''] = words
    const word = value.toUpperCase()
    if (keyword === 'protocol' && word !== 'TCP') {
      return word === 'UDP' ? 'UDP is not supported yet' : `${short(value)} is not supported`
    }
    if ((keyword === 'lb_kind' || keyword === 'lvs_method') && word === 'SNAT') {
      return 'SNAT is not supported'
    }
  }
  return undefined
}
