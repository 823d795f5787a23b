// Links and addresses inside a namespace, by rtnetlink (npm `netlink`), the TAPs themselves by our own
// addon, and veth pairs, whose two ends are in two namespaces, by `ip`. No routes or neighbours are made: each address brings its /24, VIP and LIP lie in it, and
// ARP is part of what the lab shows. (The namespaces come from `ip`: see namespaces.ts.)

import { writeFileSync } from 'node:fs'
import { FlagsNew, type RtNetlinkSocket } from 'netlink'
import { AF_INET, insideNetns, REQUEST, withRtNetlink } from '../src/control/network/rtnetlink.ts'
import { linkKind, tunInfo } from '../src/control/network/tun-info.ts'
import { closeFd, openTap, QUEUE_MULTI, TAP_PERSIST } from '../src/io/native.ts'
import { LabError } from './lab-error.ts'
import { mustRun } from './processes.ts'
import { type Arm, type Arms, type Netns, PREFIX_LENGTH, PREFIX_LENGTH6 } from './topology.ts'

const CREATE = { ...REQUEST, flags: FlagsNew.CREATE | FlagsNew.EXCL }

/** What is known of a link in a namespace. */
export type Device = {
  name: string
  index: number
  mac: string
  mtu: number
  up: boolean
  addresses: string[]
  /** `tap`: a persistent multi-queue TAP, the only kind that the daemon can re-attach to. Undefined: not of the lab. */
  kind: Arms | undefined
}

