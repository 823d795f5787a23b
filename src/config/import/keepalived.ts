/**
 * Services from a config of keepalived, of the one that comes with DPVS and of the ordinary one: virtual_server with
 * its groups of VIPs and LIPs, real servers and their checks.
 */

import { isDeepStrictEqual } from 'node:util'
import { type AclList, type Forwarding, IPVSADM_SCHEDULER } from '../../api/words.ts'
import { canonicalIp, isIpv6Text } from '../../wire/ip-address.ts'
import { addressProblem } from './addresses.ts'
import { hashingOf } from './hashing.ts'
import {
  Collector,
  type Imported,
  type ImportedCheck,
  type ImportedServer,
  type ImportedService,
  type Lip,
  type Place,
} from './imported.ts'
import { type CheckDefaults, CheckReader } from './keepalived-check.ts'
import { Groups, listsOfFamily } from './keepalived-groups.ts'
import {
  CHECKERS,
  FLAG_FIELDS,
  IN_FILE,
  IN_SERVER,
  IN_SERVICE,
  NUMBERS,
  otherKind,
  WAYS,
} from './keepalived-keywords.ts'
import type { SourceFile } from './keepalived-lines.ts'
import { matchServer } from './keepalived-match.ts'
import { settleProtocol } from './keepalived-protocol.ts'
import { apart, lastOfEach, type Statement, tellUnread } from './keepalived-statement.ts'
import { refuse, strange } from './keepalived-strange.ts'
import { type Include, statementsOf } from './keepalived-text.ts'
import { portOf } from './ports.ts'
import { short } from './short.ts'

/** As `include` would be carried out where there are no other files. */
const noFiles: Include = () => {
  throw new Error('there is no file to read it from')
}

/** `configId` is what lines `@ID` are for. Each word is carried over or told. Throws ImportError, one line, if braces do not match. */
export function importKeepalived(
  source: SourceFile,
  include: Include = noFiles,
  configId = '',
): Imported {
  const reader = new Reader()
  reader.read(statementsOf(source, include, reader.collector, configId))
  return reader.collector.result()
}

interface Server {
  server: ImportedServer
  check: ImportedCheck | undefined
  place: Place
  /** How it is reached, if it says so itself. */
  mode: Forwarding | undefined
}

type Fields = Omit<ImportedService, 'address' | 'port' | 'real_servers'>

class Reader {
  readonly collector = new Collector()
  readonly #groups = new Groups(this.collector)
  /** Of the virtual_server in hand, as it is written. */
  #scheduler = ''
  /** All its VIPs are. */
  #isIpv6 = false

