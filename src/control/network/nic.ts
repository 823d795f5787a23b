/**
 * NICs as arms. The device stays where it is and is the host's as before; behind it, in the same namespace, stands a TAP of ours,
 * and classifiers join the two (io/nic-bpf.ts). The TAP and the links of the classifiers live by descriptors of this process
 * alone, so whatever its end is, the NIC is as it was.
 *
 * The TAP is named after the NIC's ifindex: no two devices of a namespace have the same, another tapvs on the same NIC
 * finds the same TAP held, and a NIC that is made anew gets another.
 */

import { release } from 'node:os'
import { asFound, type ConfigArm, deviceOf, NIC_MTU } from '../../config/arms.ts'
import { groupsOf, joinGroups } from '../../io/groups.ts'
import {
  attachTcx,
  closeFd,
  linkFacts,
  loadClassifier,
  type NativeError,
  setUpTap,
  socketIn,
  TCX_EGRESS,
  TCX_INGRESS,
  updateLink,
} from '../../io/native.ts'
import { fromTapProgram, toTapProgram } from '../../io/nic-bpf.ts'
import { openQueues, type Queues } from '../../io/queues.ts'
import { macText } from '../../wire/address.ts'
import type { IpAddress } from '../../wire/ip-address.ts'
import type { Ipv6 } from '../../wire/ipv6-address.ts'
import type { Device, DeviceError, Nic, NicFacts, Opened, Ours } from './device.ts'
import { ipIn, netnsPath } from './netns.ts'
import { programOf } from './nic-program.ts'
import type { Remark } from './nic-remarks.ts'

const ARPHRD_ETHER = 1
/** The largest that a TAP has: frames of any NIC fit, and one that is changed need not be followed. */
const TAP_MTU = 65_521
/** Classifiers of a NIC. */
const LINKS = 3

/** By a socket of the device's namespace; undefined if there is none. Throws NativeError. */
export function factsBy(socket: number, name: string): NicFacts | undefined {
  const facts = linkFacts(socket, name)
  if (facts === null) return undefined
  const [, index = 0, mtu = 0, type = 0, macHi = 0, macLo = 0, lro = 0] = facts
  const mac = macText(macHi, macLo)
  return { index, mac, mtu, isEthernet: type === ARPHRD_ETHER, lro: lro === 1 }
}

/** undefined if there is no such device. Throws NativeError: ENOENT for a namespace that is not there. */
export function factsOf({ name, netns }: Omit<Device, 'kind'>): NicFacts | undefined {
  const socket = socketIn(netnsPath(netns))
  try {
    return factsBy(socket, name)
  } finally {
    closeFd(socket)
  }
}

/** The same of one that has to be there. */
function nicOf(device: Device): NicFacts {
  const facts = factsOf(device)
  if (facts) return facts
  const { name, netns } = device
  throw new Error(`nic ${name}${where(device)} is not there; see ${ipIn(netns)} link`)
}

/** The arms with what their NICs say of themselves. Throws DeviceError for one that cannot be an arm. */
export function withDevices(arms: readonly ConfigArm[]): ConfigArm[] {
  return arms.map((arm, index) => {
    if (arm.kind !== 'nic') return arm
    const owner = arms[deviceOf(arms, index)] as ConfigArm
    try {
      const facts = nicOf(owner)
      // That of the device itself is what to mend first.
      const problem = problemOf(owner, facts) ?? problemOf(arm, facts, owner)
      if (problem) throw new Error(`${problem.text}; ${problem.mend}`)
      return asFound(arm, facts)
    } catch (error) {
      throw Object.assign(error as DeviceError, { device: owner })
    }
  })
}

/** Why it cannot be an arm, on the device of `owner`; undefined if it can. */
export function problemOf(
  arm: ConfigArm,
  { isEthernet, mtu }: NicFacts,
  owner = arm,
): Remark | undefined {
  const { name, mtuLimit } = arm
  if (!isEthernet)
    return { text: `${name}${where(arm)} has no Ethernet`, mend: 'name one that has' }
  if (mtuLimit >= NIC_MTU || mtuLimit <= mtu) return undefined
  const text = `the mtu ${mtuLimit} of arm ${name} is more than the ${mtu} of its nic`
  const mend = `set it to ${mtu} or leave it out, or ${ipIn(arm.netns)} link set ${owner.name} mtu ${mtuLimit}`
  return { text, mend }
}

/** Of the TAP behind the NIC with this ifindex. */
export function tapBehind(index: number): string {
  return `tapvs${index}`
}

/** The same of a NIC that may not be there, or may not be looked at: undefined. */
export function tapOf(device: Device): string | undefined {
  try {
    const facts = factsOf(device)
    return facts && tapBehind(facts.index)
  } catch {
    return undefined
  }
}

