// What there is of a lab, looked up and not remembered, against what the last `up` asked for.

import { existsSync } from 'node:fs'
import { daemonPid, socketAnswers } from './appliance.ts'
import { readAppliance } from './effective-config.ts'
import { type Device, tapDevice } from './links.ts'
import { netnsExists } from './namespaces.ts'
import { redisAnswers, redisPid } from './real-servers.ts'
import { type Arm, DEFAULT_CONFIG, PREFIX_LENGTH, REDIS_PORT } from './topology.ts'
import type { Lab } from './two-arm.ts'

export type LabStatus = {
  name: string
  state: 'up' | 'partial' | 'down'
  /** Each thing that is not as asked for, in words. Empty if and only if the state is `up`. */
  problems: string[]
  namespaces: { name: string; path: string; exists: boolean }[]
  devices: (Omit<Device, 'index' | 'labTap'> & { netns: string })[]
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
  const { paths, wanted } = lab
  const [client, rs] = [lab.arm('client'), lab.arm('rs')]
  const problems: string[] = []
  const devices = [...(await lookAtArm(client, problems)), ...(await lookAtArm(rs, problems))]

  const realServers = await Promise.all(
    rs.addresses.map(async address => {
      const pid = redisPid(paths, rs, address) ?? null
      const answers = pid !== null && (await redisAnswers(rs, address))
      return { address, port: REDIS_PORT, pid, answers }
    }),
  )
  for (const { address, pid, answers } of realServers) {
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
    namespaces: [client, rs].map(arm => ({
      name: arm.netns,
      path: arm.netnsPath,
      exists: netnsExists(arm),
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

async function lookAtArm(arm: Arm, problems: string[]): Promise<LabStatus['devices']> {
  if (!netnsExists(arm)) {
    problems.push(`no namespace ${arm.netns}`)
    return []
  }
  const device = await tapDevice(arm)
  if (!device) {
    problems.push(`no device ${arm.tap} in ${arm.netns}`)
    return []
  }
  const { index: _, labTap, ...shown } = device
  if (!labTap) problems.push(`${arm.tap} is not a persistent multi-queue TAP`)
  if (!device.up) problems.push(`${arm.tap} is down`)
  for (const address of arm.addresses.map(a => `${a}/${PREFIX_LENGTH}`)) {
    if (!device.addresses.includes(address)) problems.push(`${arm.tap} lacks ${address}`)
  }
  return [{ ...shown, netns: arm.netns }]
}

/** The status for eyes. */
export function describeStatus(status: LabStatus): string {
  if (status.state === 'down') return `lab ${status.name} is down`
  const { daemon } = status
  const alive = (pid: number | null, answers: boolean) =>
    pid === null ? 'not running' : `pid ${pid}${answers ? '' : ', does not answer'}`
  const rows: [string, string][] = [
    ['lab', `${status.name}: ${status.state}`],
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
