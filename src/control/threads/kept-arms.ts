/**
 * The queues of an arm's device, and what joins a NIC with the TAP behind it, held by the keeper: frames that come while no daemon
 * reads wait in these very queues, and a daemon that follows takes them as they are, all of an arm or none.
 */

import { statSync } from 'node:fs'
import { closeFd, type NativeError, netnsOfTap } from '../../io/native.ts'
import { readerOf } from '../../io/queues.ts'
import type { Held, Keeping } from '../keeper/keeping.ts'
import type { Device, Opened, Ours } from '../network/device.ts'
import { kindOf } from '../network/kinds.ts'
import { netnsPath } from '../network/netns.ts'
import { takeNic } from '../network/nic.ts'
import type { BareConfig } from './memory.ts'
import { ownOf, programFor } from './own.ts'
import type { Queue } from './protocol.ts'

interface About {
  kind: string
  queues: number
  unsteered: string | null
}

/** What they are held as. */
export function heldName({ name, netns }: Device): string {
  return `arm ${name} ${netns ?? ''}`
}

/** Has all of an arm held that was opened. */
export function holdArm(device: Device, { fds, unsteered, nic }: Opened, keeping: Keeping): void {
  if (!keeping.kept) return
  const about: About = {
    kind: device.kind,
    queues: fds.length,
    unsteered: unsteered ?? null,
  }
  keeping.hold(heldName(device), { fds: [...fds, ...(nic?.links ?? [])], about })
}

/**
 * => the arm of a device as an earlier daemon had it, undefined if there is none, or if it is of other use: then all of it is
 * let go. `steering` and `ours` are as for opening it.
 */
export function takeArm(
  device: Device,
  workers: number,
  steering: Uint8Array | string,
  ours: Ours,
  keeping: Keeping,
): Opened | undefined {
  const held = keeping.take(heldName(device))
  if (held === undefined) return undefined
  const { about, fds, links } = partsOf(held, workers)
  try {
    const isSteered = workers === 1 || about.unsteered === null
    if (!fits(device, held, workers, steering)) throw new Error('it is of another use now')
    if (workers > 1 && isSteered && typeof steering !== 'string')
      kindOf(device).steer(fds[0] as number, steering)
    const nic = device.kind === 'nic' ? takeNic(device, links, ours) : undefined
    return {
      fds,
      ...(about.unsteered !== null && { unsteered: about.unsteered }),
      ...(nic && { nic }),
    }
  } catch {
    for (const fd of held.fds) closeFd(fd)
    keeping.drop(heldName(device))
    return undefined
  }
}

/**
 * The queues of all arms as an earlier daemon has left them, by arm, which stay where they are; none for an arm that uses another's device.
 * => undefined if takeArm would not take them all
 */
export function leftQueues(config: BareConfig, keeping: Keeping): Queue[][] | undefined {
  const { arms, workers } = config
  const program = programFor(config, ownOf(config).lips)
  const queues: Queue[][] = []
  for (const [arm, device] of arms.entries()) {
    const held = device.vlan ? null : keeping.look(heldName(device))
    if (held === undefined || (held && !fits(device, held, workers.count, program)))
      return undefined
    queues.push(held ? queuesOf(partsOf(held, workers.count), arm) : [])
  }
  return queues
}

function queuesOf({ about, fds }: ReturnType<typeof partsOf>, arm: number): Queue[] {
  const reader = about.unsteered === null ? undefined : readerOf(arm, fds.length)
  return fds.map((fd, worker) => ({ fd, reads: reader === undefined || worker === reader }))
}

function partsOf({ fds, about }: Held, workers: number) {
  return { about: about as About, fds: fds.slice(0, workers), links: fds.slice(workers) }
}

function fits(device: Device, held: Held, workers: number, steering: Uint8Array | string): boolean {
  const { about, fds } = partsOf(held, workers)
  const isSteered = workers === 1 || about.unsteered === null
  return (
    about.kind === device.kind &&
    about.queues === workers &&
    fds.length === workers &&
    // Switched off since, by the config.
    !(isSteered && workers > 1 && typeof steering === 'string') &&
    fds.every(fd => isThere(fd, device.netns))
  )
}

/** Whether it is a queue of a TAP in the namespace that the name stands for now. */
function isThere(fd: number, netns: string | null): boolean {
  try {
    return netnsOfTap(process.pid, fd) === statSync(netnsPath(netns) || '/proc/self/ns/net').ino
  } catch (error) {
    // Not every sandbox lets us ask.
    return (error as NativeError).code === 'EPERM'
  }
}
