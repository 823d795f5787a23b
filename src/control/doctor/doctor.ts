/**
 * `tapvs doctor`: looks at everything that a start needs, and starts nothing. It runs with the rights of the user who asks;
 * what it cannot see for lack of them is said.
 */

import { withDevice } from '../../config/arms.ts'
import { type Config, ConfigError, readConfig } from '../../config/config.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import * as machine from './machine.ts'
import { rights } from './rights.ts'
import { type Ping, socket } from './socket.ts'

export interface Asked {
  /** The config file to check the machine for; without it only what every config needs is looked at. */
  file?: string | undefined
  /** Where to look for a daemon if there is no config. */
  socket: string
  ping: Ping
}

/** => what was found, in an order in which one would mend it */
export async function diagnose({ file, socket: path, ping }: Asked): Promise<Finding[]> {
  const findings = [machine.node()]
  const addon = await loads()
  findings.push(addon)
  const config = file === undefined ? undefined : read(file, findings)
  findings.push(...rights(config), machine.lockedMemory())
  if (config) {
    findings.push(machine.processors(config), machine.memory(config), machine.files(config))
  }
  if (addon.level !== 'ok') return findings

  // All that loads the addon, which may not be there.
  const kernel = await import('./kernel.ts')
  const tun = kernel.tunDevice()
  findings.push(tun)
  const hasNic = config?.arms.some(({ kind }) => kind === 'nic') === true
  // Both are tried on a TAP.
  if (tun.level === 'ok') findings.push(kernel.ring(), ...kernel.queues(hasNic))
  const { kindOf } = await import('../network/kinds.ts')
  const holdsArm = (pid: number) =>
    config === undefined ||
    withDevice(config.arms).some(arm =>
      kindOf(arm)
        .holders(arm)
        .some(holder => holder.pid === pid),
    )
  const { finding, daemon } = await socket(config?.control.socket ?? path, ping, holdsArm)
  findings.push(finding)
  if (!config) return findings
  const { places } = await import('./places.ts')
  return [...findings, ...(await places(config, daemon))]
}

async function loads(): Promise<Finding> {
  try {
    await import('../../io/native.ts')
    return ok('addon', 'loads')
  } catch (error) {
    const [text = '', mend = ''] = (error as Error).message.split('; run: ')
    return fail('addon', text, `run: ${mend}`)
  }
}

function read(file: string, findings: Finding[]): Config | undefined {
  try {
    const config = readConfig(file)
    const { warnings } = config
    for (const warning of warnings)
      findings.push(warn('config', warning, 'mend it if it is not meant so'))
    if (warnings.length === 0) findings.push(ok('config', `${file} is valid`))
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) findings.push(fail('config', problem, `edit ${file}`))
    return undefined
  }
}
