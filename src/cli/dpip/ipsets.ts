/**
 * `dpip ipset`: named sets of addresses and networks, which deny and allow lists name as ipset:NAME. Both ways in which DPVS's builds make and
 * delete one are there: `create` and `destroy`, and `add NAME TYPE` and `del NAME -D`.
 */

import type { IpsetInfo } from '../../api/commands.ts'
import type { Edit } from '../../api/edits.ts'
import { prefixPages } from '../../api/prefix-pages.ts'
import { membersOf } from '../../config/members.ts'
import { PREFIXES_MAX } from '../../config/prefix-lists.ts'
import { isIp, isIpv6Text } from '../../wire/ip-address.ts'
import { change } from '../daemon/change.ts'
import { CliError } from '../daemon/client.ts'
import type { Desk } from '../daemon/desk.ts'
import { usage } from '../grammar/options.ts'
import { Ended } from '../terminal/common.ts'
import { ENTRY, SET_TYPES, TYPE } from './words.ts'

export interface SetOptions {
  stats: boolean
  verbose: boolean
  /** Addresses of this version only. */
  only?: 4 | 6
}

export type SetCommand =
  | { do: 'edit'; edit: Edit }
  | { do: 'flush-ipsets'; name?: string }
  | { do: 'test-ipset'; name: string; address: string; verbose: boolean }
  | ({ do: 'ipset'; name?: string } & SetOptions)

/** `said` are the words behind the verb. Throws CliError. */
export function setCommand(
  verb: string,
  said: ReadonlyMap<string, string>,
  isDestroyed: boolean,
  options: SetOptions,
): SetCommand {
  const ipset = said.get('')
  const entry = said.get(ENTRY)
  const named = ipset === undefined ? {} : { name: ipset }
  if (verb === 'show') return { do: 'ipset', ...named, ...options }
  if (verb === 'flush') return { do: 'flush-ipsets', ...named }
  const name = ipset ?? ''
  const type = verb === 'create' ? said.get(TYPE) : entry?.includes(':') ? entry : undefined
  const isType = type !== undefined && /^(hash|bitmap|list):/.test(type)
  if (verb === 'create' || (verb === 'add' && isType)) return create(name, type ?? '')
  if (verb === 'destroy' || (verb === 'del' && isDestroyed))
    return { do: 'edit', edit: { edit: 'delete-ipset', ipset: name } }
  if (entry === undefined)
    throw usage(`dpip ipset ${verb} needs ${ENTRY}; ${verb} NAME -D deletes the set`)
  if (verb === 'test') {
    if (!isIp(entry)) throw usage(`expected an address, found ${JSON.stringify(entry)}`)
    return { do: 'test-ipset', name, address: entry, verbose: options.verbose }
  }
  const prefixes = membersOf(entry)
  if (typeof prefixes === 'string') throw usage(prefixes)
  const edit = verb === 'add' ? 'add-members' : 'delete-members'
  return { do: 'edit', edit: { edit, ipset: name, prefixes } }
}

function create(ipset: string, type: string): SetCommand {
  if (!SET_TYPES.includes(type))
    throw usage(`expected one of ${SET_TYPES.join(', ')}, found ${JSON.stringify(type)}`)
  return { do: 'edit', edit: { edit: 'add-ipset', ipset, prefixes: [] } }
}

/** One set, or all of them. */
export async function flushSets(desk: Desk, name: string | undefined): Promise<void> {
  const edits = (await setsOf(desk, name)).map((set): Edit => {
    return { edit: 'set-members', ipset: set.name, prefixes: [] }
  })
  if (edits.length > 0) await change(desk, edits)
}

/** Its exit code is 1 if no prefix of the set holds the address. */
export async function testSet(
  desk: Desk,
  { name, address, verbose }: Extract<SetCommand, { do: 'test-ipset' }>,
): Promise<void> {
  const page = await desk.ask({ verb: 'ipset', name, from: 0, limit: 1, holds: address })
  const holds = page.total > 0
  const words = `${address} is ${holds ? 'in' : 'NOT in'} set ${name}`
  await desk.print(verbose ? `${words}\n` : `${holds}\n`)
  if (!holds) throw new Ended(1)
}

export async function showSets(
  desk: Desk,
  { name, stats, only }: Extract<SetCommand, { do: 'ipset' }>,
): Promise<void> {
  for (const set of await setsOf(desk, name)) {
    await desk.print(head(set))
    const pages = prefixPages(part => desk.ask({ verb: 'ipset', name: set.name, ...part }))
    for await (const page of pages) {
      const shown = page.filter(
        ({ prefix }) => only === undefined || isIpv6Text(prefix) === (only === 6),
      )
      const lines = shown.map(({ prefix, hits }) =>
        stats ? `${prefix.padEnd(43)} hits ${hits}\n` : `${prefix}\n`,
      )
      await desk.print(lines.join(''))
    }
  }
}

/** Sets have no type of their own here: addresses and networks of both families are in one. */
function head({ name, prefixes, bytes, lists }: IpsetInfo): string {
  return [
    `Name: ${name}`,
    'Type: hash:net',
    `Header: family inet,inet6  maxelem ${PREFIXES_MAX}`,
    `Size in memory: ${bytes}`,
    `References: ${lists.length}`,
    `Number of entries: ${prefixes}`,
    'Members:\n',
  ].join('\n')
}

async function setsOf(desk: Desk, name: string | undefined): Promise<IpsetInfo[]> {
  const all = await desk.ask({ verb: 'ipsets' })
  const wanted = all.filter(set => name === undefined || set.name === name)
  if (name !== undefined && wanted.length === 0)
    throw new CliError(`there is no ipset ${name}; see tapvs dpip ipset show`)
  return wanted
}
