/** What the device of an arm is: a TAP of ours, whose MAC and MTU are the config's; or a NIC, which has its own. */

import type { ARM_KINDS } from './schema.ts'

export type ArmKindName = (typeof ARM_KINDS)[number]

/** Of a NIC's arm whose MTU the file leaves open: more than any has. */
export const NIC_MTU = 65_535
const MTU: Record<ArmKindName, number> = { tap: 1500, nic: NIC_MTU }

/** => the MTU that the file gives or leaves open */
export function mtuOf({ kind, mtu }: { kind: ArmKindName; mtu?: number | undefined }): number {
  return mtu ?? MTU[kind]
}

/** What a NIC says of itself that an arm has of it. */
export interface ArmDevice {
  mac: string
  mtu: number
}

/** An arm of a config with its NIC as it was found. */
export function withDevice<A extends { mtuLimit: number }>(arm: A, { mac, mtu }: ArmDevice): A {
  return { ...arm, mac, mtu: Math.min(arm.mtuLimit, mtu) }
}

/**
 * The MAC of an arm that names none: locally administered, `tv` in its middle, and the same at every start, so that
 * the neighbours' caches survive a restart. FNV-1a, folded to 24 bits by exclusive or.
 */
export function macOf(netns: string, name: string): string {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(`${netns}/${name}`)) hash = Math.imul(hash ^ byte, 0x01000193)
  const folded = ((hash >>> 24) ^ hash) & 0xffffff
  const hex = folded.toString(16).padStart(6, '0')
  return `02:74:76:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`
}
