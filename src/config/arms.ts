/** The arms of a config. */

import { utf8Bytes } from '../see/text/utf8.ts'
import { ipText } from '../wire/ip-address.ts'
import { hostOf, lengthOf, networkOf } from './cidr.ts'
import type { ARM_KINDS, ConfigFile } from './schema.ts'

export interface ConfigAddress {
  address: string
  prefixLength: number
}

export interface ConfigRoute {
  /** The network's address, host bits clear; 0.0.0.0 or :: with length 0 is the default route of its family. */
  to: string
  prefixLength: number
  /** Gateway, null when the network is on-link. */
  via: string | null
}

/** Shares 0..1 of the frames read from an arm that are spoilt. */
export interface ConfigImpair {
  loss: number
  duplicate: number
  reorder: number
  corrupt: number
  seed: number
}

/** Frames of the arm are lost, doubled, put off or spoilt. */
export function isImpaired({ loss, duplicate, reorder, corrupt }: ConfigImpair): boolean {
  return loss + duplicate + reorder + corrupt > 0
}

/** What the device of an arm is: a TAP of ours, whose MAC and MTU are the config's; or a NIC, which has its own. */
export type ArmKindName = (typeof ARM_KINDS)[number]

/** What a NIC says of itself that an arm has of it. */
export interface ArmDevice {
  mac: string
  mtu: number
}

export interface ConfigArm extends ArmDevice {
  /** Name of the device, unique over all arms. */
  name: string
  kind: ArmKindName
  /** Name of the namespace that holds the device, null for the daemon's own. */
  netns: string | null
  /** Of a NIC its own, once it was looked at. */
  mac: string
  /** The same, if what the file says is not smaller. */
  mtu: number
  /** What the file says of it. */
  mtuLimit: number
  /** It shares the device of that arm, by 802.1Q with this id; null if it has its own. */
  vlan: { arm: string; id: number } | null
  /** Own addresses without the LIPs, in the order of the file. */
  addresses: ConfigAddress[]
  /** LIPs, in the order of the file; each is a /32, of IPv6 a /128. */
  localAddresses: string[]
  routes: ConfigRoute[]
  /** Static ones. */
  neighbours: { address: string; mac: string }[]
  impair: ConfigImpair
}

/** The arms that have a device of their own. */
export function withDevice<T extends { vlan: unknown }>(arms: readonly T[]): T[] {
  return arms.filter(({ vlan }) => !vlan)
}

/** => the index of the arm whose device a VLAN shares */
export function parentOf(arms: readonly { name: string }[], vlan: { arm: string }): number {
  return arms.findIndex(({ name }) => name === vlan.arm)
}

/** => the index of the arm whose device the arm of index `arm` is on: another's, or its own */
export function deviceOf(arms: readonly Pick<ConfigArm, 'name' | 'vlan'>[], arm: number): number {
  const vlan = arms[arm]?.vlan
  return vlan ? parentOf(arms, vlan) : arm
}

/** With everything defaulted and normalised. */
export function armsOf(arms: ConfigFile['arms']): ConfigArm[] {
  return arms.map(arm => ({
    name: arm.name,
    ...deviceKeys(arms.find(({ name }) => name === arm.vlan?.arm) ?? arm, arm.mtu),
    vlan: arm.vlan ?? null,
    addresses: arm.addresses.map(cidr => ({ address: hostOf(cidr), prefixLength: lengthOf(cidr) })),
    localAddresses: arm.local_addresses,
    routes: arm.routes.map(({ to, via }) => {
      const { network, prefixLength } = networkOf(to, via)
      return { to: ipText(network), prefixLength, via: via ?? null }
    }),
    neighbours: arm.neighbours.map(({ address, mac }) => ({ address, mac: mac.toLowerCase() })),
    impair: {
      loss: shareOf(arm.impair.loss),
      duplicate: shareOf(arm.impair.duplicate),
      reorder: shareOf(arm.impair.reorder),
      corrupt: shareOf(arm.impair.corrupt),
      seed: arm.impair.seed,
    },
  }))
}

/** `parent` has the device; its MTU is that of all who share it and name none. */
function deviceKeys(parent: ConfigFile['arms'][number], own: number | undefined) {
  const { name, kind, netns = '', mac } = parent
  const mtu = own ?? parent.mtu ?? MTU[kind]
  return {
    ...{ kind, mtu, mtuLimit: mtu, netns: netns || null },
    mac: mac?.toLowerCase() ?? macOf(netns, name),
  }
}

/** Of a NIC's arm whose MTU the file leaves open: more than any has. */
export const NIC_MTU = 65_535
/** Of an arm with a device of its own that names none. */
export const MTU: Record<ArmKindName, number> = { tap: 1500, nic: NIC_MTU }

/** An arm of a config with its NIC as it was found. */
export function asFound<A extends { mtuLimit: number }>(arm: A, { mac, mtu }: ArmDevice): A {
  return { ...arm, mac, mtu: Math.min(arm.mtuLimit, mtu) }
}

export function shareOf(percent: 0 | string): number {
  return percent === 0 ? 0 : Number(percent.slice(0, -1)) / 100
}

/**
 * The MAC of an arm that names none: locally administered, `tv` in its middle, and the same at every start, so that
 * the neighbours' caches survive a restart. FNV-1a, folded to 24 bits by exclusive or.
 */
export function macOf(netns: string, name: string): string {
  let hash = 0x811c9dc5
  for (const byte of utf8Bytes(`${netns}/${name}`)) hash = Math.imul(hash ^ byte, 0x01000193)
  const folded = ((hash >>> 24) ^ hash) & 0xffffff
  const hex = folded.toString(16).padStart(6, '0')
  return `02:74:76:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`
}
