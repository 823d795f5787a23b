// Names, addresses and paths of a lab, all of them made from its name and its two numbers. The
// addresses are the seed's; the drawing is at the top of lab.ts. Nothing here touches the system.

import { join, resolve } from 'node:path'
import { UsageError } from './lab-error.ts'

/** The checkout: this file runs as dist/netns/topology.js. */
export const CHECKOUT = resolve(import.meta.dirname, '../..')
export const TAPVS = join(CHECKOUT, 'bin/tapvs')
export const DEFAULT_CONFIG = join(CHECKOUT, 'config/lab.yaml')
export const DEFAULT_NAME = 'tapvs'
/** The namespaces a config file names; a lab of another name puts its own in their place. */
export const CONFIG_NETNS = { client: 'tapvs-client', rs: 'tapvs-rs' } as const
export const REDIS_PORT = 6379
export const PREFIX_LENGTH = 24
export const PREFIX_LENGTH6 = 64

/**
 * What the arms are. `tap`: the TAPs in the two namespaces are the appliance's own. `veth`: the devices there are ends of veth pairs,
 * as plugs of cables, and the other ends are NICs in a third namespace, the box, which the appliance takes as `kind: nic`.
 */
export const ARMS = ['tap', 'veth'] as const
export type Arms = (typeof ARMS)[number]

export type Side = 'client' | 'rs'
export const SIDES: readonly Side[] = ['client', 'rs']
/** Addresses end in .12, .13 ... after the first, so the VIP, the LIP and their neighbours stay free. */
export const MAX_PER_SIDE = 64

const NETS = {
  client: { device: 'ext0', net: '202.108.10', net6: '2001:db8:10::' },
  rs: { device: 'int0', net: '192.168.168', net6: '2001:db8:168::' },
} as const

/** Of `--mode snat`, by family: who may speak to anybody outside, and who is seen there. */
export const WAYS_OUT = [
  { hosts: '192.168.168.2-192.168.168.254', outside: '202.108.10.3' },
  { hosts: '2001:db8:168::2-2001:db8:168::ff', outside: '2001:db8:10::3' },
] as const

/** What the user asked for. `realServers` left out means one, and the config's weights untouched. */
export type Wanted = {
  realServers?: number | undefined
  clients?: number | undefined
  /** Left out, what the lab was made with. */
  arms?: Arms | undefined
  config?: string | undefined
  /** How the real servers are reached, or `snat`: how they reach others; left out, by FullNAT. */
  mode?: string | undefined
  /** IPv6 beside IPv4. */
  ipv6?: boolean | undefined
  /** Clients of IPv6 before the real servers of IPv4. */
  nat64?: boolean | undefined
  /** Packet threads; left out, what the config says. */
  workers?: number | undefined
  /** Port of the page, 0 for any; left out, it is for the config to say. */
  ui?: number | undefined
}

/** A named namespace; every arm has one. */
export type Netns = { netns: string; netnsPath: string }

/** One namespace with its device, of which the daemon holds the other end: of a TAP, or of a veth pair in the box. */
export type Arm = Netns & {
  side: Side
  device: string
  addresses: string[]
  /** None without IPv6, else one beside each of those. */
  addresses6: string[]
}

export type Paths = {
  folder: string
  lock: string
  /** What was asked for; its presence marks the folder as a lab's, so that `down` may delete it. */
  wanted: string
  config: string
  socket: string
  log: string
}

const layOutNetns = (netns: string): Netns => ({ netns, netnsPath: join('/run/netns', netns) })

/** The namespace of the appliance's NICs. */
export const layOutBox = (name: string): Netns => layOutNetns(`${name}-box`)

/** The namespace and device of a side, with the first `count` addresses. */
export function layOutArm(name: string, side: Side, count: number, ipv6 = false): Arm {
  const { device, net, net6 } = NETS[side]
  const hosts = Array.from({ length: count }, (_, k) => (k === 0 ? 2 : 11 + k))
  const addresses = hosts.map(host => `${net}.${host}`)
  const addresses6 = ipv6 ? hosts.map(host => `${net6}${host}`) : []
  return { side, device, ...layOutNetns(`${name}-${side}`), addresses, addresses6 }
}

export function layOutPaths(name: string): Paths {
  const folder = join('/run', name)
  return {
    folder,
    lock: `${folder}.lock`,
    wanted: join(folder, 'lab.json'),
    config: join(folder, 'tapvs.yaml'),
    socket: join(folder, 'tapvs.sock'),
    log: join(folder, 'tapvs.log'),
  }
}

/** The name ends up in /run and in namespaces: no slash, no leading dot or dash, short. */
export function checkName(name: string): string {
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(name)) {
    throw new UsageError(
      `--name ${JSON.stringify(name)}: use 1 to 32 of a-z, 0-9, - and _, starting with a letter or digit`,
    )
  }
  return name
}

export function checkArms(said: string, option = '--arms'): Arms {
  const arms = ARMS.find(kind => kind === said)
  if (arms) return arms
  throw new UsageError(`${option} ${JSON.stringify(said)}: use ${ARMS.join(' or ')}`)
}

/** For whoever does not say which: the variable makes all tests of the lab those of another kind of arms. */
export function usualArms(): Arms {
  const { TAPVS_ARMS } = process.env
  return TAPVS_ARMS ? checkArms(TAPVS_ARMS, 'TAPVS_ARMS') : 'tap'
}

export function checkCount(option: string, count: number): number {
  if (!Number.isInteger(count) || count < 1 || count > MAX_PER_SIDE) {
    throw new UsageError(`${option}: give a whole number from 1 to ${MAX_PER_SIDE}`)
  }
  return count
}
