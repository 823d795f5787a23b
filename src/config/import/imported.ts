/**
 * What an importer makes of another balancer's configuration: the part of a config file that it says something about,
 * and a list of everything that could not be carried over, each with its line and the reason.
 */

import { PERSISTENCE_SEC, serviceName } from '../../api/edits.ts'
import { SECONDS_MAX } from '../../api/limits.ts'
import { DEFAULT_PROTOCOL } from '../../api/protocols.ts'
import {
  type AclList,
  DEFAULT_SCHEDULER,
  FORWARDINGS,
  type Forwarding,
  oneOf,
  PROXY_PROTOCOLS,
  SCHEDULER_NAMES,
} from '../../api/words.ts'
import { printable } from '../../see/text/printable.ts'
import { hostText, isIpv6Text } from '../../wire/ip-address.ts'
import { IPV6_BITS } from '../../wire/ipv6-address.ts'
import { maskLength } from '../cidr.ts'
import type { ConfigInput } from '../write.ts'
import { Matches } from './matches.ts'
import { short } from './short.ts'

type FileService = NonNullable<ConfigInput['services']>[number]
export type ImportedServer = NonNullable<FileService['real_servers']>[number]
export type ImportedService = FileService
export type ImportedCheck = NonNullable<FileService['check']>

export interface Lip {
  address: string
  /** As the source calls it; null if it does not. */
  arm: string | null
}

export interface Imported {
  /** No arms: what is imported does not know them. */
  file: { services: ImportedService[] } & Pick<ConfigInput, 'snat' | 'tcp' | 'udp'>
  /** Of all services, each once. */
  lips: Lip[]
  /** `FILE:LINE: what: why`, in the order of the lines. */
  notCarried: string[]
  /** The same for things that were carried over and are worth a look. */
  notes: string[]
}

/** A text that cannot be read at all; one line. */
export class ImportError extends Error {
  /** For the command line: as those of a config. */
  readonly problems: string[]

  constructor(place: Place, message: string) {
    super(printable(`${place.file}:${place.line}: ${message}`.replaceAll(/\s/g, ' ')))
    this.name = 'ImportError'
    this.problems = [this.message]
  }
}

export interface Place {
  file: string
  line: number
}

const ACROSS = 'of another family than the VIP it is reached by FullNAT and sees a LIP'
/** Why a service of UDP has no proxy_protocol v1. */
export const NO_V1 = 'v1 is for TCP; datagrams have v2'

/** Why it has no syn_proxy. */
export const NO_SYNS = 'there are no SYNs of UDP'

interface Remark {
  place: Place
  what: string
  why: string
  /** How often it was said again. */
  more: number
}

/** Collects services as they are read. */
export class Collector {
  readonly #services = new Map<string, { service: ImportedService; place: Place }>()
  readonly matches = new Matches()
  readonly #lips = new Map<string, Lip>()
  readonly #tcp: NonNullable<ConfigInput['tcp']> = {}
  readonly #udp: NonNullable<ConfigInput['udp']> = {}
  readonly #remarks: Remark[] = []
  readonly #listed = new WeakMap<readonly string[], Set<string>>()
  readonly #notes = new Map<string, Remark>()
  readonly #remarkOf = new Map<string, Remark>()

  /** The same said again of the same `group` is only counted: a check stands there once for each real server. */
  notCarried(place: Place, what: string, why: string, group?: string): void {
    const key = `${group}\0${what}\0${why}`
    const same = group === undefined ? undefined : this.#remarkOf.get(key)
    if (same) {
      same.more++
      return
    }
    const remark = { place, what, why, more: 0 }
    this.#remarks.push(remark)
    if (group !== undefined) this.#remarkOf.set(key, remark)
  }

  /** Of what is carried over; once for each line. */
  note(place: Place, what: string, why: string): void {
    this.#notes.set(`${place.file}:${place.line} ${what}`, { place, what, why, more: 0 })
  }

