/** `tapvs dpip`: carries out what dpip/command.ts has read; the tables are in dpip/listings.ts. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Argv } from 'yargs'
import type { CountersInfo } from '../../api/commands.ts'
import { version } from '../../control/system/version.ts'
import { isIpv6Text } from '../../wire/ip-address.ts'
import { change } from '../daemon/change.ts'
import { CliError } from '../daemon/client.ts'
import type { Desk, OpenDesk } from '../daemon/desk.ts'
import { type IpVersion, readDpip, type ShowOptions } from '../dpip/command.ts'
import { DPIP_ABOUT, dpipHelp } from '../dpip/help.ts'
import { flushSets, showSets, testSet } from '../dpip/ipsets.ts'
import {
  formatAddresses,
  formatLinkStats,
  formatLinks,
  formatNeighbours,
  formatRoutes,
  linkRates,
} from '../dpip/listings.ts'
import type { Common } from '../terminal/common.ts'

/** For the list of verbs; main.ts hands its arguments to dpip(), whose grammar is not yargs's. */
export function addDpip(common: Argv<Common>): void {
  common.command('dpip', DPIP_ABOUT)
}

/** `argv`: the words behind the verb. Throws CliError. */
export async function dpip(argv: readonly string[], open: OpenDesk): Promise<void> {
  const { command, socket } = readDpip(argv)
  const desk = open(socket)
  switch (command.do) {
    case 'help':
      return desk.print(dpipHelp(command.object))
    case 'version':
      return desk.print(`${version}\n`)
    case 'edit':
      return change(desk, [command.edit])
    case 'flush':
      return flush(desk, command.arm)
    case 'addr':
      return desk.print(await addresses(desk, command))
    case 'route':
      return desk.print(await routes(desk, command))
    case 'neigh':
      return desk.print(await neighbours(desk, command))
    case 'link':
      return links(desk, command)
    case 'ipset':
      return showSets(desk, command)
    case 'flush-ipsets':
      return flushSets(desk, command.name)
    case 'test-ipset':
      return testSet(desk, command)
  }
}

async function flush(desk: Desk, arm: string): Promise<void> {
  const all = await desk.ask({ verb: 'addresses' })
  const edits = all
    .filter(info => info.arm === arm)
    .map(({ address, prefix_length }) => ({
      edit: 'delete-address' as const,
      arm,
      address,
      prefix_length,
    }))
  if (edits.length > 0) await change(desk, edits)
  else await knownArm(desk, arm)
}

/** Whether -4 and -6 let it be listed. */
function isShown(address: string, only: IpVersion | undefined): boolean {
  return only === undefined || isIpv6Text(address) === (only === 6)
}

async function addresses(desk: Desk, { arm, verbose, only }: ShowOptions): Promise<string> {
  const all = await desk.ask({ verb: 'addresses' })
  const wanted = all.filter(info => arm === undefined || info.arm === arm)
  if (wanted.length === 0 && arm !== undefined) await knownArm(desk, arm)
  return formatAddresses(
    wanted.filter(({ address }) => isShown(address, only)),
    verbose,
  )
}

async function routes(desk: Desk, { arm, only }: ShowOptions): Promise<string> {
  const [all, own, { arms }] = await Promise.all([
    desk.ask({ verb: 'routes' }),
    desk.ask({ verb: 'addresses' }),
    desk.ask({ verb: 'counters' }),
  ])
  if (arm !== undefined && !arms.some(({ name }) => name === arm)) throw noArm(arm)
  const ofArm = (info: { arm: string }) => arm === undefined || info.arm === arm
  return formatRoutes(
    all.filter(info => ofArm(info) && isShown(info.to, only)),
    own.filter(info => ofArm(info) && isShown(info.address, only)),
    arms,
  )
}

async function neighbours(desk: Desk, { arm, address, only }: ShowOptions): Promise<string> {
  const all = await desk.ask({ verb: 'neighbours' })
  const wanted = all.filter(
    info =>
      (arm === undefined || info.arm === arm) &&
      (address === undefined || info.address === address),
  )
  if (wanted.length === 0 && arm !== undefined) await knownArm(desk, arm)
  return formatNeighbours(wanted.filter(info => isShown(info.address, only)))
}

async function links(desk: Desk, { arm, stats, interval, count }: ShowOptions): Promise<void> {
  let before = await counters(desk, arm)
  if (interval === undefined) {
    return desk.print(stats ? formatLinkStats(before, arm) : formatLinks(before.arms, arm))
  }
  let then = performance.now()
  for (let n = 0; count === undefined || n < count; n++) {
    await sleep(interval * 1000)
    const after = await counters(desk, arm)
    const now = performance.now()
    await desk.print(formatLinkStats(linkRates(before, after, (now - then) / 1000), arm))
    before = after
    then = now
  }
}

async function counters(desk: Desk, arm: string | undefined): Promise<CountersInfo> {
  const all = await desk.ask({ verb: 'counters' })
  if (arm !== undefined && !all.arms.some(({ name }) => name === arm)) throw noArm(arm)
  return all
}

/** Nothing to show is no mistake, an arm that is not there is. */
async function knownArm(desk: Desk, arm: string): Promise<void> {
  await counters(desk, arm)
}

function noArm(arm: string): CliError {
  return new CliError(`there is no arm ${arm}; see tapvs dpip link show`)
}
