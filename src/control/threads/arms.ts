/**
 * The devices of the arms: opened before the workers start, and opened anew when one has gone (the lab taken down, the
 * namespace made anew). A worker only notices a loss; the queues of all workers are opened here, in their order, because
 * the kernel numbers queues by the order of attaching and steers by number.
 *
 * An arm has its device; or is leaving, until every worker has let go of its queue; or it is gone, and tried again once a
 * second. Whether the device can carry frames is another matter (network/links.ts).
 */

import type { LinkState } from '../../api/link-state.ts'
import { type ArmDevice, deviceOf } from '../../config/arms.ts'
import type { Config } from '../../config/config.ts'
import { closeFd } from '../../io/native.ts'
import { NO_FD } from '../../io/port.ts'
import { type Queues, readerOf } from '../../io/queues.ts'
import { type Keeping, NO_KEEPER } from '../keeper/keeping.ts'
import type { Device, DeviceError, Opened } from '../network/device.ts'
import { kindOf } from '../network/kinds.ts'
import { Links } from '../network/links.ts'
import { HeldError } from '../network/tun-info.ts'
import { ArmQueues } from './arm-queues.ts'
import { heldName, holdArm, takeArm } from './kept-arms.ts'
import { workerId } from './memory.ts'
import { Nics, type NicsOptions } from './nics.ts'
import { ownOf, programFor } from './own.ts'
import type { Queue, ToWorker } from './protocol.ts'
import { NO_WAYS, type WaysOf } from './ways.ts'

/** How often a lost device is tried again. */
const REOPEN_MS = 1000

/** Opens the queues of an arm's device; throws NativeError. */
export type OpenQueues = (device: Device, workers: number) => Queues

export interface ArmsOptions {
  /** TAPs that another process holds are taken as well. */
  force: boolean
  warn(text: string): void
  send(worker: number, message: ToWorker): void
  /** Instead of what the kind of the device does. */
  openQueues?: OpenQueues
  /** Who holds the queues, too. */
  keeping?: Keeping
  /** What is ours beside what is for our addresses. */
  ways?: WaysOf
}

export class Arms {
  /** Told when an arm is lost, when it is back, and when its link changes. */
  onChange: (arm: string, state: LinkState) => void = () => {}
  /** Told when the device of the arm of that index is another one than before. */
  onDevice: (arm: number, device: ArmDevice) => void = () => {}
  readonly #config: Config
  readonly #warn: (text: string) => void
  readonly #send: (worker: number, message: ToWorker) => void
  /** What steers, or why nothing does. */
  #program: Uint8Array | string
  readonly #queues = new ArmQueues()
  readonly #nics: Nics
  /** By arm, the workers that have let go of it since it was last up. */
  readonly #left: Set<number>[]
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #links: Links
  readonly #force: boolean
  /** Arms that somebody else has taken meanwhile, which was said. */
  readonly #refused = new Set<number>()

  readonly #openQueues: OpenQueues | undefined
  readonly #keeping: Keeping

  constructor(config: Config, options: ArmsOptions) {
    const { force, warn, send, openQueues, keeping, ways = NO_WAYS } = options
    this.#keeping = keeping ?? NO_KEEPER
    this.#config = config
    this.#force = force
    this.#openQueues = openQueues
    this.#links = new Links(config.arms, warn)
    this.#links.onChange = arm => this.#changed(arm)
    this.#links.onMoved = arm => this.#leave(arm)
    this.#warn = warn
    this.#send = send
    const own = ownOf(config)
    this.#program = programFor(config, own.lips, ways.servers)
    const onDevice: NicsOptions['onDevice'] = (...of) => this.onDevice(...of)
    this.#nics = new Nics(config, own.addresses, { warn, send, onDevice }, ways)
    this.#links.onSeen = (arm, facts) => this.#nics.seen(arm, facts)
    this.#left = config.arms.map(() => new Set())
  }

