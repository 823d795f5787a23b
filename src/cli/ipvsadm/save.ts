/** `ipvsadm -S` and `-R`: services as commands, one a line, and such lines read again. */

import type { ServiceInfo } from '../../api/commands.ts'
import {
  type Edit,
  isMatch,
  type ServerKey,
  type ServiceFields,
  type ServiceKey,
} from '../../api/edits.ts'
import { PROTOCOLS } from '../../api/protocols.ts'
import { ACL_LISTS, type AclList } from '../../api/words.ts'
import { maskText, wholeLength } from '../../config/cidr.ts'
import { hostText, isIpv6Text } from '../../wire/ip-address.ts'
import { CliError } from '../daemon/client.ts'
import { readCommand } from './command.ts'
import { matchWords } from './match.ts'
import { FORWARD_OPTIONS, RATE_OPTIONS } from './options.ts'
import { knownScheduling, schedFlags } from './scheduling.ts'

/** The edits that ipvsadm has a command for. */
export type IpvsadmEdit = Extract<
  Edit,
  { service: ServiceKey } | { edit: 'clear' | 'set-timeouts' }
>

/** What -j says. */
const SYN_PROXY_OPTION = { off: undefined, on: 'enable', auto: 'auto' } as const

/** The prefixes of a service's own lists. */
export type OwnPrefixes = Record<AclList, readonly string[]>

/** What `-S` prints: all that makes the services what they are, lists and LIPs before real servers; of files nothing. */
export function saveText(services: readonly (ServiceInfo & { own?: OwnPrefixes })[]): string {
  return services.flatMap(editsOf).map(commandLine).join('')
}

function editsOf(info: ServiceInfo & { own?: OwnPrefixes }): IpvsadmEdit[] {
  const { protocol, address, port, persistence, persistence_prefix } = info
  const { conn_timeout, when_down, one_packet, acl_established, proxy_protocol } = info
  const service = { protocol, address, port }
  return [
    {
      edit: 'add-service',
      service,
      ...knownScheduling(info),
      ...(persistence > 0 && {
        persistence,
        ...(persistence_prefix < wholeLength(address) && { persistence_prefix }),
      }),
      ...(conn_timeout > 0 && { conn_timeout }),
      ...(when_down !== 'drop' && { when_down }),
      ...(one_packet && { one_packet }),
      ...(info.quic && { quic: true }),
      ...(proxy_protocol !== 'off' && { proxy_protocol }),
      ...(info.syn_proxy && { syn_proxy: info.syn_proxy }),
      ...(info.syn_proxy_above && { syn_proxy_above: info.syn_proxy_above }),
      ...ratesOf(info),
      ...(acl_established && { acl_established }),
    },
    ...ACL_LISTS.flatMap(list =>
      (info.own?.[list] ?? []).map(prefix => ({
        edit: 'add-acl' as const,
        service,
        list,
        prefixes: [prefix],
      })),
    ),
    ...(isMatch(info) ? [] : info.local_addresses).map(lip => ({
      edit: 'add-lip' as const,
      service,
      address: lip.address,
      arm: lip.arm,
    })),
    ...info.real_servers.map(rs => ({
      edit: 'add-server' as const,
      service,
      server: { address: rs.address, port: rs.port },
      weight: rs.weight,
      ...(rs.upper_threshold > 0 && { upper_threshold: rs.upper_threshold }),
      ...(rs.lower_threshold > 0 && { lower_threshold: rs.lower_threshold }),
      ...(rs.backup && { backup: true }),
      forwarding: rs.forwarding,
    })),
  ]
}

function ratesOf(info: ServiceFields): ServiceFields {
  const fields: ServiceFields = {}
  for (const field of Object.values(RATE_OPTIONS)) {
    const value = info[field]
    if (value !== undefined) fields[field] = value
  }
  return fields
}

/** The command of an edit, with its newline. */
export function commandLine(edit: IpvsadmEdit): string {
  return `${words(edit)
    .filter(word => word !== undefined)
    .join(' ')}\n`
}

