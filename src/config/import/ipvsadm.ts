/**
 * Services from what `ipvsadm -S` writes, of LVS, of DPVS and of our own, or a script of ipvsadm: line by line, as `ipvsadm -R` would.
 */

import { THRESHOLD_MAX, WEIGHT_MAX } from '../../api/limits.ts'
import type { Protocol } from '../../api/protocols.ts'
import { IPVSADM_SCHEDULER } from '../../api/words.ts'
import { canonicalIp, endpointParts } from '../../wire/ip-address.ts'
import { addressProblem } from './addresses.ts'
import { hashingOfLine } from './hashing.ts'
import {
  Collector,
  type Imported,
  type ImportedServer,
  type ImportedService,
  indexOf,
  keyOf,
  NO_V1,
  type Place,
} from './imported.ts'
import {
  listCommand,
  ownOfServer,
  ownOfService,
  persistenceOf,
  synProxyOf,
} from './ipvsadm-fields.ts'
import { matchLine } from './ipvsadm-match.ts'
import { MODES, NOT_HERE, OTHER_SERVICES, SILENT } from './ipvsadm-not-here.ts'
import { COMMANDS, type Given, isIpvsadm, Line, optionsOf } from './ipvsadm-words.ts'
import { portOf } from './ports.ts'
import { linesOf, short } from './short.ts'

const NO_SERVICE = 'there is no such service'
const NO_SERVER = 'there is no such real server'

const SERVER_NUMBERS = [
  ['weight', 'weight', WEIGHT_MAX],
  ['u-threshold', 'upper_threshold', THRESHOLD_MAX],
  ['l-threshold', 'lower_threshold', THRESHOLD_MAX],
] as const

/** `name` is the file's, for the remarks. Throws nothing: a line that makes no sense is one that is not carried over. */
export function importIpvsadm(text: string, name: string): Imported {
  const reader = new Reader()
  for (const [i, line] of linesOf(text).entries()) reader.line(line, { file: name, line: i + 1 })
  return reader.collector.result()
}

class Reader {
  readonly collector = new Collector()

  line(text: string, place: Place): void {
    const words = text
      .replace(/(^|\s)#.*/, '')
      .trim()
      .split(/\s+/)
    if (words[0] === '') return
    const start = words.findIndex(word => word.startsWith('-'))
    // `sudo ipvsadm -A ...`, as in a script.
    const isCommand = words.slice(0, Math.max(start, 0)).every(isIpvsadm)
    if (start < 0 || !isCommand) {
      this.collector.notCarried(place, short(text.trim()), 'this is no command of ipvsadm')
      return
    }
    const given = optionsOf(words.slice(start))
    if (typeof given === 'string') {
      this.collector.notCarried(place, short(text.trim()), short(given))
      return
    }
    const line = new Line(place, given)
    const commands = COMMANDS.filter(({ name }) => given.some(option => option.name === name))
    const command = commands[0]
    if (!command || commands.length > 1) {
      const why = command ? 'expected one command' : 'expected a command like -A or -a'
      this.collector.notCarried(place, short(line.text), why)
      return
    }
    const taken = line.take(command.name)
    this.#command(command.name, taken as Given, line)
  }

  #command(name: string, command: Given, line: Line): void {
    if (['list', 'save', 'help', 'get-laddr', 'get-deny', 'get-allow'].includes(name)) return
    if (line.isGiven('match')) {
      const why = matchLine(name, line, this.collector)
      if (why !== undefined) this.#refuse(line, why)
    } else if (name === 'add-service' || name === 'edit-service') this.#service(name, line)
    else if (name === 'delete-service') this.#deleteService(line)
    else if (name === 'clear') this.collector.clear()
    else if (/^(add|edit)-server$/.test(name)) this.#server(name, line)
    else if (name === 'delete-server') this.#deleteServer(line)
    else if (name === 'add-laddr' || name === 'del-laddr') this.#lip(name, line)
    else if (/^(add|del)-(deny|allow)$/.test(name)) this.#list(name, line)
    else if (name === 'set') this.#timeouts(command, line)
    else {
      const isRead = name === 'restore'
      const why = isRead ? 'import the file that it reads' : 'a config file has no such thing'
      this.collector.notCarried(line.place, short(line.text), why)
      return
    }
    // What was refused as a whole was told as a whole.
    if (!line.refused) this.#rest(line)
  }

