/** What a command line of ipvsadm asks for, with every value checked that needs no daemon to be checked. */

import { type Edit, isMatch, type ServerKey, type ServiceKey } from '../../api/edits.ts'
import { SECONDS_MAX } from '../../api/limits.ts'
import { DEFAULT_PROTOCOL, PROTOCOL_NAMES, PROTOCOLS, type Protocol } from '../../api/protocols.ts'
import type { AclList } from '../../api/words.ts'
import { isIpset } from '../../config/ipset-names.ts'
import { plainPrefix, prefixProblem } from '../../config/prefix-lists.ts'
import { hostText, isIpv6Text } from '../../wire/ip-address.ts'
import { type Given, readOptions, shown, usage } from '../grammar/options.ts'
import { COMMANDS, type CommandName, type CommandRow } from './commands.ts'
import { endpoint, ip, tuple } from './endpoints.ts'
import { serverFields, serviceFields } from './fields.ts'
import { matchKey, outsideKey } from './match.ts'
import { OPTIONS, SERVICE, SERVICE_OPTIONS } from './options.ts'
import { REFUSED } from './refused.ts'
import { first, whole } from './values.ts'

export const TOOL = 'tapvs ipvsadm'

export type ListKind = 'services' | 'stats' | 'rate' | 'thresholds' | 'timeout' | 'connections'

/** Which connections `-lc` shows; a key that is left out matches all. */
export interface ConnFilter {
  protocol?: Protocol
  client?: string
  vip?: string
  worker?: number
  /** True if it names one connection, whose absence is an error. */
  one: boolean
}

export interface ListCommand {
  do: 'list'
  kind: ListKind
  service?: ServiceKey
  conns: ConnFilter
  exact: boolean
  sorted: boolean
}

export interface AclCommand {
  do: 'acl'
  list: AclList
  /** With what each prefix has met. */
  stats: boolean
  service?: ServiceKey
}

export type Command =
  | { do: 'help' | 'version' | 'restore' }
  | { do: 'edit'; edits: Edit[] }
  | ListCommand
  | { do: 'save' | 'lips' | 'zero'; service?: ServiceKey }
  | AclCommand

/** Throws CliError in one line; `socket` is the value of --socket. */
export function readCommand(argv: readonly string[]): { command: Command; socket?: string } {
  const given = readOptions([...COMMANDS, ...OPTIONS, ...REFUSED], argv, TOOL)
  const { options, words } = given
  const [socket] = options.get('socket') ?? []
  if (options.has('help')) return { command: { do: 'help' } }
  if (options.has('version')) return { command: { do: 'version' } }
  if (words.length > 0)
    throw usage(`unexpected word ${JSON.stringify(words[0])}; see ${TOOL} --help`)
  const row = commandRow(given)
  checkOptions(row, given)
  const command = commandOf(row.long, given)
  return socket === undefined ? { command } : { command, socket }
}

function commandRow({ options }: Given): CommandRow {
  const rows = COMMANDS.filter(({ long }) => options.has(long))
  // -Ln --set or -A -D: which of them would be meant?
  if (rows.length > 1) throw usage(`${rows.map(shown).join(' and ')}: only one command at a time`)
  return rows[0] ?? (COMMANDS.find(({ long }) => long === 'list') as CommandRow)
}

function checkOptions(command: CommandRow, { options }: Given): void {
  const row = (name: string) =>
    OPTIONS.find(({ long }) => long === name) as (typeof OPTIONS)[number]
  const services = SERVICE_OPTIONS.filter(name => options.has(name)).map(name => shown(row(name)))
  if (services.length > 1) throw usage(`${services.join(' and ')}: one service at a time`)
  for (const name of command.needs) {
    const rows = (name === SERVICE ? SERVICE_OPTIONS : [name]).map(row)
    if (rows.some(({ long }) => options.has(long))) continue
    const [value = ''] = rows[0]?.values ?? []
    const alike = rows.filter(({ values }) => values?.[0] === value)
    const others = rows.filter(other => !alike.includes(other))
    const also = others.map(other => `, or ${shown(other)} ${other.values?.[0]}`).join('')
    throw usage(`${shown(command)} needs ${alike.map(shown).join(' or ')} ${value}${also}`)
  }
  for (const name of options.keys()) {
    if (name === command.long || name === 'socket') continue
    const word = SERVICE_OPTIONS.includes(name) ? SERVICE : name
    if (!command.needs.includes(word) && !command.takes.includes(word))
      throw usage(`${shown(row(name))} does not go with ${shown(command)}; see ${TOOL} --help`)
  }
}

function commandOf(name: CommandName, given: Given): Command {
  switch (name) {
    case 'list':
      return listCommand(given)
    case 'save':
    case 'zero':
      return { do: name, ...optionalService(given) }
    case 'get-laddr':
      return { do: 'lips', ...optionalService(given) }
    case 'get-deny':
    case 'get-allow': {
      const stats = given.options.has('stats')
      return { do: 'acl', list: listOf(name), stats, ...optionalService(given) }
    }
    case 'restore':
      return { do: 'restore' }
    case 'set':
      return timeouts(given)
    default:
      return { do: 'edit', edits: [editOf(name, given)] }
  }
}

