/** Links and addresses of a namespace, and which process holds which TAP. Nothing is changed. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { AF_INET, REQUEST, type TunInfo, tunInfo, withRtNetlink } from '../rtnetlink.ts'

export type Link = TunInfo & { name: string }

export interface Seen {
  links: Map<string, Link>
  /** Kernel's addresses, => the device. */
  addresses: Map<string, string>
}

/** `path` is a namespace file, '' for our own. Throws NativeError as enterNetns does, and Error. */
export function lookInto(path: string): Promise<Seen> {
  return withRtNetlink(path, async rt => {
    const links = new Map<string, Link>()
    const names = new Map<number, string>()
    for (const { data, attrs } of await rt.getLinks({}, {}, REQUEST)) {
      const name = attrs.ifname ?? ''
      if (data.index !== undefined) names.set(data.index, name)
      links.set(name, { name, ...tunInfo(attrs.linkinfo) })
    }
    const addresses = new Map<string, string>()
    for (const { data, attrs } of await rt.getAddresses({ family: AF_INET }, {}, REQUEST)) {
      const address = [...(attrs.local ?? attrs.address ?? [])].join('.')
      addresses.set(address, names.get(data.index ?? 0) ?? '')
    }
    return { links, addresses }
  })
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
