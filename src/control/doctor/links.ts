/**
 * Links and addresses of a namespace, by rtnetlink, and which process holds which TAP. Nothing is changed.
 *
 * A netlink socket stays in the namespace in which it was made. It is never subscribed to events: netlink 0.3.0 aborts
 * the process when its buffer overflows.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createRtNetlink } from 'netlink'
import { enterNetns, leaveNetns } from '../../io/native.ts'

const AF_INET = 2
const REQUEST = { timeout: 3000 } // without it a lost reply would be waited for for ever
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_TUN_TYPE = 3
const IFLA_TUN_MULTI_QUEUE = 7
const IFLA_TUN_NUM_QUEUES = 8
const IFF_TAP = 2

export interface Link {
  name: string
  isTap: boolean
  /** Of a TAP. */
  multiQueue: boolean
  /** Of a multi-queue TAP: how many processes' descriptors are attached. */
  queues: number
}

export interface Seen {
  links: Map<string, Link>
  /** Kernel's addresses, => the device. */
  addresses: Map<string, string>
}

type RtOptions = NonNullable<Parameters<typeof createRtNetlink>[0]>

/** `path` is a namespace file, '' for our own. Throws NativeError as enterNetns does, and Error. */
export async function lookInto(path: string): Promise<Seen> {
  const home = path === '' ? undefined : enterNetns(path)
  // The typings wrongly require the two buffer sizes.
  const rt = (() => {
    try {
      return createRtNetlink({ ref: false } as RtOptions)
    } finally {
      if (home !== undefined) leaveNetns(home)
    }
  })()
  try {
    const links = new Map<string, Link>()
    const names = new Map<number, string>()
    for (const { data, attrs } of await rt.getLinks({}, {}, REQUEST)) {
      const name = attrs.ifname ?? ''
      if (data.index !== undefined) names.set(data.index, name)
      links.set(name, linkOf(name, attrs.linkinfo))
    }
    const addresses = new Map<string, string>()
    for (const { data, attrs } of await rt.getAddresses({ family: AF_INET }, {}, REQUEST)) {
      const address = [...(attrs.local ?? attrs.address ?? [])].join('.')
      addresses.set(address, names.get(data.index ?? 0) ?? '')
    }
    return { links, addresses }
  } finally {
    rt.socket.close()
  }
}

function linkOf(name: string, linkinfo: Buffer | undefined): Link {
  const info = attributes(linkinfo)
  const kind = info.get(IFLA_INFO_KIND)?.toString('latin1').replace(/\0.*/, '')
  const tun = attributes(info.get(IFLA_INFO_DATA))
  return {
    name,
    isTap: kind === 'tun' && tun.get(IFLA_TUN_TYPE)?.[0] === IFF_TAP,
    multiQueue: tun.get(IFLA_TUN_MULTI_QUEUE)?.[0] === 1,
    queues: tun.get(IFLA_TUN_NUM_QUEUES)?.readUInt32LE() ?? 0,
  }
}

/** attrs.linkinfo is raw in netlink 0.3.0: a list of length, type, value, padded to four bytes. */
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

export interface Holder {
  pid: number
  program: string
}

/** => who is attached to TAPs of that name, in whatever namespace; only processes that we may look at. */
export function holdersOf(name: string): Holder[] {
  const pids = readdirSync('/proc').filter(entry => /^\d+$/.test(entry))
  return pids
    .filter(pid => holds(pid, name))
    .map(pid => ({ pid: Number(pid), program: nameOf(pid) }))
}

function holds(pid: string, name: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(
      fd =>
        readlinkSync(`/proc/${pid}/fd/${fd}`) === '/dev/net/tun' &&
        readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8').includes(`iff:\t${name}\n`),
    )
  } catch {
    return false // gone, or not ours to look at
  }
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}