  /** => false and a remark if there is one with this address and port */
  add(place: Place, service: ImportedService): boolean {
    const key = keyOf(service)
    const first = this.#services.get(key)
    if (first) {
      this.notCarried(place, `service ${key}`, `it exists already, see line ${first.place.line}`)
      return false
    }
    this.#services.set(key, { service, place })
    return true
  }

  get(key: string): ImportedService | undefined {
    return this.#services.get(key)?.service
  }

  delete(key: string): boolean {
    return this.#services.delete(key)
  }

  clear(): void {
    this.#services.clear()
    this.matches.clear()
  }

  /** A lower threshold above the upper one means nothing. */
  thresholds(place: Place, server: ImportedServer): void {
    const { upper_threshold: upper = 0, lower_threshold: lower = 0 } = server
    if (lower <= upper) return
    delete server.lower_threshold
    this.notCarried(place, `the lower threshold ${lower}`, `it is above the upper one, ${upper}`)
  }

  /** => false and a remark if the service has it. */
  addServer(place: Place, service: ImportedService, server: ImportedServer): boolean {
    service.real_servers ??= []
    const { address, port = service.port } = server
    if (indexOf(service, address, port) >= 0) {
      const name = `real server ${hostText(address)}:${port}`
      this.notCarried(place, name, `${keyOf(service)} has it already`)
      return false
    }
    service.real_servers.push(server)
    return true
  }

  /** How a real server of the service is reached, and what has said so. */
  forward(
    place: Place,
    service: ImportedService,
    server: ImportedServer,
    forwarding: Forwarding,
    said: string,
  ): void {
    const isOther = forwarding !== FORWARDINGS[0]
    if (isOther && isIpv6Text(service.address) !== isIpv6Text(server.address))
      this.notCarried(place, `${said} of ${keyOf(service)}`, ACROSS, keyOf(service))
    else if (isOther) server.forwarding = forwarding
    const { forwarding: way = 'nat', port = service.port } = server
    if (way === 'nat' || port === service.port) return
    this.notCarried(place, `port ${port} of ${server.address}`, `by ${way} it is the service's`)
    server.port = service.port
  }

  /** Also makes it one of the service's. */
  addLip(place: Place, service: ImportedService, lip: Lip): void {
    const known = this.#lips.get(lip.address)
    if (known && lip.arm !== null && known.arm !== null && known.arm !== lip.arm) {
      this.notCarried(place, `${lip.address} on ${lip.arm}`, `it is on ${known.arm} already`)
      return
    }
    this.#lips.set(lip.address, { address: lip.address, arm: known?.arm ?? lip.arm })
    service.local_addresses ??= []
    if (!service.local_addresses.includes(lip.address)) service.local_addresses.push(lip.address)
  }

  timeouts(timeouts: NonNullable<NonNullable<ConfigInput['tcp']>['timeouts']>): void {
    this.#tcp.timeouts = { ...this.#tcp.timeouts, ...timeouts }
  }

  /** LVS has one timeout for all of UDP. */
  udpTimeout(seconds: number): void {
    this.#udp.timeouts = { oneway: seconds, normal: seconds }
  }

  /** => undefined, which is the default, and a remark if there is none of this name */
  scheduler(place: Place, name: string, what: string): ImportedService['scheduler'] {
    const known = SCHEDULER_NAMES.find(other => other === name)
    if (known) return known
    this.notCarried(
      place,
      what,
      `there is no scheduler ${short(name)} here, ${DEFAULT_SCHEDULER} takes its place`,
    )
    return undefined
  }

  /** One of the words of ipvsadm and keepalived; undefined for none, and with a remark if it is none of them. */
  proxy(place: Place, word: string, what: string): ImportedService['proxy_protocol'] {
    if (word === 'disable' || word === 'none') return undefined
    const known = PROXY_PROTOCOLS.find(other => other === word && other !== 'off')
    if (known === undefined)
      this.notCarried(place, what, `expected ${oneOf(PROXY_PROTOCOLS.slice(1))}`)
    return known
  }

  seconds(place: Place, text: string | undefined, what: string): number | undefined {
    const seconds = this.whole(place, text, SECONDS_MAX, what)
    return seconds === 0 ? undefined : seconds
  }

