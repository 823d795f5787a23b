/** Changes of an arm: config -> engine. */

import type { Change } from '../../config/changes.ts'
import type { Arm } from '../../engine/arm.ts'
import type { Engine } from '../../engine/engine.ts'
import { linkOf } from '../../engine/family.ts'
import { macInts } from '../../wire/address.ts'
import { ipAddress } from '../../wire/ip-address.ts'
import { wordOf } from './word-of.ts'

type OfArm = Exclude<Extract<Change, { arm: number }>, { mac: string; address: string }>

/** What an arm is and has. */
export function putOfArm({ setup, arms, addressBook }: Engine, change: OfArm, now: number): void {
  const arm = arms[change.arm] as Arm
  if (change.put === 'device') {
    const [macHi, macLo] = macInts(change.mac)
    arm.setDevice(macHi, macLo, change.mtu)
  } else if ('prefixLength' in change) {
    const { family, word } = wordOf(addressBook, change.address)
    if (change.put === 'address') setup.addAddress(arm, word, change.prefixLength, now, family)
    else setup.removeAddress(arm, word, change.prefixLength, now, family)
  } else {
    const { to, prefixLength, via } = change.route
    const network = ipAddress(to)
    const gateway = via === null ? 0 : wordOf(addressBook, via).word
    const isPut = change.put === 'route'
    if (typeof network === 'number') {
      setup.removeRoute(arm, network, prefixLength, now)
      if (isPut) setup.addRoute(arm, network, prefixLength, gateway, now)
    } else {
      setup.removeRoute6(arm, network, prefixLength, now)
      if (isPut) setup.addRoute6(arm, { network, prefixLength, gateway }, now)
    }
  }
}

type OfNeighbour = Extract<Change, { mac: string; address: string }>

/** A static one. */
export function putNeighbour(engine: Engine, change: OfNeighbour, now: number): void {
  const { family, word } = wordOf(engine.addressBook, change.address)
  const link = linkOf(change.arm, family)
  if (change.put === 'no-neighbour') {
    engine.neighs.unfix(link, word)
    return
  }
  const [macHi, macLo] = macInts(change.mac)
  engine.neighs.fix(link, word, macHi, macLo, now)
}
