/** What is there at a NIC that is to be an arm and stands in its way, or only may do so; with what mends it. */

import { countTcx, TCX_INGRESS } from '../../io/native.ts'
import { counted } from '../../see/text/counted.ts'
import type { Device, NicFacts } from './device.ts'
import { ipIn, netnsPath } from './netns.ts'
import { linkIn } from './tun-info.ts'

export interface Remark {
  text: string
  mend: string
}

/** `own` programs of tcx are ours. What cannot be looked at for lack of rights is passed over. */
export function nicRemarks(device: Device, { index, lro }: NicFacts, own: number): Remark[] {
  const { name, netns } = device
  const inside = netns === null ? '' : `ip netns exec ${netns} `
  const remarks: Remark[] = []
  if (lro)
    remarks.push({
      text: 'does LRO, whose long segments are lost',
      mend: `${inside}ethtool -K ${name} lro off`,
    })
  const link = seen(() => linkIn(netnsPath(netns), name))
  if (link?.xdp)
    remarks.push({
      text: 'has an XDP program, which sees every frame first',
      mend: `if it is in the way: ${ipIn(netns)} link set ${name} xdp off`,
    })
  if (link?.hasMaster)
    remarks.push({
      text: 'is a port of another device, whose arm it would better be',
      mend: `name that device, or ${ipIn(netns)} link set ${name} nomaster`,
    })
  const others = (seen(() => countTcx(netnsPath(netns), index, TCX_INGRESS)) ?? 0) - own
  if (others > 0)
    remarks.push({
      text: `has ${counted(others, 'other program')} at tcx, which ${others === 1 ? 'sees' : 'see'} only what is not for us`,
      mend: `if that is not wanted, take them away: ${inside}bpftool net show dev ${name}`,
    })
  return remarks
}

function seen<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
