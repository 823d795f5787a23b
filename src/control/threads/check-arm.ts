/**
 * The check arm: one more TAP, in a namespace of the daemon's own without a name, by which health checks take the path
 * that traffic takes. A socket of that namespace that connects to an RS's check address is a client of a hidden service
 * whose only RS is that RS: its packets go through the engine, get a LIP and an lport, and leave by the arm that leads
 * to the RS. Nothing is added to the host's namespace, and all of it goes with the process.
 *
 *   169.254.0.1  the namespace's own address, the client    169.254.0.2  the engine's, the way to all check addresses
 *   169.254.1.0 - 169.254.254.255  check addresses, one for each RS of each service
 *
 * Of IPv6 the same numbers are the last 32 bits of addresses in a network that is nobody's (RFC 4193). The namespace has them from the
 * first RS of IPv6 on that is checked.
 */

import { openSync, writeFileSync } from 'node:fs'
import { macOf } from '../../config/arms.ts'
import type { Change } from '../../config/changes.ts'
import { Arm } from '../../engine/arm.ts'
import { Family } from '../../engine/family.ts'
import { setUpDevice6 } from '../../io/device6.ts'
import {
  closeFd,
  duplicateFd,
  enterNetns,
  leaveNetns,
  newNetns,
  openTap,
  setUpDevice,
} from '../../io/native.ts'
import { ipv4Int, ipv4Text, macInts } from '../../wire/address.ts'
import { type Ipv6, ipv6Text, ipv6Words } from '../../wire/ipv6-address.ts'

/** In the log and in listings of neighbours; a config may use it as well, for the device is in another namespace. */
export const CHECK_ARM = 'check'
const CLIENT = ipv4Int('169.254.0.1')
const GATEWAY = ipv4Int('169.254.0.2')
const LINK_LENGTH = 30
const NETWORK = ipv4Int('169.254.0.0')
const NETWORK_LENGTH = 16
const FIRST = ipv4Int('169.254.1.0')
const LAST = ipv4Int('169.254.254.255')
/** Each address of IPv6 takes a place of the book. */
const LAST_SIX = ipv4Int('169.254.16.255')
const NETWORK_SIX = ipv6Words('fd74:6170:7673::')
const NETWORK_SIX_LENGTH = 64
/** The two of the link, as of IPv4. */
const LINK_SIX_LENGTH = 126

/** The check address as text. */
export function checkAddress(address: number, isSix: boolean): string {
  return isSix ? ipv6Text(sixOf(address)) : ipv4Text(address)
}

function sixOf(address: number): Ipv6 {
  const [a, b, c] = NETWORK_SIX
  return [a, b, c, address]
}

/** The engine's address on the check arm, as changes: it may have it by an image of the engine. */
export function gatewaySix(arm: number): Change[] {
  const gateway = { arm, address: checkAddress(GATEWAY, true), prefixLength: LINK_SIX_LENGTH }
  return [
    { put: 'no-address', ...gateway },
    { put: 'address', ...gateway },
  ]
}

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
  /** Gives it IPv6. Throws NativeError. */
  addSix(): void
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

/** Of the device, in this order: no address of the link, nobody asked for routers, and then IPv6. */
const SIX_SETTINGS = { addr_gen_mode: 1, router_solicitations: 0, accept_ra: 0, disable_ipv6: 0 }

function addSix(path: string): void {
  const previous = enterNetns(path)
  try {
    // Where /proc/sys cannot be written it was not switched off either.
    for (const [setting, value] of Object.entries(SIX_SETTINGS))
      try {
        writeFileSync(`/proc/sys/net/ipv6/conf/${CHECK_ARM}/${setting}`, `${value}`)
      } catch {}
  } finally {
    leaveNetns(previous)
  }
  setUpDevice6(CHECK_ARM, path, {
    own: sixOf(CLIENT),
    prefixLength: LINK_SIX_LENGTH,
    network: NETWORK_SIX,
    networkLength: NETWORK_SIX_LENGTH,
    gateway: sixOf(GATEWAY),
  })
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
  return { path, fds, addSix: () => addSix(path), close: () => closeFd(netns) }
}

/**
 * Gives out check addresses in turn, so that one that was given back rests for as long as possible: a connection to it
 * may live on for a while, and leads to the RS that it was of.
 */
export class CheckAddresses {
  readonly #taken = new Set<number>()
  readonly #last: number
  #next = FIRST

  constructor(isSix = false) {
    this.#last = isSix ? LAST_SIX : LAST
  }

  /** Throws RangeError when all are taken. */
  take(): number {
    for (let tries = this.#last - FIRST + 1; tries > 0; tries--) {
      const address = this.#next
      this.#next = address === this.#last ? FIRST : address + 1
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
