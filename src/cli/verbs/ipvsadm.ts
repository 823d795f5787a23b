/** `tapvs ipvsadm`: carries out what ipvsadm/command.ts has read; the tables are in ipvsadm/listings.ts. */

import type { Argv } from 'yargs'
import type { ConnInfo, ServiceInfo, Verbs } from '../../api/commands.ts'
import { type Edit, isService, type ServiceKey, serviceName } from '../../api/edits.ts'
import { CONNS_PER_REQUEST } from '../../api/limits.ts'
import { prefixPages } from '../../api/prefix-pages.ts'
import { Refused } from '../../api/refused.ts'
import { ACL_LISTS, type AclList } from '../../api/words.ts'
import { joinedLists } from '../../config/edited-acls.ts'
import { version } from '../../control/system/version.ts'
import { change, tryEdits } from '../daemon/change.ts'
import { CliError } from '../daemon/client.ts'
import type { Desk, OpenDesk } from '../daemon/desk.ts'
import {
  type AclCommand,
  type ConnFilter,
  type ListCommand,
  readCommand,
} from '../ipvsadm/command.ts'
import { inTheirWords } from '../ipvsadm/errors.ts'
import { IPVSADM_ABOUT, ipvsadmHelp } from '../ipvsadm/help.ts'
import {
  type AclRow,
  formatAcl,
  formatConn,
  formatLips,
  formatRates,
  formatServices,
  formatStats,
  formatThresholds,
  formatTimeouts,
  sortServices,
} from '../ipvsadm/listings.ts'
import { culprit, type OwnPrefixes, readSaved, saveText } from '../ipvsadm/save.ts'
import type { Common } from '../terminal/common.ts'

/** For the list of verbs; main.ts hands its arguments to ipvsadm(), whose grammar is popt's and not yargs's. */
export function addIpvsadm(common: Argv<Common>): void {
  common.command('ipvsadm', IPVSADM_ABOUT)
}

/** `argv`: the words behind the verb. Throws CliError. */
export async function ipvsadm(argv: readonly string[], open: OpenDesk): Promise<void> {
  const { command, socket } = readCommand(argv)
  const desk = open(socket)
  switch (command.do) {
    case 'help':
      return desk.print(ipvsadmHelp())
    case 'version':
      return desk.print(`${version}\n`)
    case 'edit':
      return inWords(change(desk, command.edits))
    case 'restore':
      return restore(desk)
    case 'save':
      return save(desk, command.service)
    case 'acl':
      return printAcl(desk, command)
    case 'lips':
      return desk.print(formatLips(await services(desk, command.service)))
    case 'zero': {
      const { service } = command
      await inWords(desk.ask({ verb: 'zero', ...(service && { service }) }))
      return
    }
    case 'list':
      return list(desk, command)
  }
}

async function save(desk: Desk, only?: ServiceKey): Promise<void> {
  const all: Parameters<typeof saveText>[0][number][] = []
  for (const service of await services(desk, only)) {
    const own: OwnPrefixes = { deny: [], allow: [] }
    for (const list of ACL_LISTS) own[list] = await ownPrefixes(desk, service, list)
    all.push({ ...service, own })
  }
  return desk.print(saveText(all))
}

async function ownPrefixes(desk: Desk, service: ServiceInfo, list: AclList): Promise<string[]> {
  const prefixes: string[] = []
  for await (const page of aclPages(desk, service, list))
    for (const { prefix, file } of page) if (file === undefined) prefixes.push(prefix)
  return prefixes
}

async function printAcl(desk: Desk, { list, stats, service }: AclCommand): Promise<void> {
  const rows: AclRow[] = []
  for (const info of await services(desk, service))
    for await (const page of aclPages(desk, info, list))
      for (const { prefix, hits } of page) rows.push({ service: info, prefix, hits })
  return desk.print(formatAcl(list, rows, stats))
}

type Prefixes = Verbs['acl']['answer']['prefixes']

/** Of a service that has none, none. */
async function* aclPages(
  desk: Desk,
  { protocol, address, port, acl }: ServiceInfo,
  list: AclList,
): AsyncGenerator<Prefixes> {
  if (acl?.[list] === undefined) return
  const where = { protocol, address, port, list }
  yield* prefixPages(part => desk.ask({ verb: 'acl', ...where, ...part }))
}

async function list(desk: Desk, command: ListCommand): Promise<void> {
  const { kind, service, exact, sorted } = command
  if (kind === 'connections') return printConns(desk, command.conns)
  if (kind === 'timeout') return desk.print(formatTimeouts(await desk.ask({ verb: 'timeouts' })))
  const shownServices = await services(desk, service, sorted)
  switch (kind) {
    case 'services':
      return desk.print(formatServices(shownServices))
    case 'stats':
      return desk.print(formatStats(shownServices, exact))
    case 'rate':
      return desk.print(formatRates(shownServices, exact))
    case 'thresholds':
      return desk.print(formatThresholds(shownServices))
  }
}

/** All services or the one that is asked for; throws CliError if it is not there. */
async function services(desk: Desk, only?: ServiceKey, sorted = true): Promise<ServiceInfo[]> {
  const all = await desk.ask({ verb: 'services', ...(!sorted && { sorted }) })
  const wanted = only ? all.filter(service => isService(service, only)) : all
  if (only && wanted.length === 0) throw missing(only)
  return sorted ? sortServices(wanted) : wanted
}

/** As the daemon says it of a change. */
function missing(service: ServiceKey): CliError {
  const refused = Refused.missing('service', serviceName(service))
  return inTheirWords(new CliError(refused.message, 1, refused.toJSON()))
}

/** Pages through the table, so that neither side ever holds all of it. */
async function printConns(desk: Desk, filter: ConnFilter): Promise<void> {
  let found = 0
  for (let from = 0; from >= 0; ) {
    const page = await desk.ask({ verb: 'conns', from, limit: CONNS_PER_REQUEST })
    const conns = page.conns.filter(conn => passes(conn, filter))
    found += conns.length
    if (conns.length > 0) await desk.print(conns.map(formatConn).join(''))
    from = filter.one && found > 0 ? -1 : page.next
  }
  if (filter.one && found === 0) throw new CliError('connection specified not found')
}

function passes(conn: ConnInfo, { protocol, client, vip, worker }: ConnFilter): boolean {
  return (
    (protocol === undefined || conn.protocol === protocol) &&
    (client === undefined || conn.client === client) &&
    (vip === undefined || conn.vip === vip) &&
    (worker === undefined || conn.worker === worker)
  )
}

async function restore(desk: Desk): Promise<void> {
  const { edits, lines } = readSaved(await desk.input())
  if (edits.length === 0) return
  try {
    await inWords(change(desk, joinedLists(edits)))
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const at = await culprit(edits, beginning => failsSo(desk, beginning, error.message))
    if (at === undefined) throw error
    throw new CliError(`line ${lines[at]}: ${error.message}; nothing was changed`)
  }
}

/** True if the daemon would refuse `edits` in these words. */
async function failsSo(desk: Desk, edits: Edit[], message: string): Promise<boolean> {
  try {
    await inWords(tryEdits(desk, joinedLists(edits), true))
    return false
  } catch (error) {
    return error instanceof CliError && error.message === message
  }
}

async function inWords<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw error instanceof CliError ? inTheirWords(error) : error
  }
}
