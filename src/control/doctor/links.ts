/** Links and addresses of a namespace. Nothing is changed. */

import { ipv6TextAt } from '../../wire/ip-address.ts'
import { isLinkLocal } from '../../wire/ipv6.ts'
import { AF_INET, AF_INET6, REQUEST, withRtNetlink } from '../network/rtnetlink.ts'

export interface Link {
  name: string
  /** It is switched on; it has a carrier too. */
  up: boolean
  running: boolean
  /** The attribute that says of what kind it is, raw. */
  info: Buffer | undefined
}

/** Where the kernel has an address. */
export interface Held {
  device: string
  /** It is the first one of the device and its family, so the host speaks by it. */
  first: boolean
}

export interface Seen {
  links: Map<string, Link>
  /** Of the kernel. */
  addresses: Map<string, Held>
}

/** `path` is a namespace file, '' for our own. Throws NativeError as enterNetns does, and Error. */
export function lookInto(path: string): Promise<Seen> {
  return withRtNetlink(path, async rt => {
    const links = new Map<string, Link>()
    const names = new Map<number, string>()
    for (const { data, attrs } of await rt.getLinks({}, {}, REQUEST)) {
      const name = attrs.ifname ?? ''
      if (data.index !== undefined) names.set(data.index, name)
      const { up = false, running = false } = data.flags ?? {}
      links.set(name, { name, up, running, info: attrs.linkinfo })
    }
    const addresses = new Map<string, Held>()
    for (const family of [AF_INET, AF_INET6]) {
      const devices = new Set<string>()
      for (const { data, attrs } of await rt.getAddresses({ family }, {}, REQUEST)) {
        const bytes = attrs.local ?? attrs.address
        // None of the link's own is configured, and the host is spoken to by another one.
        if (!bytes || (family === AF_INET6 && isLinkLocal(bytes.readInt32BE(0)))) continue
        const address = family === AF_INET ? bytes.join('.') : textOf(bytes)
        const device = names.get(data.index ?? 0) ?? ''
        addresses.set(address, { device, first: device !== 'lo' && !devices.has(device) })
        devices.add(device)
      }
    }
    return { links, addresses }
  })
}

/** Of an IPv6 address. */
function textOf(bytes: Buffer): string {
  return ipv6TextAt(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0)
}
