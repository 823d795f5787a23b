/** What the daemon says of objects that are there or are not, in ipvsadm's words: scripts look for them. */

import type { RefusalKind } from '../../api/refused.ts'
import { CliError } from '../daemon/client.ts'

const WORDS: Partial<Record<RefusalKind, Record<string, string>>> = {
  exists: { service: 'Service already exists', 'real server': 'Destination already exists' },
  missing: { service: 'No such service', 'real server': 'No such destination' },
}

export function inTheirWords(error: CliError): CliError {
  const { kind, what, name, where } = error.refusal ?? {}
  const words = kind && what && WORDS[kind]?.[what]
  if (!words) return error
  return new CliError(`${words}: ${name}${where ? ` ${where}` : ''}`, error.exitCode)
}
