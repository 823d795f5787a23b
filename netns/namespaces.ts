// Named namespaces. `ip netns` makes and deletes them, not netlink: a named namespace is a bind
// mount under /run/netns that keeps an unshared namespace alive, which rtnetlink has no message for;
// `ip netns pids` is a walk through /proc/*/ns/net. Everything inside is netlink's business (links.ts).

import { statfsSync, statSync } from 'node:fs'
import { LabError } from './lab-error.ts'
import { mustRun, run, stopPids } from './processes.ts'
import type { Netns } from './topology.ts'

const NSFS_MAGIC = 0x6e736673

/** True if something of that name is there, be it only the file that a killed `ip netns add` leaves. */
export function netnsLeftover(at: Netns): boolean {
  return statSync(at.netnsPath, { throwIfNoEntry: false }) !== undefined
}

/** True if the name stands for a living namespace. */
export function netnsExists(at: Netns): boolean {
  return netnsLeftover(at) && statfsSync(at.netnsPath).type === NSFS_MAGIC
}

/** True if the process runs in that namespace (and not in an earlier one of the same name). */
export function runsInside(pid: number, at: Netns): boolean {
  return sameFile(`/proc/${pid}/ns/net`, at.netnsPath)
}

/** => pids of all processes in that namespace */
export async function pidsInside(at: Netns): Promise<number[]> {
  const { stdout } = await run(['ip', 'netns', 'pids', at.netns])
  return stdout.split(/\s+/).filter(Boolean).map(Number)
}

/** The words before a command that make it run inside; `ip` replaces itself, so the pid stays. */
export function inside(at: Netns): string[] {
  return ['ip', 'netns', 'exec', at.netns]
}

export async function makeNetns(at: Netns): Promise<void> {
  if (netnsExists(at)) {
    refuseHostNetns(at)
    return
  }
  if (netnsLeftover(at)) await mustRun(['ip', 'netns', 'del', at.netns])
  await mustRun(['ip', 'netns', 'add', at.netns])
}

/** Stops what still runs inside and deletes the namespace; its devices go with it. */
export async function deleteNetns(at: Netns): Promise<void> {
  if (!netnsLeftover(at)) return
  if (netnsExists(at)) {
    refuseHostNetns(at)
    await stopPids((await pidsInside(at)).filter(pid => pid !== process.pid))
  }
  await mustRun(['ip', 'netns', 'del', at.netns])
}

// `ip netns attach` can give the host's namespace a name. Stopping everything inside would then stop
// the host.
function refuseHostNetns(at: Netns): void {
  if (sameFile('/proc/1/ns/net', at.netnsPath) || sameFile('/proc/self/ns/net', at.netnsPath)) {
    throw new LabError(
      `${at.netnsPath} is the host's own namespace: remove it with \`ip netns del ${at.netns}\``,
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