/**
 * Puts a TAP behind the NIC and joins them. Throws NativeError, with what is to be done for it; the NIC is as it was
 * then.
 */
export function openNic(
  device: Device,
  workers: number,
  steering: Uint8Array | string,
  ours: Ours,
): Opened {
  const facts = nicOf(device)
  const path = netnsPath(device.netns)
  const { index } = facts
  const tap = tapBehind(index)
  const queues = openQueues(tap, path, workers, steering)
  const links: number[] = []
  try {
    setUpTap(tap, path, TAP_MTU)
    const tapIndex = factsOf({ name: tap, netns: device.netns })?.index ?? 0
    const attach = (program: Uint8Array, ifindex: number, at: number) =>
      links.push(attached(program, path, ifindex, at))
    attach(toTapProgram(index), tapIndex, TCX_EGRESS)
    attach(fromTapProgram(index), tapIndex, TCX_INGRESS)
    attach(programOf(tapIndex, ours), index, TCX_INGRESS)
    const nic = joined({ facts, path, tap: tapIndex }, links)
    nic.hear(ours.addresses)
    return { ...queues, nic }
  } catch (error) {
    for (const link of links) closeFd(link)
    closeAll(queues)
    throw withReason(error as NativeError, device)
  }
}

interface Place {
  facts: NicFacts
  /** The namespace file. */
  path: string
  /** ifindex of the TAP behind it. */
  tap: number
}

/** With what only the NIC itself needs to know. */
interface Joined extends Nic {
  /** Has the device take in the groups of these addresses, and no others of ours. Throws NativeError. */
  hear(addresses: readonly IpAddress[]): void
}

/** Its TAP has these links, in the order in which openNic makes them, and was there before. `links` are its own from now on. */
function joined({ facts, path, tap }: Place, links: number[]): Joined {
  const [link = -1] = links.slice(-1)
  const groups: number[] = []
  const hear = (addresses: readonly IpAddress[]) => {
    const before = groups.splice(0)
    try {
      groups.push(...joinGroups(path, facts.index, groupsOf(addresses.filter(isSix))))
    } finally {
      for (const one of before) closeFd(one)
    }
  }
  return {
    facts,
    links,
    hear,
    readdress: ours => {
      if (links.length === 0) return
      replaced(link, programOf(tap, ours))
      hear(ours.addresses)
    },
    release: () => {
      for (const one of [...links.splice(0), ...groups.splice(0)]) closeFd(one)
    },
  }
}

function isSix(address: IpAddress): address is Ipv6 {
  return typeof address !== 'number'
}

/**
 * Goes on with the TAP and the links that another process has opened: the NIC must be the same. Throws NativeError, and Error if it
 * is not.
 */
export function takeNic(device: Device, links: readonly number[], ours: Ours): Nic {
  const facts = nicOf(device)
  const tap = factsOf({ name: tapBehind(facts.index), netns: device.netns })
  if (links.length !== LINKS || tap === undefined) throw new Error('another NIC')
  const path = netnsPath(device.netns)
  const nic = joined({ facts, path, tap: tap.index }, [...links])
  nic.readdress(ours)
  return nic
}

function where({ netns }: Device): string {
  return netns === null ? '' : ` in ${netns}`
}

/** => a link */
function attached(program: Uint8Array, path: string, ifindex: number, at: number): number {
  const loaded = loadClassifier(program)
  try {
    return attachTcx(loaded, path, ifindex, at)
  } finally {
    // The link holds the program from now on.
    closeFd(loaded)
  }
}

function replaced(link: number, program: Uint8Array): void {
  const loaded = loadClassifier(program)
  try {
    updateLink(link, loaded)
  } finally {
    closeFd(loaded)
  }
}

function closeAll({ fds }: Queues): void {
  for (const fd of fds) closeFd(fd)
}

/** The kernel's words say nothing to somebody who has not read it. */
function withReason(error: NativeError, device: Device): NativeError {
  const { code, message } = error
  const of = `nic ${device.name}${where(device)}: ${message}`
  if (code === 'EINVAL' && message.startsWith('BPF_LINK_CREATE'))
    error.message = `${of}; tcx needs Linux 6.6 or newer, this is ${release()}`
  else if (message.startsWith('BPF_') && (code === 'EPERM' || code === 'ENOSYS'))
    error.message = `${of}; tcx needs bpf(2) and CAP_NET_ADMIN with CAP_BPF or CAP_SYS_ADMIN`
  else if (message.startsWith('IPV6_JOIN_GROUP') || code === 'EAFNOSUPPORT')
    error.message = `${of}; addresses of IPv6 need it in the kernel, and an mtu of 1280 or more`
  else error.message = of
  return error
}
