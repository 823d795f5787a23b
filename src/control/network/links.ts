/**
 * Whether the devices of the arms can carry frames, and whether their namespaces are still those that the config names.
 * A packet thread cannot tell: it reads nothing from a device that is down, and is only refused when it writes.
 *
 * Looked at once a second, through a socket in the namespace of each device and without a lock of the kernel's. A
 * subscription to rtnetlink would hear it sooner, and would have to cope with a queue that overflows.
 */

import type { LinkState } from '../../api/link-state.ts'
import type { ConfigArm } from '../../config/arms.ts'
import { closeFd, IFF_RUNNING, IFF_UP, linkFlags, socketIn } from '../../io/native.ts'
import { ipIn, netnsIdentity, netnsPath } from './netns.ts'

const LOOK_MS = 1000
const GONE: LinkState = { up: false, admin: 'gone', link: 'down', orphaned: false }
const UNKNOWN: LinkState = { up: true, admin: 'unknown', link: 'unknown', orphaned: false }

/** An arm that has a device. */
interface Watched {
  state: LinkState
  /** In the namespace of the device, which it keeps alive as the device's queues do; -1 if there is none. */
  socket: number
  /** netnsIdentity of that namespace. */
  identity: string
  /** The last look found no carrier: one that was just attached gets it a moment later. */
  noCarrier: boolean
}

type WatchedArm = Pick<ConfigArm, 'name' | 'netns'>

export class Links {
  /** Told when the state of an arm has changed since it was opened. */
  onChange: (arm: number) => void = () => {}
  /** Told when the namespace of an arm is another one than the name stands for now. */
  onMoved: (arm: number) => void = () => {}
  readonly #arms: readonly WatchedArm[]
  readonly #warn: (text: string) => void
  /** By arm. */
  readonly #watched: (Watched | null)[]
  readonly #timer: NodeJS.Timeout

  constructor(arms: readonly WatchedArm[], warn: (text: string) => void) {
    this.#arms = arms
    this.#warn = warn
    this.#watched = arms.map(() => null)
    this.#timer = setInterval(() => this.#lookAtAll(), LOOK_MS)
    this.#timer.unref()
  }

  state(arm: number): LinkState {
    return this.#watched[arm]?.state ?? GONE
  }

  /** The arm has a device now; what is wrong with it is said at once. */
  opened(arm: number): void {
    this.lost(arm)
    const { netns } = this.#arms[arm] as WatchedArm
    const watched = {
      state: UNKNOWN,
      socket: openSocket(netns),
      identity: netns === null ? '' : netnsIdentity(netns),
      noCarrier: false,
    }
    this.#watched[arm] = watched
    this.#look(arm, watched)
  }

  /** The arm has none any more. */
  lost(arm: number): void {
    const socket = this.#watched[arm]?.socket ?? -1
    if (socket >= 0) closeFd(socket)
    this.#watched[arm] = null
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const arm of this.#arms.keys()) this.lost(arm)
  }

  #lookAtAll(): void {
    for (const [arm, watched] of this.#watched.entries())
      if (watched && this.#look(arm, watched)) this.onChange(arm)
  }

  /** => whether its state is another one */
  #look(arm: number, watched: Watched): boolean {
    const { name, netns } = this.#arms[arm] as WatchedArm
    const named = netns === null ? '' : netnsIdentity(netns)
    if (named !== '' && named !== watched.identity) {
      this.#warn(`namespace ${netns} was made anew: arm ${name} moves there`)
      this.onMoved(arm)
      return false
    }
    const before = watched.state
    const orphaned = named !== watched.identity
    const state = { ...flagsOf(watched, name), orphaned }
    watched.state = state
    if (before.admin === state.admin && before.link === state.link && before.orphaned === orphaned)
      return false
    this.#say(this.#arms[arm] as WatchedArm, before, state)
    return true
  }

  #say({ name, netns }: WatchedArm, before: LinkState, state: LinkState): void {
    if (state.orphaned && !before.orphaned) {
      const mend = `ip netns add ${netns}`
      this.#warn(
        `namespace ${netns} was deleted, arm ${name} lives on in what is left of it: ${mend}`,
      )
    }
    if (state.up && !before.up) this.#warn(`arm ${name} is up`)
    if (state.admin === 'down' && before.admin !== 'down')
      this.#warn(`arm ${name} is down: ${ipIn(netns)} link set ${name} up`)
    else if (state.admin === 'up' && state.link === 'down')
      this.#warn(`arm ${name} has no carrier: ${ipIn(netns)} link set ${name} carrier on`)
  }
}

/** A daemon that may attach to a TAP may also look at it; what it cannot see for another reason it does not claim. */
function openSocket(netns: string | null): number {
  try {
    return socketIn(netnsPath(netns))
  } catch {
    return -1
  }
}

/** A carrier has to be missing in two looks: until the second one nothing has changed. */
function flagsOf(watched: Watched, name: string): Omit<LinkState, 'orphaned'> {
  const { state, noCarrier } = watched
  watched.noCarrier = false
  const flags = watched.socket < 0 ? -1 : flagsIn(watched.socket, name)
  if (flags < 0) return UNKNOWN
  if ((flags & IFF_UP) === 0) return { up: false, admin: 'down', link: 'down' }
  if ((flags & IFF_RUNNING) !== 0) return { up: true, admin: 'up', link: 'up' }
  watched.noCarrier = true
  return noCarrier ? { up: false, admin: 'up', link: 'down' } : state
}

function flagsIn(socket: number, name: string): number {
  try {
    return linkFlags(socket, name)
  } catch {
    return -1
  }
}
