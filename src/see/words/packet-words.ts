/** Words for what packets carry. */

import { KEY } from '../../engine/conn-layout.ts'
import { FLAG } from '../../wire/tcp.ts'

export function protocolName(protocol: number): string {
  return { 1: 'ICMP', 6: 'TCP', 17: 'UDP' }[protocol] ?? `protocol ${protocol}`
}

/** `code` is one of KEY. */
export function labelOfCode(code: number): string {
  return { [KEY.TCP]: 'TCP', [KEY.UDP]: 'UDP', [KEY.ICMP]: 'ICMP' }[code] ?? `protocol code ${code}`
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