  /** Of persistence; `text` is undefined where the timeout is not given. */
  persistence(place: Place, text: string | undefined, what: string): number | undefined {
    return text === undefined ? PERSISTENCE_SEC : this.seconds(place, text, what)
  }

  /** A netmask or the length of a prefix, of IPv6 the latter => its length */
  prefix(place: Place, text: string, what: string, isIpv6: boolean): number | undefined {
    const bits = /^[1-9]\d{0,2}$/.test(text) ? Number(text) : Number.NaN
    const length = isIpv6 ? (bits <= IPV6_BITS ? bits : undefined) : maskLength(text)
    if (length !== undefined) return length
    const expected = isIpv6 ? `a length of 1-${IPV6_BITS}` : 'a netmask like 255.255.255.0'
    this.notCarried(place, what, `expected ${expected}, the default takes its place`)
    return undefined
  }

  /** Prefixes onto the deny or allow list of a service. => false and a remark if they are there */
  list(place: Place, service: ImportedService, list: AclList, prefixes: string[]): boolean {
    const all = service[list] ?? []
    // A save of a long list has a line for each of it.
    const known = this.#listed.get(all) ?? new Set(all)
    const again = prefixes.find(prefix => known.has(prefix))
    for (const prefix of prefixes) {
      if (!known.has(prefix)) all.push(prefix)
      known.add(prefix)
    }
    service[list] = all
    this.#listed.set(all, known)
    if (again === undefined) return true
    this.notCarried(place, again, `it is on the ${list} list of ${keyOf(service)} already`)
    return false
  }

  /** => a number 0-max; undefined and a remark if `text` is none */
  whole(place: Place, text: string | undefined, max: number, what: string): number | undefined {
    const value = /^\d{1,15}$/.test(text ?? '') ? Number(text) : Number.NaN
    if (value <= max) return value
    this.notCarried(place, what, `expected a whole number 0-${max}, the default takes its place`)
    return undefined
  }

  result(): Imported {
    const services = [...this.#services.values()].map(({ service }) => service)
    const snat = this.matches.all
    const used = new Set(services.flatMap(service => service.local_addresses ?? []))
    const tcp = Object.keys(this.#tcp).length > 0 ? { tcp: this.#tcp } : {}
    const udp = Object.keys(this.#udp).length > 0 ? { udp: this.#udp } : {}
    return {
      file: { services, ...(snat.length > 0 && { snat }), ...tcp, ...udp },
      lips: [...this.#lips.values()].filter(({ address }) => used.has(address)),
      notCarried: inOrder(this.#remarks).map(textOf),
      notes: inOrder([...this.#notes.values()]).map(textOf),
    }
  }
}

function textOf({ place, what, why, more }: Remark): string {
  const times = more > 0 ? ` (and ${more} more)` : ''
  return printable(`${place.file}:${place.line}: ${what}${times}: ${why}`.replaceAll(/\s/g, ' '))
}

/** What a service is called in remarks: one of TCP by its address and port alone, as most are. */
export function keyOf({
  protocol = DEFAULT_PROTOCOL,
  address,
  port,
}: Pick<ImportedService, 'protocol' | 'address' | 'port'>): string {
  const isUsual = protocol === DEFAULT_PROTOCOL
  return isUsual ? `${hostText(address)}:${port}` : serviceName({ protocol, address, port })
}

export function indexOf({ port: own, ...service }: ImportedService, address: string, port: number) {
  const servers = service.real_servers ?? []
  return servers.findIndex(rs => rs.address === address && (rs.port ?? own) === port)
}

/** Files in the order in which they were met, and each by its lines. */
function inOrder(remarks: readonly Remark[]): Remark[] {
  const files = [...new Set(remarks.map(({ place }) => place.file))]
  const rank = new Map(files.map((file, i) => [file, i]))
  const of = ({ place }: Remark) => rank.get(place.file) as number
  return remarks.toSorted((a, b) => of(a) - of(b) || a.place.line - b.place.line)
}