  read(lines: Statement[]): void {
    const statements = apart(lines, IN_FILE, this.collector)
    // Groups may stand behind the virtual_server that names them.
    for (const statement of statements.filter(other => !this.#groups.add(other))) {
      if (statement.keyword === 'virtual_server') this.#virtualServer(statement)
      else strange(statement, IN_FILE, undefined, this.collector)
    }
    this.#groups.tellUnused()
    tellUnread(statements, this.collector)
  }

  #virtualServer(statement: Statement): void {
    const { place } = statement
    const label = short(statement.text)
    if (statement.value === 'match') {
      matchServer(statement, label, this.collector)
      return
    }
    const single = apart(statement.block ?? [], IN_SERVICE, this.collector)
    statement.block = lastOfEach(single, IN_SERVICE.sets, this.collector, label)
    const why = otherKind(statement.block)
    if (why) {
      this.#not(statement, label, why)
      return
    }
    const algo = statement.block.find(({ keyword }) => IN_SERVICE.sets(keyword) === 'lb_algo')
    this.#scheduler = algo?.text.split(' ')[1] ?? IPVSADM_SCHEDULER
    const vips = this.#groups.named(statement, label)
    if (vips.length === 0) return
    this.#isIpv6 = vips.every(({ address }) => isIpv6Text(address))
    const fields: Fields = algo ? {} : { scheduler: IPVSADM_SCHEDULER }
    const checks = new CheckReader(this.collector, label)
    const defaults: CheckDefaults = {}
    const inners = statement.block.filter(inner => !checks.default(inner, defaults))
    let lips: Lip[] | undefined
    const servers: Server[] = []
    let sorry: Omit<Server, 'check'> | undefined
    // What keepalived takes where nothing is said.
    let mode: Forwarding | undefined
    for (const inner of inners) {
      const { keyword } = inner
      if (keyword === 'real_server') {
        const server = this.#realServer(inner, label, checks, defaults)
        if (server) servers.push(server)
      } else if (keyword === 'sorry_server') {
        sorry = this.#sorryServer(inner, label)
      } else if (IN_SERVICE.sets(keyword) === 'lb_kind') {
        mode = this.#mode(inner, label)
      } else if (keyword === 'laddr_group_name') {
        lips = this.#groups.of('lips', inner.value ?? '')
        const what = `${inner.said} of ${label}`
        if (!lips) this.#not(inner, what, 'there is no local_address_group of this name')
      } else if (!this.#field(inner, fields, label))
        strange(inner, IN_SERVICE, label, this.collector)
    }
    const checked = servers.map(server => server.check)
    settleProtocol(statement, fields, checked, label, this.collector)
    const check = this.#check(servers, label)
    if (check) fields.check = check
    checks.tellUnused()
    for (const vip of vips) {
      const service: ImportedService = { ...vip, ...fields, real_servers: [] }
      listsOfFamily(service, place, label, this.collector)
      if (!this.collector.add(place, service)) continue
      for (const { server, place: at, mode: own } of sorry ? [...servers, sorry] : servers) {
        const copy = { ...server }
        if (!this.collector.addServer(at, service, copy)) continue
        const way = own ?? mode ?? 'nat'
        this.collector.forward(at, service, copy, way, `lb_kind ${way}`)
      }
      for (const lip of lips ?? []) this.collector.addLip(place, service, lip)
    }
  }

  /** => whether it is one of the keys of a service */
  #field(statement: Statement, fields: Fields, label: string): boolean {
    const { place, keyword } = statement
    const { collector } = this
    const what = `${statement.said} of ${label}`
    switch (IN_SERVICE.sets(keyword)) {
      case 'lb_algo': {
        const scheduler = collector.scheduler(place, statement.value ?? '', what)
        if (scheduler) fields.scheduler = scheduler
        return true
      }
      case 'timeout': {
        const seconds = collector.seconds(place, statement.number(collector), what)
        if (seconds) fields.conn_timeout = seconds
        return true
      }
      case 'persistence_timeout': {
        const seconds = collector.persistence(place, statement.number(collector), what)
        if (seconds) fields.persistence = seconds
        return true
      }
      case 'persistence_granularity': {
        const prefix = collector.prefix(place, statement.value ?? '', what, this.#isIpv6)
        if (prefix) fields.persistence_prefix = prefix
        return true
      }
      case 'protocol':
        if (statement.value?.toUpperCase() === 'UDP') fields.protocol = 'udp'
        return true
      case 'proxy_protocol': {
        const version = collector.proxy(place, statement.value ?? '', what)
        if (version) fields.proxy_protocol = version
        return true
      }
      case 'deny':
      case 'allow':
        this.#groups.list(statement, IN_SERVICE.sets(keyword) as AclList, fields, what)
        return true
      case 'flag':
        statement.read(0)
        Object.assign(fields, FLAG_FIELDS[keyword])
        return true
      default: {
        const hashing = hashingOf(statement, collector, this.#scheduler, what)
        Object.assign(fields, hashing)
        return hashing !== undefined
      }
    }
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
    statement: Statement,
    label: string,
    checks: CheckReader,
    inherited: CheckDefaults,
  ): Server | undefined {
    const { place, said } = statement
    const [address = '', name] = statement.read(2)
    const port = name === undefined ? undefined : portOf(name)
    let problem = addressProblem(address)
    if (name !== undefined && !port) problem ??= `expected a port, found ${short(name)}`
    if (problem) {
      this.#not(statement, `${said} of ${label}`, problem)
      return undefined
    }
    const own = `real_server ${address}${name === undefined ? '' : ` ${name}`}`
    const single = apart(statement.block ?? [], IN_SERVER, this.collector)
    statement.block = lastOfEach(single, IN_SERVER.sets, this.collector, own)
    const server: ImportedServer = { address: canonicalIp(address), ...(port && { port }) }
    const defaults = { ...inherited }
    let check: ImportedCheck | undefined
    let mode: Forwarding | undefined
    for (const inner of statement.block.filter(other => !checks.default(other, defaults))) {
      const { keyword } = inner
      const number = NUMBERS.find(([word]) => word === keyword)
      if (number) {
        const [, field, max] = number
        const text = inner.number(this.collector)
        const whole = this.collector.whole(inner.place, text, max, `${inner.said} of ${own}`)
        if (whole !== undefined) server[field] = whole
      } else if (IN_SERVER.sets(keyword) === 'lb_kind') {
        mode = this.#mode(inner, label)
      } else if (!CHECKERS.includes(keyword)) strange(inner, IN_SERVER, label, this.collector)
      else if (check) {
        inner.settle()
        const why = 'a real server has one check'
        this.collector.notCarried(inner.place, `a second check of ${label}`, why, label)
      } else check = checks.check(inner, defaults, { address, port })
    }
    this.collector.thresholds(place, server)
    return { server, check, place, mode }
  }

  /** It is checked by nobody, there and here. */
  #sorryServer(statement: Statement, label: string): Omit<Server, 'check'> | undefined {
    const { place, said } = statement
    const [address = '', name] = statement.read(2)
    const port = name === undefined ? undefined : portOf(name)
    let problem = addressProblem(address)
    if (address.startsWith('127.') || canonicalIp(address) === '::1')
      problem ??= 'FullNAT leads to no server of this machine itself'
    if (name !== undefined && !port) problem ??= `expected a port, found ${short(name)}`
    if (problem === undefined)
      return {
        server: { address: canonicalIp(address), ...(port && { port }), backup: true },
        place,
        mode: undefined,
      }
    this.#not(statement, `${said} of ${label}`, problem)
    return undefined
  }

  /** => undefined, and it is told, for a way that there is not */
  #mode(statement: Statement, label: string): Forwarding | undefined {
    const { value = '' } = statement
    const way = WAYS[value.toUpperCase()]
    if (way === undefined)
      this.#not(statement, `${statement.said} of ${label}`, 'there is no such way here', label)
    return way
  }

  /** All of `statement` is told by this. */
  #not(statement: Statement, what: string, why: string, group?: string): void {
    refuse(statement, what, why, this.collector, group)
  }
}
