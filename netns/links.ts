// Links and addresses inside a namespace, by rtnetlink (npm `netlink`), and the TAPs themselves by our
// own addon. No routes or neighbours are made: each address brings its /24, VIP and LIP lie in it, and
// ARP is part of what the lab shows. (The namespaces come from `ip`: see namespaces.ts.)
//
// A netlink socket belongs for life to the namespace it was created in, so the thread is inside only
// for that one call. The socket must never subscribe to events: netlink 0.3.0 aborts the process when
// its receive buffer overflows. Its errors are plain text, read here and nowhere else.

import { writeFileSync } from 'node:fs'
import { createRtNetlink, FlagsNew, type RtNetlinkSocket } from 'netlink'
import {
  closeFd,
  enterNetns,
  leaveNetns,
  openTap,
  QUEUE_MULTI,
  TAP_PERSIST,
} from '../src/io/native.ts'
import { LabError } from './lab-error.ts'
import { type Arm, PREFIX_LENGTH } from './topology.ts'

const AF_INET = 2
const REQUEST = { timeout: 3000 } // without it a lost reply would be waited for for ever
const CREATE = { ...REQUEST, flags: FlagsNew.CREATE | FlagsNew.EXCL }

const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_TUN_TYPE = 3
const IFLA_TUN_PERSIST = 6
const IFLA_TUN_MULTI_QUEUE = 7
const IFF_TAP = 2

/** What is known of a link in a namespace. */
export type Device = {
  name: string
  index: number
  mac: string
  mtu: number
  up: boolean
  addresses: string[]
  /** A persistent multi-queue TAP, the only kind that the daemon can re-attach to. */
  labTap: boolean
}

type RtOptions = NonNullable<Parameters<typeof createRtNetlink>[0]>

async function withRtNetlink<T>(arm: Arm, work: (rt: RtNetlinkSocket) => Promise<T>): Promise<T> {
  // The typings wrongly require the two buffer sizes.
  const rt = insideNetns(arm, () => createRtNetlink({ ref: false } as RtOptions))
  try {
    return await work(rt)
  } catch (error) {
    if (error instanceof LabError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new LabError(`netlink in ${arm.netns}: ${why}`)
  } finally {
    rt.socket.close()
  }
}

/** The callback must be synchronous: what awaits would carry the namespace into other code. */
function insideNetns<T>(arm: Arm, callback: () => T): T {
  const home = enterNetns(arm.netnsPath)
  try {
    return callback()
  } finally {
    leaveNetns(home)
  }
}

const rejected = (error: unknown, code: string) =>
  error instanceof Error && error.message.includes(code)

async function look(rt: RtNetlinkSocket, ifname: string): Promise<Device | undefined> {
  const links = await rt.getLink({}, { ifname }, REQUEST).catch((error: unknown) => {
    if (rejected(error, 'ENODEV')) return []
    throw error
  })
  const link = links[0]
  if (link?.data.index === undefined) return undefined
  const { index, flags } = link.data
  const rows = await rt.getAddresses({ family: AF_INET }, {}, REQUEST)
  return {
    name: ifname,
    index,
    mac: [...(link.attrs.address ?? [])].map(byte => byte.toString(16).padStart(2, '0')).join(':'),
    mtu: link.attrs.mtu ?? 0,
    up: flags?.up === true,
    addresses: rows
      .filter(row => row.data.index === index && row.attrs.local)
      .map(row => `${[...(row.attrs.local ?? [])].join('.')}/${row.data.prefixlen}`),
    labTap: isLabTap(link.attrs.linkinfo),
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

function isLabTap(linkinfo: Buffer | undefined): boolean {
  const info = attributes(linkinfo)
  const tun = attributes(info.get(IFLA_INFO_DATA))
  return (
    info.get(IFLA_INFO_KIND)?.toString('latin1').startsWith('tun') === true &&
    tun.get(IFLA_TUN_TYPE)?.[0] === IFF_TAP &&
    tun.get(IFLA_TUN_PERSIST)?.[0] === 1 &&
    tun.get(IFLA_TUN_MULTI_QUEUE)?.[0] === 1
  )
}

/** => the arm's TAP as it is now; undefined if it or its namespace is missing. */
export async function tapDevice(arm: Arm): Promise<Device | undefined> {
  return withRtNetlink(arm, rt => look(rt, arm.tap))
}

/**
 * Makes what is missing of an arm and removes addresses too many. => true if the TAP was made anew, so
 * that a daemon still holds one that is gone.
 */
export async function raiseArm(arm: Arm, mtu: number): Promise<boolean> {
  silenceIpv6(arm)
  return withRtNetlink(arm, async rt => {
    let tap = await look(rt, arm.tap)
    const makeAnew = !tap?.labTap
    if (tap && makeAnew) await rt.delLink({ index: tap.index }, {}, REQUEST)
    if (makeAnew) {
      // An existing TAP is not opened: a second queue would draw frames away from the daemon's.
      closeFd(openTap(arm.tap, arm.netnsPath, QUEUE_MULTI | TAP_PERSIST))
      tap = await look(rt, arm.tap)
    }
    if (!tap) throw new LabError(`${arm.tap} vanished from ${arm.netns} while it was set up`)

    const { index } = tap
    if (tap.mtu !== mtu) await rt.setLink({ index }, { mtu }, REQUEST)
    if (!tap.up) await rt.setLink({ index, change: { up: true }, flags: { up: true } }, {}, REQUEST)
    const lo = await look(rt, 'lo')
    if (lo && !lo.up) {
      await rt.setLink({ index: lo.index, change: { up: true }, flags: { up: true } }, {}, REQUEST)
    }

    const wanted = arm.addresses.map(address => `${address}/${PREFIX_LENGTH}`)
    for (const address of tap.addresses.filter(a => !wanted.includes(a))) {
      const { prefixlen, bytes } = split(address)
      await rt.delAddress({ family: AF_INET, prefixlen, index }, { local: bytes }, REQUEST)
    }
    // In order: the first one becomes the primary address, which the kernel picks as the source.
    for (const address of wanted.filter(a => !tap.addresses.includes(a))) {
      const { prefixlen, bytes } = split(address)
      await rt
        .newAddress({ family: AF_INET, prefixlen, index }, { local: bytes, address: bytes }, CREATE)
        .catch((error: unknown) => {
          if (!rejected(error, 'EEXIST')) throw error
        })
    }
    return makeAnew
  })
}

function split(cidr: string): { bytes: Buffer; prefixlen: number } {
  const [address = '', length] = cidr.split('/')
  return { bytes: Buffer.from(address.split('.').map(Number)), prefixlen: Number(length) }
}

/** The lab is IPv4; router solicitations and MLD reports would only litter the captures. */
function silenceIpv6(arm: Arm): void {
  insideNetns(arm, () => {
    for (const scope of ['default', 'all']) {
      try {
        writeFileSync(`/proc/sys/net/ipv6/conf/${scope}/disable_ipv6`, '1')
      } catch {
        // A kernel without IPv6, or a container with /proc/sys read-only: only the captures suffer.
      }
    }
  })
}
