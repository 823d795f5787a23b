// Links and addresses inside a namespace, by rtnetlink (npm `netlink`), and the TAPs themselves by our
// own addon. No routes or neighbours are made: each address brings its /24, VIP and LIP lie in it, and
// ARP is part of what the lab shows. (The namespaces come from `ip`: see namespaces.ts.)

import { writeFileSync } from 'node:fs'
import { FlagsNew, type RtNetlinkSocket } from 'netlink'
import { AF_INET, insideNetns, REQUEST, withRtNetlink } from '../src/control/network/rtnetlink.ts'
import { tunInfo } from '../src/control/network/tun-info.ts'
import { closeFd, openTap, QUEUE_MULTI, TAP_PERSIST } from '../src/io/native.ts'
import { LabError } from './lab-error.ts'
import { type Arm, PREFIX_LENGTH } from './topology.ts'

const CREATE = { ...REQUEST, flags: FlagsNew.CREATE | FlagsNew.EXCL }

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

/** withRtNetlink, the failures of `work` in words of the lab. */
async function withLink<T>(arm: Arm, work: (rt: RtNetlinkSocket) => Promise<T>): Promise<T> {
  return withRtNetlink(arm.netnsPath, async rt => {
    try {
      return await work(rt)
    } catch (error) {
      if (error instanceof LabError) throw error
      const why = error instanceof Error ? error.message : String(error)
      throw new LabError(`netlink in ${arm.netns}: ${why}`)
    }
  })
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

function isLabTap(linkinfo: Buffer | undefined): boolean {
  const { isTap, persistent, multiQueue } = tunInfo(linkinfo)
  return isTap && persistent && multiQueue
}

/** => the arm's TAP as it is now; undefined if it or its namespace is missing. */
export async function tapDevice(arm: Arm): Promise<Device | undefined> {
  return withLink(arm, rt => look(rt, arm.tap))
}

/**
 * Makes what is missing of an arm and removes addresses too many. => true if the TAP was made anew, so
 * that a daemon still holds one that is gone.
 */
export async function raiseArm(arm: Arm, mtu: number): Promise<boolean> {
  silenceIpv6(arm)
  return withLink(arm, async rt => {
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
  insideNetns(arm.netnsPath, () => {
    for (const scope of ['default', 'all']) {
      try {
        writeFileSync(`/proc/sys/net/ipv6/conf/${scope}/disable_ipv6`, '1')
      } catch {
        // A kernel without IPv6, or a container with /proc/sys read-only: only the captures suffer.
      }
    }
  })
}
