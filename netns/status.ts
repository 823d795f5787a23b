// What there is of a lab, looked up and not remembered, against what the last `up` asked for.

import { existsSync } from 'node:fs'
import { daemonPid, socketAnswers } from './appliance.ts'
import { readAppliance } from './effective-config.ts'
import { type Device, deviceIn } from './links.ts'
import { netnsExists } from './namespaces.ts'
import { redisAnswers, redisPid } from './real-servers.ts'
import { type Arm, type Arms, DEFAULT_CONFIG, PREFIX_LENGTH, REDIS_PORT } from './topology.ts'
import type { Lab } from './two-arm.ts'

export type LabStatus = {
  name: string
  state: 'up' | 'partial' | 'down'
  /** Each thing that is not as asked for, in words. Empty if and only if the state is `up`. */
  problems: string[]
  arms: Arms
  namespaces: { name: string; path: string; exists: boolean }[]
  devices: (Omit<Device, 'index' | 'kind'> & { netns: string })[]
  vips: string[]
  lips: string[]
  internalAddresses: string[]
  realServers: { address: string; port: number; pid: number | null; answers: boolean }[]
  clients: string[]
  daemon: { pid: number | null; answers: boolean }
  config: string
  configSource: string
  socket: string
  log: string
  folder: string
}

export async function labStatus(lab: Lab): Promise<LabStatus> {
  const { paths, wanted, box } = lab
  const [client, rs] = [lab.arm('client'), lab.arm('rs')]
  const problems: string[] = []
  const places = [client, rs].map((arm): Place => ({ ...arm, arms: lab.armsKind }))
  if (box) places.push(...places.map(arm => ({ ...arm, ...box, addresses: [] })))
  const devices: LabStatus['devices'] = []
  for (const place of places) devices.push(...(await lookAt(place, problems)))

  const serverOn = (arm: Arm) => async (address: string) => {
    const pid = redisPid(paths, arm, address) ?? null
    const answers = pid !== null && (await redisAnswers(arm, address))
    return { address, port: REDIS_PORT, pid, answers }
  }
  const realServers = await Promise.all(rs.addresses.map(serverOn(rs)))
  const outside = wanted.mode === 'snat' ? client.addresses.slice(0, 1) : []
  const servers = [...realServers, ...(await Promise.all(outside.map(serverOn(client))))]
  for (const { address, pid, answers } of servers) {
    if (pid === null) problems.push(`no redis-server on ${address}`)
    else if (!answers) problems.push(`the redis-server on ${address} does not answer`)
  }

  const daemon = { pid: daemonPid(paths) ?? null, answers: await socketAnswers(paths) }
  if (daemon.pid === null) problems.push('the daemon does not run')
  else if (!daemon.answers) problems.push(`the daemon does not answer on ${paths.socket}`)

  const configured = existsSync(paths.config)
  if (!configured) problems.push(`no config ${paths.config}`)
  const appliance = configured ? readAppliance(paths.config) : undefined
  return {
    name: lab.name,
    state: problems.length === 0 ? 'up' : lab.exists() ? 'partial' : 'down',
    problems,
    arms: lab.armsKind,
    namespaces: [client, rs, ...(box ? [box] : [])].map(at => ({
      name: at.netns,
      path: at.netnsPath,
      exists: netnsExists(at),
    })),
    devices,
    vips: appliance?.vips ?? [],
    lips: appliance?.lips ?? [],
    internalAddresses: appliance?.internal ?? [],
    realServers,
    clients: client.addresses,
    daemon,
    config: paths.config,
    configSource: wanted.config ?? DEFAULT_CONFIG,
    socket: paths.socket,
    log: paths.log,
    folder: paths.folder,
  }
}

/** Where a device of the lab has to be, with what addresses. */
type Place = Pick<Arm, 'netns' | 'netnsPath' | 'device' | 'addresses'> & { arms: Arms }

const KINDS: Record<Arms, string> = {
  tap: 'a persistent multi-queue TAP',
  veth: 'an end of a veth pair',
}

async function lookAt(place: Place, problems: string[]): Promise<LabStatus['devices']> {
  const { netns, device: name, arms } = place
  if (!netnsExists(place)) {
    const problem = `no namespace ${netns}`
    if (!problems.includes(problem)) problems.push(problem)
    return []
  }
  const device = await deviceIn(place, name)
  if (!device) {
    problems.push(`no device ${name} in ${netns}`)
    return []
  }
  const { index: _, kind, ...shown } = device
  if (kind !== arms) problems.push(`${name} is not ${KINDS[arms]}`)
  if (!device.up) problems.push(`${name} is down`)
  for (const address of place.addresses.map(a => `${a}/${PREFIX_LENGTH}`)) {
    if (!device.addresses.includes(address)) problems.push(`${name} lacks ${address}`)
  }
  return [{ ...shown, netns }]
}

/** The status for eyes. */
export function describeStatus(status: LabStatus): string {
  if (status.state === 'down') return `lab ${status.name} is down`
  const { daemon } = status
  const alive = (pid: number | null, answers: boolean) =>
    pid === null ? 'not running' : `pid ${pid}${answers ? '' : ', does not answer'}`
  const rows: [string, string][] = [
    ['lab', `${status.name}: ${status.state}, arms ${status.arms}`],
    ...status.namespaces.map((ns): [string, string] => [
      'namespace',
      `${ns.path}${ns.exists ? '' : ' (missing)'}`,
    ]),
    ...status.devices.map((device): [string, string] => [
      'device',
      `${device.name} in ${device.netns}: ${device.up ? 'up' : 'down'}, mtu ${device.mtu}, ${device.mac}`,
    ]),
    ['clients', status.clients.join(' ')],
    ['VIP', status.vips.join(' ')],
    ['internal', status.internalAddresses.join(' ')],
    ['LIP', status.lips.join(' ')],
    ...status.realServers.map((rs): [string, string] => [
      'RS',
      `${rs.address}:${rs.port} (redis-server ${alive(rs.pid, rs.answers)})`,
    ]),
    ['daemon', alive(daemon.pid, daemon.answers)],
    ['config', `${status.config} (from ${status.configSource})`],
    ['socket', status.socket],
    ['log', status.log],
    ...status.problems.map((problem): [string, string] => ['problem', problem]),
  ]
  return rows.map(([what, value]) => `${what.padEnd(10)}${value}`.trimEnd()).join('\n')
}
