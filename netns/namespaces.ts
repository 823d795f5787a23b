// The two named namespaces. `ip netns` makes and deletes them, not netlink: a named namespace is a bind
// mount under /run/netns that keeps an unshared namespace alive, which rtnetlink has no message for;
// `ip netns pids` is a walk through /proc/*/ns/net. Everything inside is netlink's business (links.ts).

import { statfsSync, statSync } from 'node:fs'
import { LabError } from './lab-error.ts'
import { mustRun, run, stopPids } from './processes.ts'
import type { Arm } from './topology.ts'

const NSFS_MAGIC = 0x6e736673

/** True if something of that name is there, be it only the file that a killed `ip netns add` leaves. */
export function netnsLeftover(arm: Arm): boolean {
  return statSync(arm.netnsPath, { throwIfNoEntry: false }) !== undefined
}

/** True if the name stands for a living namespace. */
export function netnsExists(arm: Arm): boolean {
  return netnsLeftover(arm) && statfsSync(arm.netnsPath).type === NSFS_MAGIC
}

/** True if the process runs in that namespace (and not in an earlier one of the same name). */
export function runsInside(pid: number, arm: Arm): boolean {
  return sameFile(`/proc/${pid}/ns/net`, arm.netnsPath)
}

/** => pids of all processes in that namespace */
export async function pidsInside(arm: Arm): Promise<number[]> {
  const { stdout } = await run(['ip', 'netns', 'pids', arm.netns])
  return stdout.split(/\s+/).filter(Boolean).map(Number)
}

/** The words before a command that make it run inside; `ip` replaces itself, so the pid stays. */
export function inside(arm: Arm): string[] {
  return ['ip', 'netns', 'exec', arm.netns]
}

export async function makeNetns(arm: Arm): Promise<void> {
  if (netnsExists(arm)) {
    refuseHostNetns(arm)
    return
  }
  if (netnsLeftover(arm)) await mustRun(['ip', 'netns', 'del', arm.netns])
  await mustRun(['ip', 'netns', 'add', arm.netns])
}

/** Stops what still runs inside and deletes the namespace; its TAP goes with it. */
export async function deleteNetns(arm: Arm): Promise<void> {
  if (!netnsLeftover(arm)) return
  if (netnsExists(arm)) {
    refuseHostNetns(arm)
    await stopPids((await pidsInside(arm)).filter(pid => pid !== process.pid))
  }
  await mustRun(['ip', 'netns', 'del', arm.netns])
}

// `ip netns attach` can give the host's namespace a name. Stopping everything inside would then stop
// the host.
function refuseHostNetns(arm: Arm): void {
  if (sameFile('/proc/1/ns/net', arm.netnsPath) || sameFile('/proc/self/ns/net', arm.netnsPath)) {
    throw new LabError(
      `${arm.netnsPath} is the host's own namespace: remove it with \`ip netns del ${arm.netns}\``,
    )
  }
}

function sameFile(a: string, b: string): boolean {
  try {
    const [x, y] = [statSync(a), statSync(b)]
    return x.ino === y.ino && x.dev === y.dev
  } catch {
    return false
  }
}
