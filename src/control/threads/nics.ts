/** The arms that are NICs: what control holds of each, what of it is ours, and what the workers were told that it is. */

import { type ArmDevice, type ConfigArm, deviceOf } from '../../config/arms.ts'
import type { Config } from '../../config/config.ts'
import type { Nic, NicFacts, Ours } from '../network/device.ts'
import { hostAddresses, onlyOne } from '../network/host-addresses.ts'
import { nicRemarks } from '../network/nic-remarks.ts'
import type { ToWorker } from './protocol.ts'
import { onNic, takenBy } from './taken.ts'
import { NO_WAYS, type WaysOf } from './ways.ts'

export interface NicsOptions {
  warn(text: string): void
  send(worker: number, message: ToWorker): void
  onDevice(arm: number, device: ArmDevice): void
}

export class Nics {
  readonly #config: Config
  readonly #options: NicsOptions
  /** By arm; of those that have their device. */
  readonly #nics: (Nic | undefined)[] = []
  /** By arm. */
  readonly #told: ArmDevice[]
  #addresses: readonly string[]
  #around: { arms: readonly ConfigArm[]; ways: WaysOf }
  /** By arm, the addresses of its host that its program knows. */
  readonly #hosts: string[] = []
  readonly #held = new Map<string | null, Map<string, string>>()
  /** Of ours, those that a host was said to have too. */
  #shared = new Set<string>()

  /** `addresses` are all of ours. */
  constructor(config: Config, addresses: readonly string[], options: NicsOptions, ways = NO_WAYS) {
    this.#around = { arms: config.arms, ways }
    this.#config = config
    this.#options = options
    this.#addresses = addresses
    this.#told = config.arms.map(({ mac, mtu }) => ({ mac, mtu }))
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  /** Of the device that is this arm's own. */
  ours(owner: number): Ours {
    const { arms, ways } = this.#around
    const hosts = ways === NO_WAYS ? [] : [...this.#heldBy(this.#arm(owner).netns).keys()]
    this.#hosts[owner] = hosts.join(' ')
    const { on, ...ours } = onNic(this.#config.arms, owner, this.#addresses)
    return { ...ours, ways: takenBy(on, ways, { arms, hosts }) }
  }

  /** These are ours too from now on, and these are the arms with their routes. */
  takeWays(arms: readonly ConfigArm[], ways: WaysOf): void {
    if (ways === NO_WAYS && this.#around.ways === NO_WAYS) return
    this.#around = { arms, ways }
    this.#renew()
  }

  /** The arm has its device. */
  take(arm: number, nic: Nic): void {
    this.#nics[arm] = nic
    const device = this.#arm(arm)
    for (const { text, mend } of nicRemarks(device, nic.facts, 1))
      this.#options.warn(`nic ${device.name} ${text}; ${mend}`)
    this.compare()
  }

  /** Leaves it to the host. */
  drop(arm: number): void {
    this.#nics[arm]?.release()
    this.#nics[arm] = undefined
  }

  /** ifindex; undefined for a device that is ours. */
  indexOf(arm: number): number | undefined {
    return this.#nics[arm]?.facts.index
  }

  /** All addresses of ours from now on. */
  readdress(addresses: readonly string[]): void {
    this.#addresses = addresses
    this.#renew()
    this.compare()
  }

  #renew(): void {
    for (const arm of this.#nics.keys()) this.#renewOne(arm)
  }

  #renewOne(arm: number): void {
    try {
      this.#nics[arm]?.readdress(this.ours(arm))
    } catch (error) {
      this.#options.warn(`arm ${this.#arm(arm).name}: ${(error as Error).message}`)
    }
  }

  /** Says of each address of ours, once, that the host of a NIC has it too: nobody reaches the host by it from now on. */
  compare(): void {
    const ours = new Set(this.#addresses)
    const hosts = new Set(
      [...this.#nics.keys()].flatMap(arm => (this.#nics[arm] ? [this.#arm(arm).netns] : [])),
    )
    const shared = new Set<string>()
    for (const netns of hosts) {
      for (const [address, device] of this.#heldBy(netns)) {
        if (!ours.has(address)) continue
        const here = `${address} ${netns ?? ''}`
        shared.add(here)
        if (this.#shared.has(here)) continue
        const where = netns === null ? '' : ` in ${netns}`
        this.#options.warn(
          `address ${address} is the host's too, on ${device}${where}, and nobody reaches the host by it; ${onlyOne(address, device, netns)}`,
        )
      }
    }
    this.#shared = shared
  }

  /** A NIC was looked at: another MAC or MTU is that of its arms from the next burst on. */
  seen(nic: number, facts = this.#nics[nic]?.facts): void {
    if (facts === undefined) return
    this.#lookAtHost(nic)
    const { arms } = this.#config
    for (const arm of arms.keys()) if (deviceOf(arms, arm) === nic) this.#tell(arm, facts)
  }

  /** What is for an address that its host has got stays the host's from now on. */
  #lookAtHost(nic: number): void {
    if (this.#around.ways === NO_WAYS || !this.#nics[nic]) return
    const hosts = [...this.#heldBy(this.#arm(nic).netns).keys()].join(' ')
    if (hosts !== this.#hosts[nic]) this.#renewOne(nic)
  }

  #tell(arm: number, { mac, mtu: most }: NicFacts): void {
    const { warn, send, onDevice } = this.#options
    const { name, mtuLimit } = this.#arm(arm)
    const mtu = Math.min(mtuLimit, most)
    const told = this.#told[arm] as ArmDevice
    if (told.mac === mac && told.mtu === mtu) return
    if (told.mac !== mac) warn(`arm ${name} has the MAC ${mac} now, ${told.mac} before`)
    if (told.mtu !== mtu) warn(`arm ${name} has the MTU ${mtu} now, ${told.mtu} before`)
    this.#told[arm] = { mac, mtu }
    for (let worker = 0; worker < this.#config.workers.count; worker++)
      send(worker, { do: 'put', change: { put: 'device', arm, mac, mtu } })
    onDevice(arm, { mac, mtu })
  }

  /** Addresses of a host, by address its device. One that cannot be asked now has those that it had: none of them is to be taken from it. */
  #heldBy(netns: string | null): Map<string, string> {
    try {
      this.#held.set(netns, hostAddresses(netns))
    } catch {}
    return this.#held.get(netns) ?? new Map()
  }

  #arm(arm: number): ConfigArm {
    return this.#config.arms[arm] as ConfigArm
  }
}
