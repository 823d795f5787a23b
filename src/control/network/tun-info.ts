/** What the kernel says of a TAP, read from messages of rtnetlink, and who else holds it. */

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { askLink, netnsOfTap } from '../../io/native.ts'
import { parentOf } from '../system/process-stat.ts'
import { netnsPath } from './netns.ts'

/** nlmsghdr and ifinfomsg. */
const LINK_HEAD = 32
const IFLA_MASTER = 10
const IFLA_LINKINFO = 18
const IFLA_XDP = 43
const IFLA_XDP_ATTACHED = 2
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_TUN_TYPE = 3
const IFLA_TUN_PERSIST = 6
const IFLA_TUN_MULTI_QUEUE = 7
const IFLA_TUN_NUM_QUEUES = 8
const IFF_TAP = 2

export interface TunInfo {
  isTap: boolean
  persistent: boolean
  multiQueue: boolean
  /** Of a multi-queue TAP: how many processes' descriptors are attached. */
  queues: number
}

/** The kind of a link by its raw attribute `linkinfo`, as `ip -d link` names it; undefined of what has none, as a NIC. */
export function linkKind(linkinfo: Buffer | undefined): string | undefined {
  return attributes(linkinfo).get(IFLA_INFO_KIND)?.toString('latin1').replace(/\0.*/, '')
}

/** Of the raw attribute `linkinfo` of a link. */
export function tunInfo(linkinfo: Buffer | undefined): TunInfo {
  const info = attributes(linkinfo)
  const kind = linkKind(linkinfo)
  const tun = attributes(info.get(IFLA_INFO_DATA))
  return {
    isTap: kind === 'tun' && tun.get(IFLA_TUN_TYPE)?.[0] === IFF_TAP,
    persistent: tun.get(IFLA_TUN_PERSIST)?.[0] === 1,
    multiQueue: tun.get(IFLA_TUN_MULTI_QUEUE)?.[0] === 1,
    queues: tun.get(IFLA_TUN_NUM_QUEUES)?.readUInt32LE() ?? 0,
  }
}

/** A list of length, type, value, padded to four bytes. */
function attributes(raw: Buffer | undefined): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  for (let at = 0; raw !== undefined && at + 4 <= raw.length; ) {
    const length = raw.readUInt16LE(at)
    if (length < 4) break
    found.set(raw.readUInt16LE(at + 2) & 0x3fff, raw.subarray(at + 4, at + length))
    at += (length + 3) & ~3
  }
  return found
}

export interface LinkInfo {
  tun: TunInfo
  /** A program looks at what comes in before anything else does. */
  xdp: boolean
  /** It is a port of a bridge, bond or the like. */
  hasMaster: boolean
}

/** The device `name` in the namespace file `netns` ('' for our own), undefined if there is none. Throws NativeError. */
export function linkIn(netns: string, name: string): LinkInfo | undefined {
  const answer = askLink(netns, name)
  if (answer === null) return undefined
  const message = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength)
  const found = attributes(message.subarray(LINK_HEAD))
  return {
    tun: tunInfo(found.get(IFLA_LINKINFO)),
    xdp: (attributes(found.get(IFLA_XDP)).get(IFLA_XDP_ATTACHED)?.[0] ?? 0) !== 0,
    hasMaster: found.has(IFLA_MASTER),
  }
}

export function tunIn(netns: string, name: string): TunInfo | undefined {
  return linkIn(netns, name)?.tun
}

export interface Holder {
  pid: number
  program: string
}

/**
 * => who is attached to the TAP `name` in a namespace (null: our own), ourselves left out; only processes that we may look
 * at. A holder counts even if the kernel does not tell us which namespace its TAP is in. Of a daemon and its keeper, who hold the
 * same queues, the daemon is named.
 */
export function holdersOf(name: string, netns: string | null): Holder[] {
  const inode = statSync(netnsPath(netns) || '/proc/self/ns/net', { throwIfNoEntry: false })?.ino
  const pids = readdirSync('/proc').filter(entry => /^\d+$/.test(entry))
  const holders = pids.map(Number).filter(pid => pid !== process.pid && holds(pid, name, inode))
  const parents = new Set(holders.map(parentOf))
  return holders.filter(pid => !parents.has(pid)).map(pid => ({ pid, program: nameOf(pid) }))
}

function holds(pid: number, name: string, inode: number | undefined): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(
      fd =>
        readlinkSync(`/proc/${pid}/fd/${fd}`) === '/dev/net/tun' &&
        readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8').includes(`iff:\t${name}\n`) &&
        isThere(pid, Number(fd), inode),
    )
  } catch {
    return false // gone, or not ours to look at
  }
}

function isThere(pid: number, fd: number, inode: number | undefined): boolean {
  try {
    return netnsOfTap(pid, fd) === inode
  } catch {
    return true
  }
}

/** As it was called; its thread's name is MainThread for every program of a Node since 24. */
function nameOf(pid: number): string {
  try {
    const [called = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return basename(called) || readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

/** A TAP has another process at it. */
export class HeldError extends Error {}

/**
 * => whether more than `own` queues of the TAP are attached. The kernel counts them, of whatever process of whatever
 * container; those of a killed one are gone with it. It would let both have the TAP, and deal the packets out.
 */
export function isHeld(name: string, netns: string | null, own: number): boolean {
  try {
    return (tunIn(netnsPath(netns), name)?.queues ?? 0) > own
  } catch {
    // Opening it says what is wrong, in better words.
    return false
  }
}

/**
 * Throws HeldError if it is held, and says by whom: all descriptors of all processes are looked at. `said` is what the user
 * knows it by.
 */
export function refuseHeld(
  name: string,
  netns: string | null,
  own: number,
  said = `TAP ${name}`,
): void {
  if (!isHeld(name, netns, own)) return
  const where = netns === null ? '' : ` in ${netns}`
  const by = holderWords(holdersOf(name, netns))
  throw new HeldError(`${said}${where} is held ${by}: stop that, or insist with tapvs run --force`)
}

/** By whom a TAP is held, in words. */
export function holderWords(holders: readonly Holder[]): string {
  if (holders.length === 0) return 'by a process that this user cannot see'
  return `by ${holders.map(({ pid, program }) => `${program} (pid ${pid})`).join(' or ')}`
}
