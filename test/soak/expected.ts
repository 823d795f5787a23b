/** What a soak may drop and log, each with the reason. Everything else is a fault. */

import { LEFT_LEAST_MS } from '../../src/engine/adopt.ts'
import type { Doing } from './windows.ts'

/** IPv6 of the namespaces' kernels, which look for routers and for one another. */
const OF_KERNELS = ['eth_not_unicast', 'eth_type']
export const isOfKernels = (reason: string) => OF_KERNELS.includes(reason)

export interface Expected {
  why: string
  /** Only if that has been (windows.ts), for so long. */
  after?: [what: Doing['what'], ms: number]
  /** At most so many packets for each time that it has been. */
  each?: number
}

/** What comes back to health checks of a daemon that was killed: they are cleared, and begun anew by the next one. */
const OF_CHECKS = ['tcp_no_service', 'udp_no_service', 'icmp_no_conn']
const checks: Expected = {
  why: 'what RSs say to the checks of a daemon that was killed',
  after: ['killed', 0],
  each: 100,
}

const kernels = { why: "IPv6 of the namespaces' kernels" }

export const EXPECTED_DROPS: Record<string, Expected> = {
  ...Object.fromEntries(OF_KERNELS.map(reason => [reason, kernels])),
  tx_arm_down: { why: 'the link was down', after: ['unlinked', 0] },
  ...Object.fromEntries(OF_CHECKS.map(reason => [reason, checks])),
  tcp_no_conn: {
    why: 'an end sent again later than a connection is kept',
    after: ['killed', LEFT_LEAST_MS],
  },
}

interface Line {
  level: string
  msg: string
}

/** Of levels below error, by their texts. */
const EXPECTED_LINES = [
  /^TAPVS: ready/,
  // Those of checks are cleared.
  /^TAPVS: took over \d+ connections?, \d+ cleared, \d+ neighbours?$/,
  // It is put down for a second.
  /^TAPVS: arm int0 is (up$|down: ip -n \S+-rs link set int0 up$)/,
  /^TAPVS: config applied, \d+ changes?$/,
  /^CHECK: RS \S+:\d+ of (TCP|UDP) \S+ is down: (3 checks|its first check) failed/,
  /^CHECK: RS \S+:\d+ of (TCP|UDP) \S+ is up: 1 check passed$/,
]
/** The keeper has no config, and so no format. */
const KEEPER_LINES = [/^TAPVS: the daemon was ended by SIGKILL; starting another$/]

/** => what is wrong with a line of the log, if anything is */
export function faultOfLine(text: string): string | undefined {
  if (KEEPER_LINES.some(known => known.test(text))) return undefined
  let line: Line
  try {
    line = JSON.parse(text) as Line
  } catch {
    return `the log says: ${text}`
  }
  if (line.level === 'error') return `the log has an error: ${line.msg}`
  const isKnown = EXPECTED_LINES.some(known => known.test(line.msg))
  return isKnown ? undefined : `the log says what nobody has foreseen: ${line.msg}`
}