/** withRtNetlink, the failures of `work` in words of the lab. */
async function withLink<T>(at: Netns, work: (rt: RtNetlinkSocket) => Promise<T>): Promise<T> {
  return withRtNetlink(at.netnsPath, async rt => {
    try {
      return await work(rt)
    } catch (error) {
      if (error instanceof LabError) throw error
      const why = error instanceof Error ? error.message : String(error)
      throw new LabError(`netlink in ${at.netns}: ${why}`)
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
    kind: kindOf(link.attrs.linkinfo),
  }
}

function kindOf(linkinfo: Buffer | undefined): Arms | undefined {
  const { isTap, persistent, multiQueue } = tunInfo(linkinfo)
  if (isTap && persistent && multiQueue) return 'tap'
  return linkKind(linkinfo) === 'veth' ? 'veth' : undefined
}

/** => a device as it is now; undefined if there is none of that name. */
export async function deviceIn(at: Netns, name: string): Promise<Device | undefined> {
  return withLink(at, rt => look(rt, name))
}

/**
 * Makes what is missing of an arm and removes addresses too many. With a `box` the arm is the end of a veth pair, and its
 * other end, of the same name, is in there. => true if the device was made anew, so that a daemon still holds one that is gone.
 */
export async function raiseArm(arm: Arm, mtu: number, box?: Netns): Promise<boolean> {
  silenceIpv6(arm)
  const madeAnew = await makeDevice(arm, box)
  if (box) await raiseFarEnd(arm, box, mtu)
  await withLink(arm, rt => raiseDevice(rt, arm, mtu))
  if (arm.addresses6.length > 0) await raiseIpv6(arm, box)
  return madeAnew
}

async function makeDevice(arm: Arm, box: Netns | undefined): Promise<boolean> {
  const farEnd = box && (await deviceIn(box, arm.device))
  const there = await deviceIn(arm, arm.device)
  const asWanted = box ? there?.kind === 'veth' && farEnd?.kind === 'veth' : there?.kind === 'tap'
  if (asWanted) return false
  await remove(arm, arm.device)
  if (box) {
    await remove(box, arm.device) // somebody else's: the other end of ours has gone with it
    await joinByVeth(arm, box, arm.device)
  }
  // An existing TAP is not opened: a second queue would draw frames away from the daemon's.
  else closeFd(openTap(arm.device, arm.netnsPath, QUEUE_MULTI | TAP_PERSIST))
  return true
}

/** A veth pair between an arm and a link `name` of another namespace. */
export async function joinByVeth(arm: Arm, far: Netns, name: string): Promise<void> {
  const pair = `${arm.device} type veth peer name ${name} netns ${far.netns}`
  await mustRun(['ip', '-n', arm.netns, 'link', 'add', ...pair.split(' ')])
}

/** A NIC as a host has it that keeps out of its way: up, and without an address. */
async function raiseFarEnd(arm: Arm, box: Netns, mtu: number): Promise<void> {
  silenceIpv6(box)
  await withLink(box, async rt => {
    await raiseLink(rt, await must(rt, box, arm.device), mtu)
    await raiseLink(rt, await must(rt, box, 'lo'))
  })
}

async function remove(at: Netns, name: string): Promise<void> {
  await withLink(at, async rt => {
    const device = await look(rt, name)
    if (device) await rt.delLink({ index: device.index }, {}, REQUEST)
  })
}

async function must(rt: RtNetlinkSocket, at: Netns, name: string): Promise<Device> {
  const device = await look(rt, name)
  if (device) return device
  throw new LabError(`${name} vanished from ${at.netns} while it was set up`)
}

async function raiseLink(rt: RtNetlinkSocket, device: Device, mtu = device.mtu): Promise<void> {
  const { index } = device
  if (device.mtu !== mtu) await rt.setLink({ index }, { mtu }, REQUEST)
  if (device.up) return
  await rt.setLink({ index, change: { up: true }, flags: { up: true } }, {}, REQUEST)
}

async function raiseDevice(rt: RtNetlinkSocket, arm: Arm, mtu: number): Promise<void> {
  const device = await must(rt, arm, arm.device)
  const { index } = device
  await raiseLink(rt, device, mtu)
  await raiseLink(rt, await must(rt, arm, 'lo'))

  const wanted = arm.addresses.map(address => `${address}/${PREFIX_LENGTH}`)
  for (const address of device.addresses.filter(a => !wanted.includes(a))) {
    const { prefixlen, bytes } = split(address)
    await rt.delAddress({ family: AF_INET, prefixlen, index }, { local: bytes }, REQUEST)
  }
  // In order: the first one becomes the primary address, which the kernel picks as the source.
  for (const address of wanted.filter(a => !device.addresses.includes(a))) {
    const { prefixlen, bytes } = split(address)
    await rt
      .newAddress({ family: AF_INET, prefixlen, index }, { local: bytes, address: bytes }, CREATE)
      .catch((error: unknown) => {
        if (!rejected(error, 'EEXIST')) throw error
      })
  }
}

/** Without duplicate address detection: nobody else is there, and it takes a second. */
async function raiseIpv6(arm: Arm, box?: Netns): Promise<void> {
  // A host with IPv6 of its own on its NIC is what the appliance has to get along with.
  for (const at of box ? [arm, box] : [arm])
    insideNetns(at.netnsPath, () => {
      writeFileSync(`/proc/sys/net/ipv6/conf/${arm.device}/disable_ipv6`, '0')
    })
  // Whoever asks a server from its own namespace goes that way.
  insideNetns(arm.netnsPath, () => writeFileSync('/proc/sys/net/ipv6/conf/lo/disable_ipv6', '0'))
  await mustRun(['ip', '-n', arm.netns, 'link', 'set', 'lo', 'up'])
  const ip = ['ip', '-n', arm.netns, '-6', 'addr', 'replace']
  for (const address of arm.addresses6)
    await mustRun([...ip, `${address}/${PREFIX_LENGTH6}`, 'dev', arm.device, 'nodad'])
}

function split(cidr: string): { bytes: Buffer; prefixlen: number } {
  const [address = '', length] = cidr.split('/')
  return { bytes: Buffer.from(address.split('.').map(Number)), prefixlen: Number(length) }
}

/** The lab is IPv4 unless it is told otherwise; router solicitations and MLD reports would only litter the captures. */
function silenceIpv6(at: Netns): void {
  insideNetns(at.netnsPath, () => {
    for (const scope of ['default', 'all']) {
      try {
        writeFileSync(`/proc/sys/net/ipv6/conf/${scope}/disable_ipv6`, '1')
      } catch {
        // A kernel without IPv6, or a container with /proc/sys read-only: only the captures suffer.
      }
    }
  })
}
