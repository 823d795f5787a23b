/**
 * What mends a start that has failed: the doctor is asked, so that what to do is written down in one place. It is looked at
 * by the process that has failed, with the rights that it had.
 */

import type { Config } from '../../config/config.ts'
import type { DeviceError } from '../network/device.ts'
import type { Finding } from './finding.ts'
import { LESS_MEMORY, moreFiles } from './machine.ts'
import { rights } from './rights.ts'
import { socket } from './socket.ts'

/** => how to go on, for behind the error's own words; `file` is the config's */
export async function remedy(error: Error, config: Config, file: string): Promise<string> {
  if (error instanceof RangeError) return LESS_MEMORY
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EMFILE') return moreFiles(config)
  const findings = await looked(error, config).catch((): Finding[] => [])
  const cause = findings.find(({ level }) => level === 'fail')
  return cause?.mend ?? `tapvs doctor --config ${file} looks at all that a start needs`
}

/** Only what can be the cause: a machine has faults enough that are not. */
async function looked(error: Error, config: Config): Promise<Finding[]> {
  const { syscall } = error as NodeJS.ErrnoException
  // Those of the addon name no call of Node's.
  if (syscall !== undefined) {
    const nobody = async () => undefined
    return [(await socket(config.control.socket, nobody, () => false)).finding]
  }
  const { tunDevice } = await import('./kernel.ts')
  const { device } = error as DeviceError
  const arm = config.arms.find(({ name }) => name === device?.name)
  const { places } = await import('./places.ts')
  const found = arm ? await places({ ...config, arms: [arm] }, process.pid) : []
  return [tunDevice(), ...found.filter(({ check }) => !/^addr/.test(check)), ...rights(config)]
}
