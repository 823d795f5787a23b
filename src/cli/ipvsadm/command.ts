/** What a command line of ipvsadm asks for, with every value checked that needs no daemon to be checked. */

import {
  type Edit,
  PERSISTENCE_SEC,
  type ServerFields,
  type ServerKey,
  type ServiceFields,
  type ServiceKey,
} from '../../api/edits.ts'
import { SECONDS_MAX, THRESHOLD_MAX, WEIGHT_MAX } from '../../api/limits.ts'
import { DEFAULT_PROTOCOL, PROTOCOL_NAMES, PROTOCOLS, type Protocol } from '../../api/protocols.ts'
import { WHEN_DOWN } from '../../api/words.ts'
import { maskLength } from '../../config/cidr.ts'
import { hostText, isIpv6Text } from '../../wire/ip-address.ts'
import { IPV6_BITS } from '../../wire/ipv6-address.ts'
import { type Given, readOptions, shown, usage } from '../grammar/options.ts'
import { endpoint, ip, tuple } from './endpoints.ts'
import {
  BACKUP,
  COMMANDS,
  type CommandName,
  type CommandRow,
  OPTIONS,
  PROXY_WORDS,
  SERVICE,
  SERVICE_OPTIONS,
} from './options.ts'
import { REFUSED } from './refused.ts'
import { schedulingOf } from './scheduling.ts'
import { first, oneOf, whole } from './values.ts'

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

export type Command =
  | { do: 'help' | 'version' | 'restore' }
  | { do: 'edit'; edits: Edit[] }
  | ListCommand
  | { do: 'save' | 'lips' | 'zero'; service?: ServiceKey }

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
    if (!rows.some(({ long }) => options.has(long)))
      throw usage(`${shown(command)} needs ${rows.map(shown).join(' or ')} ${rows[0]?.values?.[0]}`)
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
    case 'restore':
      return { do: 'restore' }
    case 'set':
      return timeouts(given)
    default:
      return { do: 'edit', edits: [editOf(name, given)] }
  }
}

function editOf(
  name: Exclude<CommandName, 'list' | 'save' | 'zero' | 'get-laddr' | 'restore' | 'set'>,
  given: Given,
): Edit {
  if (name === 'clear') return { edit: 'clear' }
  const service = serviceKey(given) as ServiceKey
  switch (name) {
    case 'add-service':
    case 'edit-service':
      return { edit: name, service, ...serviceFields(given) }
    case 'delete-service':
      return { edit: name, service }
    case 'add-server':
    case 'edit-server':
      return { edit: name, service, server: serverKey(given), ...serverFields(given) }
    case 'delete-server':
      return { edit: name, service, server: serverKey(given) }
    case 'add-laddr':
    case 'del-laddr': {
      const address = ip(first(given, 'laddr') as string, 'an IP address after -z')
      const arm = first(given, 'ifname') as string
      return { edit: name === 'add-laddr' ? 'add-lip' : 'delete-lip', service, address, arm }
    }
  }
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

function serviceFields(given: Given): ServiceFields {
  const persistence = persistenceOf(given)
  const timeout = first(given, 'conn-timeout')
  const whenDown = first(given, 'when-down')
  const connTimeout = timeout === undefined ? 0 : whole(timeout, '--conn-timeout', 0, SECONDS_MAX)
  return {
    ...schedulingOf(given),
    ...persistence,
    ...(connTimeout > 0 && { conn_timeout: connTimeout }),
    ...(whenDown !== undefined && { when_down: oneOf(whenDown, WHEN_DOWN, 'answer') }),
    ...onePacketOf(given),
    ...proxyOf(given),
  }
}

function onePacketOf(given: Given): Pick<ServiceFields, 'one_packet'> {
  if (!given.options.has('ops')) return {}
  if (!given.options.has('udp-service')) throw usage('-o is for UDP: it goes with -u')
  return { one_packet: true }
}

/** DPVS's word for none is disable. */
function proxyOf(given: Given): Pick<ServiceFields, 'proxy_protocol'> {
  const text = first(given, 'proxy-protocol')
  if (text === undefined) return {}
  const word = oneOf(text, PROXY_WORDS, 'version')
  if (given.options.has('udp-service') && word.startsWith('v1'))
    throw usage('--proxy-protocol of UDP is v2 or v2-insecure')
  return word === 'disable' ? {} : { proxy_protocol: word }
}

function persistenceOf(given: Given): Pick<ServiceFields, 'persistence' | 'persistence_prefix'> {
  const mask = first(given, 'netmask')
  if (!given.options.has('persistent')) {
    if (mask !== undefined) throw usage('-M goes with -p')
    return {}
  }
  const text = first(given, 'persistent')
  const persistence = text === undefined ? PERSISTENCE_SEC : whole(text, '-p', 1, SECONDS_MAX)
  const isIpv6 = isIpv6Text(serviceKey(given)?.address ?? '')
  return { persistence, ...(mask !== undefined && { persistence_prefix: prefixOf(mask, isIpv6) }) }
}

/** The length of 255.255.255.0 or 24; of IPv6 it is a length always. */
function prefixOf(mask: string, isIpv6: boolean): number {
  if (isIpv6) return whole(mask, '-M', 1, IPV6_BITS)
  const length = maskLength(mask)
  if (length !== undefined) return length
  throw usage(`expected a netmask like 255.255.255.0 after -M, found ${JSON.stringify(mask)}`)
}

function serverFields(given: Given): ServerFields {
  const number = (name: string, flag: string, max: number) => {
    const text = first(given, name)
    return text === undefined ? undefined : whole(text, flag, 0, max)
  }
  const weight = number('weight', '-w', WEIGHT_MAX)
  const upper = number('u-threshold', '-x', THRESHOLD_MAX)
  const lower = number('l-threshold', '-y', THRESHOLD_MAX)
  return {
    ...(weight !== undefined && { weight }),
    ...(upper !== undefined && { upper_threshold: upper }),
    ...(lower !== undefined && { lower_threshold: lower }),
    ...backupOf(given),
  }
}

function backupOf(given: Given): Pick<ServerFields, 'backup'> {
  if (!given.options.has('backup')) return {}
  const answer = first(given, 'backup') ?? BACKUP[0]
  return { backup: oneOf(answer, BACKUP, 'answer') === BACKUP[0] }
}

function optionalService(given: Given): { service?: ServiceKey } {
  const service = serviceKey(given)
  return service === undefined ? {} : { service }
}

function serviceKey(given: Given): ServiceKey | undefined {
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
  const { protocol = DEFAULT_PROTOCOL } = serviceKey(given) ?? {}
  const { address, port } = endpoint(text, '-r', 'RIP[:PORT], like 10.0.0.1:80', protocol)
  return port === undefined ? { address } : { address, port }
}
