/** What the kernel says of any process, in /proc/PID/stat (proc_pid_stat(5)). */

import { readFileSync } from 'node:fs'

/** The fields behind the name, the state first; undefined if there is no such process. */
function fieldsOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name is in parentheses and may hold blanks and parentheses itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** Start time in ticks since boot; undefined: there is none, or only its zombie is left. */
export function startTime(pid: number): string | undefined {
  const fields = fieldsOf(pid)
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? undefined : fields?.[19]
}

/** Undefined if it is gone. */
export function parentOf(pid: number): number | undefined {
  const parent = fieldsOf(pid)?.[1]
  return parent === undefined ? undefined : Number(parent)
}
