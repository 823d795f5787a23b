/** The device of an arm, as those who open it and those who look after it speak of it. */

import type { ConfigArm } from '../../config/arms.ts'
import type { WaysByFamily } from '../../io/nic-ways-bpf.ts'
import type { Queues } from '../../io/queues.ts'
import type { IpAddress } from '../../wire/ip-address.ts'

/** A device is named by its name and its namespace, as the config has it. */
export type Device = Pick<ConfigArm, 'name' | 'netns' | 'kind'>

/** An error of opening a device may say which one. */
export interface DeviceError extends Error {
  device?: Device
}

/** A device that control has opened. */
export interface Opened extends Queues {
  /** Left out for a device that is ours. */
  nic?: Nic
}

/** What of a NIC's traffic is ours. */
export interface Ours {
  /** Of all arms. */
  addresses: readonly IpAddress[]
  /** What is ours though it is for none of them. */
  ways: WaysByFamily
  /** IDs of the arms that share the device. */
  vlans: readonly number[]
}

/** What a device is that was there before. */
export interface NicFacts {
  index: number
  mac: string
  mtu: number
  isEthernet: boolean
  /** It puts frames together in a way that cannot be undone. */
  lro: boolean
}

/** A NIC as it was found, and what control holds of it. */
export interface Nic {
  facts: NicFacts
  /** Descriptors of the links of its classifiers; release() closes them. */
  links: readonly number[]
  /** What is ours from now on. Throws NativeError, and Error if it is more than one program has room for. */
  readdress(ours: Ours): void
  /** Leaves it to the host; a second time does nothing. */
  release(): void
}
