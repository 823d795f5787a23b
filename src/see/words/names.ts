/** Names, in the words of the log, of what records hold as numbers. */

import { Drop, Event } from '../../engine/counters.ts'
import { Neigh } from '../../engine/neigh-state.ts'
import { State } from '../../engine/tcp-state.ts'
import { FLAG } from '../../wire/tcp.ts'

/** What the numbers of a record mean here: the worker's id, and the arms' names by index. */
export interface Names {
  worker: number
  arms: string[]
}

/** Names in the log, by number; `ipvsadm` spells three of the states otherwise. */
export const STATES = Object.keys(State)
export const NEIGH_STATES = Object.keys(Neigh)

const REASONS = new Map<number, string>(
  Object.entries({ ...Drop, ...Event }).map(([name, number]) => [number, name.toLowerCase()]),
)

export function protocolName(protocol: number): string {
  return { 1: 'ICMP', 6: 'TCP', 17: 'UDP' }[protocol] ?? `protocol ${protocol}`
}

/** SFAR, each a letter or a dot; PSH and URG are not shown. */
export function flagsText(flags: number): string {
  const letter = (flag: number, text: string) => (flags & flag ? text : '.')
  return (
    letter(FLAG.SYN, 'S') + letter(FLAG.FIN, 'F') + letter(FLAG.ACK, 'A') + letter(FLAG.RST, 'R')
  )
}

/** `SYN+ACK`, as sentences name a segment; PSH and what is rarer is left out. */
export function flagNames(flags: number): string {
  const names = [
    [FLAG.RST, 'RST'],
    [FLAG.SYN, 'SYN'],
    [FLAG.FIN, 'FIN'],
    [FLAG.ACK, 'ACK'],
  ] as const
  const found = names.filter(([flag]) => flags & flag).map(([, name]) => name)
  return found.join('+') || 'a segment without flags'
}

export function reason(number: number): string {
  return REASONS.get(number) ?? `reason ${number}`
}
