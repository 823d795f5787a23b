/**
 * The names by which the API and all text know what the engine knows by number. They are the keys of the engine's own
 * tables, so what is added there has its name here.
 */

import { KEY, PROTOCOL_BITS, stateCell } from '../engine/conn-layout.ts'
import { Drop, Event } from '../engine/counters.ts'
import { Neigh } from '../engine/neigh-state.ts'
import { State } from '../engine/tcp-state.ts'
import type { UdpState } from '../engine/udp-state.ts'

type Lower<T> = Lowercase<keyof T & string>

/** Each key of a table in lower case, with its number. */
export function numbered<T extends Record<string, number>>(table: T): [Lower<T>, number][] {
  return Object.entries(table).map(([name, number]) => [name.toLowerCase() as Lower<T>, number])
}

function lowered<T extends Record<string, number>>(table: T): Lower<T>[] {
  return numbered(table).map(([name]) => name)
}

export type DropReason = Lower<typeof Drop>
export type EventName = Lower<typeof Event>

/** All drop reasons, in the order in which the engine declares them. */
export const DROP_REASONS: readonly DropReason[] = lowered(Drop)
/** Whatever is counted: drop reasons, and events that are none. */
export const COUNTED: readonly (DropReason | EventName)[] = lowered({ ...Drop, ...Event })

const NAMES = new Map<number, string>(
  numbered({ ...Drop, ...Event }).map(([name, number]) => [number, name]),
)

/** The name of a drop reason or an event. */
export function countedName(number: number): string {
  return NAMES.get(number) ?? `reason ${number}`
}

export function dropNumber(reason: DropReason): number {
  return Drop[reason.toUpperCase() as keyof typeof Drop]
}

export type StateName = keyof typeof State
/** States of a TCP connection; the index is the state's number. */
export const STATE_NAMES = Object.keys(State) as readonly StateName[]
/** The same as keys of the config file, and of answers that count by state. */
export type StateKey = Lower<typeof State>
export const STATE_KEYS: readonly StateKey[] = lowered(State)

/** States of UDP as DPVS's ipvsadm names them; the index is the state's number. */
const UDP_NAMES = {
  NONE: 'UDP_NONE',
  ONEWAY: 'UDP_ONEWAY',
  NORMAL: 'UDP_NORM',
} as const satisfies Record<keyof typeof UdpState, string>
export type UdpStateName = (typeof UDP_NAMES)[keyof typeof UdpState]
export const UDP_STATE_NAMES: readonly UdpStateName[] = Object.values(UDP_NAMES)
/** Pings have the same states. */
const ICMP_NAMES = {
  NONE: 'ICMP_NONE',
  ONEWAY: 'ICMP_ONEWAY',
  NORMAL: 'ICMP_NORM',
} as const satisfies Record<keyof typeof UdpState, string>
type IcmpStateName = (typeof ICMP_NAMES)[keyof typeof UdpState]
const ICMP_STATE_NAMES: readonly IcmpStateName[] = Object.values(ICMP_NAMES)
export type AnyStateName = StateName | UdpStateName | IcmpStateName
/** Of all protocols: no two have a state of the same name. */
export const ALL_STATES: readonly AnyStateName[] = [
  ...STATE_NAMES,
  ...UDP_STATE_NAMES,
  ...ICMP_STATE_NAMES,
]

/** States of UDP that a connection stays in, as keys of their timeouts. */
export const UDP_TIMEOUT_KEYS = ['oneway', 'normal'] as const satisfies readonly Lower<
  typeof UdpState
>[]
/** Timeouts as the API has them: those of TCP by state, those of UDP with its name in front. */
export const TIMEOUT_KEYS = [
  ...STATE_KEYS,
  ...UDP_TIMEOUT_KEYS.map(state => `udp_${state}` as const),
] as const
export type TimeoutKey = (typeof TIMEOUT_KEYS)[number]

/**
 * Every state of every protocol as a key, the same one of what is counted by state and of timeouts, with where it is counted
 * (Counters.states).
 */
export const COUNTED_STATES = [
  ...STATE_KEYS.map((key, state) => ({
    protocol: 'tcp' as const,
    key: key as string,
    cell: stateCell(KEY.TCP, state),
  })),
  ...Object.keys(UDP_NAMES).map((name, state) => ({
    protocol: 'udp' as const,
    key: `udp_${name.toLowerCase()}`,
    cell: stateCell(KEY.UDP, state),
  })),
  ...Object.keys(ICMP_NAMES).map((name, state) => ({
    protocol: 'icmp' as const,
    key: `icmp_${name.toLowerCase()}`,
    cell: stateCell(KEY.ICMP, state),
  })),
]

const KEYS = new Map<string, string>(
  ALL_STATES.map((name, i) => [name, COUNTED_STATES[i]?.key as string]),
)

/** The key of a state in what is counted by state, and in timeouts: UDP_NORM is udp_normal there, as in the config. */
export function stateKey(name: string): string {
  return KEYS.get(name) ?? name.toLowerCase()
}

/** By the protocol's bits of KEY. */
const STATES_OF: Readonly<Record<number, readonly string[]>> = {
  [KEY.TCP]: STATE_NAMES,
  [KEY.UDP]: UDP_STATE_NAMES,
  [KEY.ICMP]: ICMP_STATE_NAMES,
}

/** The state of a name, with its protocol's code of KEY; undefined if it is no state. */
export function stateNamed(name: string): { code: number; state: number } | undefined {
  for (const [code, names] of Object.entries(STATES_OF)) {
    const state = names.indexOf(name.toUpperCase())
    if (state >= 0) return { code: Number(code), state }
  }
  return undefined
}

/** `code` is the protocol's of KEY, whatever other bits it has. A number that is none stands for itself. */
export function stateName(state: number, code: number = KEY.TCP): string {
  return STATES_OF[code & PROTOCOL_BITS]?.[state] ?? `${state}`
}

/** States of a neighbour; the index is the state's number. */
export const NEIGH_STATES = Object.keys(Neigh) as readonly (keyof typeof Neigh)[]
