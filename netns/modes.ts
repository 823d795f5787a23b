// How the lab's real servers are reached (`lab up --mode`), and what that asks of their namespace:
//
//   fullnat   nothing: they answer the LIP
//   nat       a route to the clients by the appliance, which is their gateway
//   dr        the VIP on lo, of which neither ARP nor neighbour discovery says anything, and a way to the clients past the appliance: a veth pair
//             `direct` between the two namespaces
//   tunnel    the same, and somebody who takes packets out of the tunnel: decap.ts, for a kernel may be without ipip
//             and ip6_tunnel
//   snat      beside FullNAT, which reaches them: a default route by the appliance, for what they open by themselves, and outside a
//             redis-server on the first client's address
//
// With IPv6 the same of both families. All of it is put on where it is missing, and taken off when the mode is another one.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ALL_FORWARDINGS, type AnyForwarding, oneOf } from '../src/api/words.ts'
import { insideNetns } from '../src/control/network/rtnetlink.ts'
import { isOneWay } from '../src/see/words/forwarding.ts'
import { UsageError } from './lab-error.ts'
import { deviceIn } from './links.ts'
import { inside } from './namespaces.ts'
import { mustRun, recordedPid, run, startRecorded, stopRecorded, until } from './processes.ts'
import { type Arm, CHECKOUT, type Paths, type Wanted } from './topology.ts'

const DIRECT = 'direct'
const CLIENTS = '202.108.10.0/24'
/** The RSs' own on the way past: what they ask for MACs by. */
const PAST = '202.108.10.254/24'
const GATEWAY = '192.168.168.3'
const CLIENTS6 = '2001:db8:10::/64'
const PAST6 = '2001:db8:10::fe/64'
const GATEWAY6 = '2001:db8:168::3'
const DECAP = join(CHECKOUT, 'dist/netns/decap.js')

/** The ends and the VIPs. */
export interface Mode {
  client: Arm
  rs: Arm
  vips: readonly string[]
  paths: Paths
}

export function checkMode({ mode, realServers = 1 }: Wanted): AnyForwarding {
  const found = ALL_FORWARDINGS.find(word => word === (mode ?? ALL_FORWARDINGS[0]))
  if (!found) throw new UsageError(`--mode ${JSON.stringify(mode)}: use ${oneOf(ALL_FORWARDINGS)}`)
  if (isOneWay(found) && realServers > 1)
    throw new UsageError(`--mode ${found}: one real server has the VIP, leave out --rs`)
  return found
}

/** What `before` has put on is taken off, and what `mode` needs is there. */
export async function settleMode(before: string, mode: AnyForwarding, of: Mode): Promise<void> {
  if (mode !== before) await lowerMode(of)
  if (mode === 'nat') await raiseGateway(of.rs, CLIENTS, CLIENTS6)
  if (mode === 'snat') await raiseGateway(of.rs, 'default', 'default')
  if (isOneWay(mode)) await raiseWayPast(of)
  if (mode === 'tunnel') await raiseDecap(of)
}

async function raiseGateway(rs: Arm, to: string, to6: string): Promise<void> {
  await ip(rs, 'route', 'replace', to, 'via', GATEWAY, 'dev', rs.device)
  if (hasIpv6(rs)) await ip(rs, '-6', 'route', 'replace', to6, 'via', GATEWAY6, 'dev', rs.device)
}

/** Takes off what there is, of whatever mode it was. */
async function lowerMode({ client, rs, vips, paths }: Mode): Promise<void> {
  await stopRecorded(decapRecord(paths))
  const quietly = (...words: string[]) => run(['ip', '-n', rs.netns, ...words])
  for (const to of [CLIENTS, 'default']) await quietly('route', 'del', to)
  for (const to of [CLIENTS6, 'default']) await quietly('-6', 'route', 'del', to)
  await quietly('link', 'del', DIRECT)
  for (const vip of vips) await quietly('addr', 'del', alone(vip), 'dev', 'lo')
  for (const arm of [client, rs])
    setAll(arm, { rp_filter: '2', arp_ignore: '0', arp_announce: '0' })
}

async function raiseWayPast({ client, rs, vips }: Mode): Promise<void> {
  // A packet of a client comes in where none to it leaves, and one of the VIP where none to that does.
  setAll(client, { rp_filter: '0' })
  setAll(rs, { rp_filter: '0', arp_ignore: '1', arp_announce: '2' })
  if (!(await deviceIn(rs, DIRECT))) {
    const pair = `${DIRECT} type veth peer name ${DIRECT} netns ${client.netns}`
    await ip(rs, 'link', 'add', ...pair.split(' '))
  }
  for (const vip of vips) await ip(rs, 'addr', 'replace', alone(vip), 'dev', 'lo')
  await ip(rs, 'addr', 'replace', PAST, 'dev', DIRECT)
  if (hasIpv6(rs))
    for (const { netnsPath } of [client, rs])
      insideNetns(netnsPath, () =>
        writeFileSync(`/proc/sys/net/ipv6/conf/${DIRECT}/disable_ipv6`, '0'),
      )
  for (const arm of [client, rs]) await ip(arm, 'link', 'set', DIRECT, 'up')
  if (hasIpv6(rs)) await raiseWayPast6(client, rs)
}

/** A kernel answers neighbours for an address on the device only that has it, so clients are told of. */
async function raiseWayPast6(client: Arm, rs: Arm): Promise<void> {
  await ip(rs, '-6', 'addr', 'replace', PAST6, 'dev', DIRECT, 'nodad')
  const [link] = JSON.parse(await ip(client, '-j', 'link', 'show', DIRECT)) as { address: string }[]
  for (const address of client.addresses6) {
    const way = ['lladdr', link?.address ?? '', 'dev', DIRECT, 'nud', 'permanent']
    await ip(rs, '-6', 'neigh', 'replace', address, ...way)
  }
}

const hasIpv6 = ({ addresses6 }: Arm) => addresses6.length > 0
const alone = (vip: string) => `${vip}/${vip.includes(':') ? 128 : 32}`

/** Waits until it has the device: what comes before would be nobody's. */
async function raiseDecap({ rs, paths }: Mode): Promise<void> {
  const record = decapRecord(paths)
  if (recordedPid(record) !== undefined) return
  const log = join(paths.folder, 'decap.log')
  startRecorded([...inside(rs), process.execPath, DECAP, rs.device], record, log)
  await until('the end of the tunnel', { limitMs: 10_000, everyMs: 50 }, async () => {
    return readFileSync(log, 'utf8').includes('takes') || undefined
  })
}

const decapRecord = (paths: Paths) => join(paths.folder, 'decap.pid')

function ip(at: Arm, ...words: string[]): Promise<string> {
  return mustRun(['ip', '-n', at.netns, ...words])
}

/** Of all devices that the namespace has, and will have. */
function setAll(at: Arm, values: Record<string, string>): void {
  insideNetns(at.netnsPath, () => {
    for (const [key, value] of Object.entries(values))
      for (const scope of ['all', 'default', at.device])
        writeFileSync(`/proc/sys/net/ipv4/conf/${scope}/${key}`, value)
  })
}