  /** Opens them all. Throws DeviceError: NativeError, or HeldError for one that is held. => by arm, each worker's queue */
  open(): Queue[][] {
    const queues = this.#config.arms.map((device, arm) => {
      if (device.vlan) return this.#queues.keep(arm, [])
      try {
        return this.#open(arm)
      } catch (error) {
        throw Object.assign(error as DeviceError, { device })
      }
    })
    for (const [arm, { vlan }] of this.#config.arms.entries()) if (!vlan) this.#opened(arm)
    return queues
  }

  #opened(arm: number): void {
    this.#links.opened(arm, this.#nics.indexOf(arm))
  }

  /** The device is to be let go of, although it is there. */
  #leave(arm: number): void {
    this.#letGo(arm)
    for (let worker = 0; worker < this.#config.workers.count; worker++)
      this.#send(worker, { do: 'lose', arm })
  }

  #letGo(arm: number): void {
    this.#links.lost(arm)
    this.#nics.drop(arm)
    this.#keeping.drop(heldName(this.#device(arm)))
  }

  /** A worker has let go of an arm, because the device has gone or because it was told to. */
  lost(arm: number, worker: number): void {
    const left = this.#left[arm] as Set<number>
    const { count } = this.#config.workers
    if (left.size === 0) {
      this.#letGo(arm)
      this.#tell(arm, 'gone')
      for (let other = 0; other < count; other++) {
        if (other !== worker) this.#send(other, { do: 'lose', arm })
      }
    }
    left.add(worker)
    if (left.size < count) return
    this.#queues.close(arm)
    // The device may have been taken away to put another in its place; opening makes one where there is none.
    this.#later(() => this.#reopen(arm))
  }

  /** Another thread is in the worker's place: what its forerunner has not let go of it never had. => its queues, by arm */
  queuesOf(worker: number): Queue[] {
    return this.#config.arms.map((_, arm) => {
      const { size } = this.#left[arm] as Set<number>
      const queue = this.#queues.of(arm)[worker]
      if (queue && size === 0) return queue
      if (size > 0 && !this.#left[arm]?.has(worker)) this.lost(arm, worker)
      return { fd: NO_FD, reads: queue?.reads ?? false }
    })
  }

  /** Steers by these LIPs, and RSs of NAT, from now on; nothing to do where nothing steers. */
  steer(lips: readonly string[], { servers }: WaysOf): void {
    this.#program = programFor(this.#config, lips, servers)
    if (typeof this.#program === 'string') return
    for (const arm of this.#config.arms.keys()) {
      const queues = this.#queues.of(arm)
      if (queues.length < 2 || !this.#hasDevice(arm) || !queues.every(({ reads }) => reads))
        continue
      try {
        kindOf(this.#device(arm)).steer((queues[0] as Queue).fd, this.#program)
      } catch (error) {
        // It goes on with the old program, and what that does not know is handed over.
        this.#warn(`arm ${this.#config.arms[arm]?.name}: ${(error as Error).message}`)
      }
    }
  }

  /** NICs bring what is for these addresses from now on, and all else is the host's. */
  readdress(addresses: readonly string[]): void {
    this.#nics.readdress(addresses)
  }

  /** And what is of these ways, by the routes of these arms. */
  takeWays(arms: Config['arms'], ways: WaysOf): void {
    this.#nics.takeWays(arms, ways)
  }

  /** The same, and what was ours before. */
  readdressMore(addresses: readonly string[]): void {
    this.readdress([...new Set([...this.#nics.addresses, ...addresses])])
  }

  state(arm: number): LinkState {
    return this.#links.state(deviceOf(this.#config.arms, arm))
  }

  #device(arm: number): Device {
    return this.#config.arms[arm] as Device
  }

  #hasDevice(arm: number): boolean {
    return this.#left[arm]?.size === 0
  }

  /** Queues that are read: as many as workers where the kernel steers. */
  queues(arm: number): number {
    return this.#queues.of(deviceOf(this.#config.arms, arm)).filter(({ reads }) => reads).length
  }

  /** Leaves the devices to the host; the workers are gone. */
  release(): void {
    for (const arm of this.#config.arms.keys()) {
      this.#nics.drop(arm)
      this.#queues.close(arm)
    }
  }

  stop(): void {
    this.#links.stop()
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #reopen(arm: number): void {
    // Who holds it is known: to find out once a second would take a busy machine a part of each.
    if (this.#refused.has(arm) && kindOf(this.#device(arm)).isHeld(this.#device(arm), 0)) {
      this.#later(() => this.#reopen(arm))
      return
    }
    let queues: Queue[]
    try {
      queues = this.#open(arm)
    } catch (error) {
      // Still gone; why matters only if somebody else has taken it, the loss has been reported.
      if (error instanceof HeldError && !this.#refused.has(arm)) {
        this.#refused.add(arm)
        this.#warn(error.message)
      }
      this.#later(() => this.#reopen(arm))
      return
    }
    this.#left[arm]?.clear()
    this.#refused.delete(arm)
    // A NIC that was made anew has another MAC, and says so when it is announced.
    this.#nics.seen(arm)
    for (const [worker, queue] of queues.entries()) this.#send(worker, { do: 'attach', arm, queue })
    this.#tell(arm, 'back')
  }

  #tell(arm: number, what: 'gone' | 'back'): void {
    this.#warn(`arm ${this.#config.arms[arm]?.name} is ${what}`)
    if (what === 'back') this.#opened(arm)
    this.#changed(arm)
  }

  #changed(arm: number): void {
    const { name } = this.#device(arm)
    const state = this.state(arm)
    // Addresses of a device without a carrier are not seen.
    if (state.up) this.#nics.compare()
    this.onChange(name, state)
    for (const { name: sub, vlan } of this.#config.arms)
      if (vlan?.arm === name) this.onChange(sub, state)
  }

  #open(arm: number): Queue[] {
    const device = this.#device(arm)
    const { name } = device
    const kind = kindOf(device)
    const { count } = this.#config.workers
    const ours = this.#nics.ours(arm)
    const taken = takeArm(device, count, this.#program, ours, this.#keeping)
    if (!this.#force && !taken) kind.refuseHeld(device, 0)
    const opened: Opened =
      taken ?? this.#openQueues?.(device, count) ?? kind.open(device, count, this.#program, ours)
    const { fds, unsteered, nic } = opened
    if (nic) this.#nics.take(arm, nic)
    try {
      // Another may have asked in the same moment as we did; then both see it here, and one of two is refused at least.
      if (!this.#force) kind.refuseHeld(device, unsteered === undefined ? count : 1)
    } catch (error) {
      this.#nics.drop(arm)
      for (const fd of fds) closeFd(fd)
      throw error
    }
    if (!taken) holdArm(device, opened, this.#keeping)
    if (unsteered === undefined)
      return this.#queues.keep(
        arm,
        fds.map(fd => ({ fd, reads: true })),
      )
    const reader = readerOf(arm, count)
    if (typeof this.#program !== 'string') {
      this.#warn(`${unsteered}; so worker ${workerId(reader)} reads arm ${name} and hands over`)
    }
    return this.#queues.keep(
      arm,
      fds.map((fd, worker) => ({ fd, reads: worker === reader })),
    )
  }

  #later(work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, REOPEN_MS)
    this.#timers.add(timer)
  }
}
