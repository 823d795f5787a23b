/** The engine's arms of a config, bare. */

import { parentOf } from '../../config/arms.ts'
import { Arm } from '../../engine/arm.ts'
import { Vlans } from '../../engine/vlan.ts'
import { macInts } from '../../wire/address.ts'
import type { BareConfig } from './memory.ts'

/** In the order of the config; `slots` is how many an outbox may have to hold. */
export function newArms(config: BareConfig, slots: number): Arm[] {
  const arms = config.arms.map((arm, index) => {
    const [macHi, macLo] = macInts(arm.mac)
    return new Arm(index, macHi, macLo, arm.mtu, slots)
  })
  shareDevices(config, arms)
  return arms
}

function shareDevices(config: BareConfig, arms: readonly Arm[]): void {
  for (const [index, { vlan }] of config.arms.entries()) {
    if (!vlan) continue
    const parent = arms[parentOf(config.arms, vlan)] as Arm
    parent.vlans ??= new Vlans(parent.index)
    parent.vlans.add(vlan.id, index)
  }
}
