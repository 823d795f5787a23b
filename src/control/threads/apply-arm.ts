/** Changes of an arm: config -> engine. */

import type { Change } from '../../config/changes.ts'
import type { Arm } from '../../engine/arm.ts'
import type { Engine } from '../../engine/engine.ts'
import { ipv4Int, macInts } from '../../wire/address.ts'

type OfArm = Exclude<Extract<Change, { arm: number }>, { mac: string; address: string }>

/** What an arm is and has. */
export function putOfArm({ setup, arms }: Engine, change: OfArm, now: number): void {
  const arm = arms[change.arm] as Arm
  if (change.put === 'device') {
    const [macHi, macLo] = macInts(change.mac)
    arm.setDevice(macHi, macLo, change.mtu)
  } else if ('prefixLength' in change) {
    const address = ipv4Int(change.address)
    if (change.put === 'address') setup.addAddress(arm, address, change.prefixLength, now)
    else setup.removeAddress(arm, address, change.prefixLength, now)
  } else {
    const { to, prefixLength, via } = change.route
    setup.removeRoute(arm, ipv4Int(to), prefixLength, now)
    const gateway = via === null ? 0 : ipv4Int(via)
    if (change.put === 'route') setup.addRoute(arm, ipv4Int(to), prefixLength, gateway, now)
  }
}
