/**
 * The check arm: one more TAP, in a namespace of the daemon's own without a name, by which health checks take the path
 * that traffic takes. A socket of that namespace that connects to an RS's check address is a client of a hidden service
 * whose only RS is that RS: its packets go through the engine, get a LIP and an lport, and leave by the arm that leads
 * to the RS. Nothing is added to the host's namespace, and all of it goes with the process.
 *
 *   169.254.0.1  the namespace's own address, the client    169.254.0.2  the engine's, the way to all check addresses
 *   169.254.1.0 - 169.254.254.255  check addresses, one for each RS of each service
 */

import { openSync, writeFileSync } from 'node:fs'
import { macOf } from '../../config/arms.ts'
import { Arm } from '../../engine/arm.ts'
import { Family } from '../../engine/family.ts'
import {
  closeFd,
  duplicateFd,
  leaveNetns,
  newNetns,
  openTap,
  setUpDevice,
} from '../../io/native.ts'
import { ipv4Int, macInts } from '../../wire/address.ts'

/** In the log and in listings of neighbours; a config may use it as well, for the device is in another namespace. */
export const CHECK_ARM = 'check'
const CLIENT = ipv4Int('169.254.0.1')
const GATEWAY = ipv4Int('169.254.0.2')
const LINK_LENGTH = 30
const NETWORK = ipv4Int('169.254.0.0')
const NETWORK_LENGTH = 16
const FIRST = ipv4Int('169.254.1.0')
const LAST = ipv4Int('169.254.254.255')

/** MTU of the check arm: one that fits all arms keeps what checks send from being too big for one of them. */
export function mtuOfChecks(arms: readonly { mtu: number }[]): number {
  return Math.min(...arms.map(({ mtu }) => mtu))
}

/** The engine's side, behind the arms of the config. */
export function checkArm(index: number, mtu: number, outboxSlots: number): Arm {
  const [macHi, macLo] = macInts(macOf('', CHECK_ARM))
  const arm = new Arm(index, macHi, macLo, mtu, outboxSlots)
  arm.addAddress(Family.IPV4, GATEWAY, LINK_LENGTH)
  return arm
}

/** The kernel's side. */
export interface CheckNetns {
  /** A namespace file, good while the process lives or until closed. */
  path: string
  /** One descriptor of the TAP's queue for each worker; they are the workers'. */
  fds: number[]
  close(): void
}

/** => descriptor of a new namespace without a name; it ends with its last descriptor, socket and TAP. */
function createNetns(): number {
  const previous = newNetns()
  try {
    // Else the kernel looks for IPv6 routers on every device. Where /proc/sys cannot be written it does, and what it sends
    // is dropped.
    try {
      writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1')
    } catch {}
    return openSync('/proc/thread-self/ns/net', 'r')
  } finally {
    leaveNetns(previous)
  }
}

/** Makes the namespace and the TAP in it. Throws NativeError: EPERM without CAP_SYS_ADMIN and CAP_NET_ADMIN. */
export function openCheckNetns(workers: number, mtu: number): CheckNetns {
  const netns = createNetns()
  const path = `/proc/self/fd/${netns}`
  const fds: number[] = []
  try {
    fds.push(openTap(CHECK_ARM, path, 0))
    setUpDevice(CHECK_ARM, path, CLIENT, LINK_LENGTH, mtu, NETWORK, NETWORK_LENGTH, GATEWAY)
    while (fds.length < workers) fds.push(duplicateFd(fds[0] as number))
  } catch (error) {
    for (const fd of [...fds, netns]) closeFd(fd)
    throw error
  }
  return { path, fds, close: () => closeFd(netns) }
}

/**
 * Gives out check addresses in turn, so that one that was given back rests for as long as possible: a connection to it
 * may live on for a while, and leads to the RS that it was of.
 */
export class CheckAddresses {
  readonly #taken = new Set<number>()
  #next = FIRST

  /** Throws RangeError when all are taken. */
  take(): number {
    for (let tries = LAST - FIRST + 1; tries > 0; tries--) {
      const address = this.#next
      this.#next = address === LAST ? FIRST : address + 1
      if (this.#taken.has(address)) continue
      this.#taken.add(address)
      return address
    }
    throw new RangeError(`no address is left to check more than ${this.#taken.size} real servers`)
  }

  giveBack(address: number): void {
    this.#taken.delete(address)
  }
}