/** add-deny and the like. */
function listOf(name: CommandName): AclList {
  return name.endsWith('deny') ? 'deny' : 'allow'
}

type Asking = 'list' | 'save' | 'zero' | 'get-laddr' | 'get-deny' | 'get-allow' | 'restore' | 'set'

function editOf(name: Exclude<CommandName, Asking>, given: Given): Edit {
  if (name === 'clear') return { edit: 'clear' }
  const service = serviceKey(given) as ServiceKey
  switch (name) {
    case 'add-service':
    case 'edit-service':
      return { edit: name, service, ...serviceFields(given, isIpv6Text(service.address)) }
    case 'delete-service':
      return { edit: name, service }
    case 'add-server':
    case 'edit-server':
      return { edit: name, service, server: serverKey(given), ...serverFields(given) }
    case 'delete-server':
      return { edit: name, service, server: serverKey(given) }
    case 'add-deny':
    case 'add-allow':
      return { edit: 'add-acl', service, list: listOf(name), prefixes: [prefixOfList(given)] }
    case 'del-deny':
    case 'del-allow':
      return { edit: 'delete-acl', service, list: listOf(name), prefixes: [prefixOfList(given)] }
    case 'add-laddr':
    case 'del-laddr': {
      const address = ip(first(given, 'laddr') as string, 'an IP address after -z')
      const arm = first(given, 'ifname') as string
      return { edit: name === 'add-laddr' ? 'add-lip' : 'delete-lip', service, address, arm }
    }
  }
}

function prefixOfList(given: Given): string {
  const text = first(given, 'deny-address') ?? first(given, 'allow-address') ?? ''
  const flag = given.options.has('deny-address') ? '-k' : '-2'
  if (isIpset(text)) return text
  const problem = prefixProblem(text)
  if (problem === undefined) return plainPrefix(text)
  throw usage(`${flag}: ${problem}`)
}

function listCommand(given: Given): ListCommand {
  const { options } = given
  const sockpair = first(given, 'sockpair')
  const cpu = first(given, 'cpu')
  const wantsConns = options.has('connection') || sockpair !== undefined
  const kinds = (['stats', 'rate', 'thresholds', 'timeout'] as const).filter(kind =>
    options.has(kind),
  )
  const named = [...kinds.map(kind => `--${kind}`), ...(wantsConns ? ['-c'] : [])]
  if (named.length > 1) throw usage(`${named.join(' and ')} are different lists; name one of them`)
  if (cpu !== undefined && !wantsConns)
    throw usage('--cpu goes with -c only: services count what all workers did')
  const service = optionalService(given)
  if (wantsConns && service.service && isMatch(service.service))
    throw usage('-c lists the connections of all match services: leave out -H')
  const conns: ConnFilter = { one: sockpair !== undefined }
  if (service.service) {
    const { protocol, address, port } = service.service
    Object.assign(conns, { protocol, vip: `${hostText(address)}:${port}` })
  }
  if (sockpair !== undefined) Object.assign(conns, tuple(sockpair))
  if (cpu !== undefined) conns.worker = whole(cpu, '--cpu', 1, 32)
  const kind = wantsConns ? 'connections' : (kinds[0] ?? 'services')
  return {
    do: 'list',
    kind,
    ...service,
    conns,
    exact: options.has('exact'),
    sorted: !options.has('nosort'),
  }
}

function timeouts(given: Given): Command {
  const values = given.options.get('set') ?? []
  const [established = 0, finWait = 0, udp = 0] = values.map(value =>
    whole(value, '--set', 0, SECONDS_MAX),
  )
  return {
    do: 'edit',
    // LVS has one timeout for all of UDP.
    edits: [
      { edit: 'set-timeouts', established, fin_wait: finWait, udp_oneway: udp, udp_normal: udp },
    ],
  }
}

function optionalService(given: Given): { service?: ServiceKey } {
  const service = serviceKey(given)
  return service === undefined ? {} : { service }
}

function serviceKey(given: Given): ServiceKey | undefined {
  const match = first(given, 'match')
  if (match !== undefined) return matchKey(match)
  for (const protocol of PROTOCOL_NAMES) {
    const text = first(given, `${protocol}-service`)
    if (text === undefined) continue
    const flag = `-${PROTOCOLS[protocol].letter}`
    const { address, port } = endpoint(text, flag, 'VIP:PORT, like 192.0.2.1:80', protocol)
    if (port === undefined) throw usage(`${flag} needs a port: ${text}:PORT`)
    return { protocol, address, port }
  }
  return undefined
}

function serverKey(given: Given): ServerKey {
  const text = first(given, 'real-server') as string
  if (given.options.has('match')) return outsideKey(given, text)
  if (given.options.has('snat'))
    throw usage('-J goes with -H, the hosts whose addresses are changed')
  const { protocol = DEFAULT_PROTOCOL } = serviceKey(given) ?? {}
  const { address, port } = endpoint(text, '-r', 'RIP[:PORT], like 10.0.0.1:80', protocol)
  return port === undefined ? { address } : { address, port }
}
