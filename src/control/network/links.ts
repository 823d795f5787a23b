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
import type { NicFacts } from './device.ts'
import { ipIn, netnsIdentity, netnsPath } from './netns.ts'
import { factsBy } from './nic.ts'

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
  /** ifindex of a NIC; 0 for a device of ours, whose end its queues tell. */
  index: number
  /** The last look found no carrier: one that was just attached gets it a moment later. */
  noCarrier: boolean
}

type WatchedArm = Pick<ConfigArm, 'name' | 'netns'>

export class Links {
  /** Told when the state of an arm has changed since it was opened. */
  onChange: (arm: number) => void = () => {}
  /** Told when the namespace of an arm is another one than the name stands for now, and when its NIC is gone or another. */
  onMoved: (arm: number) => void = () => {}
  /** Told at each look what the NIC of an arm is. */
  onSeen: (arm: number, facts: NicFacts) => void = () => {}
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

  /** The arm has a device now, a NIC of this ifindex if it is one; what is wrong with it is said at once. */
  opened(arm: number, index = 0): void {
    this.lost(arm)
    const { netns } = this.#arms[arm] as WatchedArm
    const watched = {
      state: UNKNOWN,
      socket: openSocket(netns),
      identity: netns === null ? '' : netnsIdentity(netns),
      index,
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
    if (watched.index !== 0 && !this.#seeNic(arm, watched)) return false
    const before = watched.state
    const orphaned = named !== watched.identity
    const state = { ...flagsOf(watched, name), orphaned }
    watched.state = state
    if (before.admin === state.admin && before.link === state.link && before.orphaned === orphaned)
      return false
    this.#say(arm, before, state)
    return true
  }

  /** => whether the arm's NIC is still there */
  #seeNic(arm: number, { socket, index }: Watched): boolean {
    const { name } = this.#arms[arm] as WatchedArm
    const facts = nicBy(socket, name)
    if (facts === 'unknown') return true
    if (facts?.index === index) {
      this.onSeen(arm, facts)
      return true
    }
    this.#warn(`nic ${name} ${facts ? 'is another one now' : 'is not there any more'}`)
    this.onMoved(arm)
    return false
  }

  #say(arm: number, before: LinkState, state: LinkState): void {
    const { name, netns } = this.#arms[arm] as WatchedArm
    if (state.orphaned && !before.orphaned) {
      const mend = `ip netns add ${netns}`
      this.#warn(
        `namespace ${netns} was deleted, arm ${name} lives on in what is left of it: ${mend}`,
      )
    }
    if (state.up && !before.up) this.#warn(`arm ${name} is up`)
    const { index = 0 } = this.#watched[arm] ?? {}
    const plug = index > 0 ? 'plug it in' : `${ipIn(netns)} link set ${name} carrier on`
    if (state.admin === 'down' && before.admin !== 'down')
      this.#warn(`arm ${name} is down: ${ipIn(netns)} link set ${name} up`)
    else if (state.admin === 'up' && state.link === 'down')
      this.#warn(`arm ${name} has no carrier: ${plug}`)
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

function nicBy(socket: number, name: string): NicFacts | undefined | 'unknown' {
  try {
    return socket < 0 ? 'unknown' : factsBy(socket, name)
  } catch {
    return 'unknown'
  }
}

function flagsIn(socket: number, name: string): number {
  try {
    return linkFlags(socket, name)
  } catch {
    return -1
  }
}