  #service(command: 'add-service' | 'edit-service', line: Line): void {
    const key = this.#key(line)
    if (!key) return
    const { collector } = this
    const { place } = line
    let service: ImportedService = { ...key, real_servers: [] }
    if (command === 'edit-service') {
      const known = collector.get(keyOf(key))
      if (!known) {
        this.#refuse(line, NO_SERVICE)
        return
      }
      // As ipvsadm does: what is not given has its default again; LIPs and real servers stay.
      delete known.scheduler
      delete known.hash_fallback
      delete known.hash_port
      delete known.hash_target
      delete known.conn_timeout
      delete known.persistence
      delete known.persistence_prefix
      delete known.one_packet
      delete known.quic
      delete known.proxy_protocol
      service = known
    } else if (!collector.add(place, service)) {
      line.refused = true
      return
    }
    const given = line.take('scheduler')
    const what = `${given?.text ?? 'no -s, which means wlc,'} of ${keyOf(key)}`
    const scheduler = collector.scheduler(place, given?.values[0] ?? IPVSADM_SCHEDULER, what)
    if (scheduler) service.scheduler = scheduler
    hashingOfLine(line, service, collector)
    const timeout = line.take('conn-timeout')
    const seconds = timeout && collector.seconds(place, timeout.values[0], timeout.text)
    if (seconds) service.conn_timeout = seconds
    persistenceOf(line, service, collector)
    ownOfService(line, service, collector)
    synProxyOf(line, service, collector)
    // Of TCP it is one of the words that are left over, and told.
    if (key.protocol === 'udp' && line.take('ops')) service.one_packet = true
    if (key.protocol === 'udp' && line.take('quic')) service.quic = true
    const proxy = line.take('proxy-protocol')
    const version = proxy && collector.proxy(place, proxy.values[0] ?? '', proxy.text)
    if (version && key.protocol === 'udp' && version.startsWith('v1'))
      collector.notCarried(place, proxy.text, NO_V1)
    else if (version) service.proxy_protocol = version
  }

  #deleteService(line: Line): void {
    const key = this.#key(line)
    if (key && !this.collector.delete(keyOf(key))) this.#refuse(line, NO_SERVICE)
  }

  #server(command: string, line: Line): void {
    const found = this.#serverOf(line)
    if (!found) return
    const { service, key, at } = found
    const { collector } = this
    const { place } = line
    if (command === 'edit-server' && at < 0) {
      this.#refuse(line, NO_SERVER)
      return
    }
    const server: ImportedServer = { ...key }
    for (const [option, field, max] of SERVER_NUMBERS) {
      const given = line.take(option)
      const value = given && collector.whole(place, given.values[0], max, given.text)
      if (value !== undefined) server[field] = value
    }
    collector.thresholds(place, server)
    ownOfServer(line, server, collector)
    if (command === 'edit-server') service.real_servers?.splice(at, 1, server)
    else if (!collector.addServer(place, service, server)) {
      line.refused = true
      return
    }
    this.#mode(line, service, server)
  }

  #deleteServer(line: Line): void {
    const found = this.#serverOf(line)
    if (!found) return
    if (found.at < 0) this.#refuse(line, NO_SERVER)
    else found.service.real_servers?.splice(found.at, 1)
  }

  /** `at` is -1 if the service has no such real server. */
  #serverOf(line: Line) {
    const service = this.#known(line)
    if (!service) return undefined
    const named = line.take('real-server')
    if (!named) {
      this.#refuse(line, 'expected a real server (-r)')
      return undefined
    }
    const key = this.#addressOf(named, line, service.port, service.protocol)
    return key && { service, key, at: indexOf(service, key.address, key.port) }
  }

  /** How the real server is reached: to LVS by -g, if nothing is said. */
  #mode(line: Line, service: ImportedService, server: ImportedServer): void {
    if (line.take('fullnat')) return
    const mode = Object.keys(MODES).find(name => line.take(name))
    const { letter, forwarding } = MODES[mode ?? 'gatewaying'] as (typeof MODES)[string]
    const said = mode ? letter : 'no mode, which means -g,'
    this.collector.forward(line.place, service, server, forwarding, said)
  }

  #lip(command: 'add-laddr' | 'del-laddr', line: Line): void {
    const service = this.#known(line)
    if (!service) return
    const text = line.take('laddr')?.values[0]
    const address = text === undefined ? undefined : canonicalIp(text)
    const arm = line.take('ifname')?.values[0] ?? null
    const problem = address === undefined ? 'expected a LIP (-z)' : addressProblem(address)
    if (address === undefined || problem) this.#refuse(line, problem as string)
    else if (command === 'add-laddr') {
      this.collector.addLip(line.place, service, { address, arm })
    } else if (service.local_addresses?.includes(address)) {
      const rest = service.local_addresses.filter(lip => lip !== address)
      if (rest.length > 0) service.local_addresses = rest
      else delete service.local_addresses
    } else this.#refuse(line, 'there is no such LIP')
  }

  #list(name: string, line: Line): void {
    const service = this.#known(line)
    const why = service && listCommand(name, line, service, this.collector)
    if (why !== undefined) this.#refuse(line, why)
  }

  /** `--set TCP TCPFIN UDP`, 0 for what stays as it is. */
  #timeouts({ values, text }: Given, line: Line): void {
    const [established, fin_wait, udp] = values.map(value =>
      this.collector.seconds(line.place, value, text),
    )
    this.collector.timeouts({ ...(established && { established }), ...(fin_wait && { fin_wait }) })
    if (udp) this.collector.udpTimeout(udp)
  }

  /** The service that a line names, if it was carried over. */
  #known(line: Line): ImportedService | undefined {
    const key = this.#key(line)
    const service = key && this.collector.get(keyOf(key))
    if (key && !service) this.#refuse(line, NO_SERVICE)
    return service
  }

  /** Says why there is none. */
  #key(line: Line): Pick<ImportedService, 'protocol' | 'address' | 'port'> | undefined {
    const tcp = line.take('tcp-service')
    if (tcp) return this.#addressOf(tcp, line, undefined)
    const udp = line.take('udp-service')
    if (udp) {
      const key = this.#addressOf(udp, line, undefined, 'udp')
      return key && { protocol: 'udp', ...key }
    }
    const other = Object.keys(OTHER_SERVICES).find(name => line.take(name))
    this.#refuse(
      line,
      other === undefined ? 'expected a service (-t or -u)' : `${OTHER_SERVICES[other]}`,
    )
    return undefined
  }

  /** ADDRESS:PORT; without a port it is `port`. */
  #addressOf(given: Given, line: Line, port: number | undefined, protocol?: Protocol) {
    const value = given.values[0] as string
    const { host = value, port: name } = endpointParts(value) ?? {}
    const address = canonicalIp(host)
    const number = name === undefined ? port : portOf(name, protocol)
    let problem = addressProblem(address)
    if (problem && /^[\w.-]*[a-z][\w.-]*$/i.test(address)) problem += ': save with ipvsadm -S -n'
    else if (number === undefined) problem ??= `expected a port, found ${short(name ?? 'none')}`
    else if (number === 0) problem ??= 'port 0, every port, is not supported'
    if (problem === undefined && number !== undefined) return { address, port: number }
    this.#refuse(line, problem as string)
    return undefined
  }

  /** Nothing of the line is carried over. */
  #refuse(line: Line, why: string): void {
    line.refused = true
    this.collector.notCarried(line.place, short(line.text), why)
  }

  /** What of a line nobody asked for. */
  #rest(line: Line): void {
    for (const { name, text } of line.unused) {
      if (SILENT.has(name)) continue
      const why = line.has(name) ? 'it is given already' : NOT_HERE[name]
      this.collector.notCarried(line.place, short(text), why ?? 'it means nothing here')
    }
  }
}