function words(edit: IpvsadmEdit): (string | number | undefined)[] {
  switch (edit.edit) {
    case 'clear':
      return ['-C']
    case 'set-timeouts':
      return ['--set', edit.established, edit.fin_wait, edit.udp_normal]
    case 'delete-service':
      return ['-D', ...serviceWords(edit.service)]
    case 'delete-server':
      return ['-d', ...serviceWords(edit.service), '-r', serverText(edit.server)]
    case 'add-lip':
    case 'delete-lip': {
      const command = edit.edit === 'add-lip' ? '-P' : '-Q'
      return [command, '-z', edit.address, ...serviceWords(edit.service), '-F', edit.arm]
    }
    case 'add-acl':
    case 'delete-acl':
    case 'set-acl': {
      const command = ACL_COMMANDS[edit.list][edit.edit === 'add-acl' ? 0 : 1]
      const flag = edit.list === 'deny' ? '-k' : '-2'
      return [command, ...serviceWords(edit.service), flag, edit.prefixes[0]]
    }
    case 'add-service':
    case 'edit-service':
      return [
        edit.edit === 'add-service' ? '-A' : '-E',
        ...serviceWords(edit.service),
        ...option('-s', edit.scheduler),
        ...option('--sched-flags', schedFlags(edit)),
        ...option('--hash-target', edit.hash_target),
        ...option('-p', edit.persistence),
        ...option('-M', maskOf(edit)),
        ...option('--conn-timeout', edit.conn_timeout),
        ...option('--when-down', edit.when_down),
        ...(edit.one_packet ? ['-o'] : []),
        ...(edit.quic ? ['--quic'] : []),
        ...option('--proxy-protocol', edit.proxy_protocol),
        ...option('-j', SYN_PROXY_OPTION[edit.syn_proxy ?? 'off']),
        ...option('--synproxy-above', edit.syn_proxy_above),
        ...Object.entries(RATE_OPTIONS).flatMap(([name, field]) =>
          option(`--${name}`, edit[field]),
        ),
        ...option('--acl-established', edit.acl_established),
      ]
    case 'add-server':
    case 'edit-server':
      return [
        edit.edit === 'add-server' ? '-a' : '-e',
        ...serviceWords(edit.service),
        '-r',
        serverText(edit.server),
        ...forwardWords(edit),
        ...option('-w', edit.weight),
        ...option('-x', edit.upper_threshold),
        ...option('-y', edit.lower_threshold),
        ...option('--backup', edit.backup === undefined ? undefined : edit.backup ? 'yes' : 'no'),
      ]
  }
}

function forwardWords({ service, forwarding }: ServerEdit): string[] {
  if (isMatch(service) || forwarding === 'snat') return ['-J']
  return forwarding === undefined ? [] : [`-${FORWARD_OPTIONS[forwarding].short}`]
}

type ServerEdit = Extract<IpvsadmEdit, { edit: 'add-server' | 'edit-server' }>

const ACL_COMMANDS = { deny: ['-U', '-V'], allow: ['-O', '-Y'] } as const

/** As it is written for the family of the service. */
function maskOf({
  service,
  persistence_prefix: prefix,
}: Extract<IpvsadmEdit, { edit: 'add-service' | 'edit-service' }>): string | number | undefined {
  return prefix === undefined || isIpv6Text(service.address) ? prefix : maskText(prefix)
}

function option(flag: string, value: string | number | undefined): (string | number)[] {
  return value === undefined ? [] : [flag, value]
}

function serviceWords({ protocol, address, port }: ServiceKey): string[] {
  if (isMatch({ address })) return matchWords({ protocol, address, port })
  return [`-${PROTOCOLS[protocol].letter}`, `${hostText(address)}:${port}`]
}

function serverText({ address, port }: ServerKey): string {
  return port === undefined ? hostText(address) : `${hostText(address)}:${port}`
}

export interface Restored {
  edits: Edit[]
  /** The number of the line of each edit, counted from 1. */
  lines: number[]
}

/** Reads what `-S` wrote; empty lines and comments (#) are passed over. Throws CliError that names the line. */
export function readSaved(text: string): Restored {
  const restored: Restored = { edits: [], lines: [] }
  for (const [i, line] of text.split('\n').entries()) {
    const argv = line
      .replace(/#.*/, '')
      .trim()
      .split(/\s+/)
      .filter(word => word !== '')
    if (argv.length === 0) continue
    try {
      const { command, socket } = readCommand(argv)
      if (command.do !== 'edit') throw new CliError(`expected a command that changes something`, 2)
      if (socket !== undefined)
        throw new CliError('--socket goes before the commands, not inside', 2)
      for (const edit of command.edits) {
        restored.edits.push(edit)
        restored.lines.push(i + 1)
      }
    } catch (error) {
      if (!(error instanceof CliError)) throw error
      throw new CliError(`line ${i + 1}: ${error.message}; nothing was changed`, error.exitCode)
    }
  }
  return restored
}

/**
 * The index of the edit that `fails` because of, found by trying ever shorter beginnings: the last one of the
 * shortest that fails in the same way. Undefined if even all of them do not.
 */
export async function culprit(
  edits: readonly Edit[],
  fails: (beginning: Edit[]) => Promise<boolean>,
): Promise<number | undefined> {
  if (!(await fails([...edits]))) return undefined
  let [good, bad] = [0, edits.length]
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1
    if (await fails(edits.slice(0, middle))) bad = middle
    else good = middle
  }
  return bad - 1
}
