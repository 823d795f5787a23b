/** Of /proc/PID/status: what a process may, and whether it could get more. */

const NONE = '0000000000000000'

export const NO_RIGHTS = { CapInh: NONE, CapPrm: NONE, CapEff: NONE, CapAmb: NONE, NoNewPrivs: '1' }

export function rightsIn(status: string): Record<string, string | undefined> {
  const names = Object.keys(NO_RIGHTS)
  return Object.fromEntries(
    names.map(name => [name, new RegExp(`^${name}:\\t(\\w+)$`, 'm').exec(status)?.[1]]),
  )
}
