/** Links and addresses of a namespace. Nothing is changed. */

import { AF_INET, REQUEST, withRtNetlink } from '../network/rtnetlink.ts'

export interface Link {
  name: string
  /** It is switched on; it has a carrier too. */
  up: boolean
  running: boolean
  /** The attribute that says of what kind it is, raw. */
  info: Buffer | undefined
}

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
      const { up = false, running = false } = data.flags ?? {}
      links.set(name, { name, up, running, info: attrs.linkinfo })
    }
    const addresses = new Map<string, string>()
    for (const { data, attrs } of await rt.getAddresses({ family: AF_INET }, {}, REQUEST)) {
      const address = [...(attrs.local ?? attrs.address ?? [])].join('.')
      addresses.set(address, names.get(data.index ?? 0) ?? '')
    }
    return { links, addresses }
  })
}
