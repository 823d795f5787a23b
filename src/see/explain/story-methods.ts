/** What is told of a connection by how its packets reach the real server: all but FullNAT leave out some of its story. */

import { subPoolText } from '../words/ends.ts'
import { isOneWay, keepsClient, methodWords } from '../words/forwarding.ts'
import type { Facts } from './story.ts'
import { isPing } from './story-context.ts'
import { spanText } from './story-datagrams.ts'

/** CLIENT > VIP, and the way on. */
export function titleOf({ ends }: Pick<Facts, 'ends'>): string {
  const { protocol, client, vip, lip, rs, forwarding } = ends
  const label = protocol === 'TCP' ? '' : `${protocol} `
  const { name } = methodWords(ends)
  if (keepsClient(forwarding))
    return `${label}${client} > ${vip}, by ${name} to the real server ${rs}`
  if (forwarding === 'snat') return `${label}${client} > ${vip}, by ${name} as ${lip}`
  return `${label}${client} > ${vip}, towards the real server ${lip} > ${rs}`
}

export function methodText({ ends }: Pick<Facts, 'ends'>): string {
  const { name, about } = methodWords(ends)
  return `${name}: ${about}`
}

/** Nothing is taken from the client or given to it that would have to be told: no numbers, no TOA. */
export function isPlain({ ends }: Pick<Facts, 'ends'>): boolean {
  return ends.forwarding !== undefined && ends.forwarding !== 'fullnat'
}

export const UNMOVED =
  'numbers, options and the MSS are those of both ends; nothing is added, no TOA either'
export const UNTOLD = 'datagrams go as they are; nothing is added, no UOA either'

export function isSnat({ ends }: Pick<Facts, 'ends'>): boolean {
  return ends.forwarding === 'snat'
}

/** What is said of real servers, of who is talked to outside. */
export function outside(text: string): string {
  return text.replaceAll('real server', 'host outside')
}

/** The host inside chooses whom it talks to, and the scheduler the address of ours under which it does. */
export function snatWhy(facts: Facts): [string, string][] {
  const { ends, scheduled, lport } = facts
  const all = Number(scheduled?.servers)
  const one =
    scheduled === null
      ? ''
      : `, chosen by the scheduler: weight ${scheduled.weight}, ${all === 1 ? 'the only address of ours' : `one of ${all} addresses of ours`}`
  const port =
    lport === null
      ? ''
      : `; of its lports towards there${subPoolText(ends.rs)} the one that has rested longest, ${lport.free} are left`
  return [
    [
      'destination',
      `${isPing(facts) ? ends.vip.replace(/:0$/, '') : ends.vip}, as the client has it`,
    ],
    ['method', methodText(facts)],
    ['address and lport', `${ends.lip}${one}${port}`],
  ]
}

export function isPast({ ends }: Pick<Facts, 'ends'>): boolean {
  return isOneWay(ends.forwarding)
}

/** Of a real server that answers past here. */
export function pastHandshake({ handshake: { ackUs } }: Facts): string {
  const seen = 'the SYN+ACK goes from the real server to the client past here'
  return ackUs === null
    ? `${seen}; the client has not acknowledged it`
    : `${seen}; the client acknowledged it after ${spanText(ackUs)}`
}

export const PAST_ANSWER =
  'goes from the real server to the client past here: whether there is one is not known'
export const PAST_TRAFFIC = 'from the real server: what it sends goes past here'
export const PAST_EXPIRY = 'nobody is told: only both ends know the numbers that an RST would need'

/** By the state in which it ended, where it is not as of connections that are seen on both sides. */
export const PAST_ENDS: Readonly<Record<string, string>> = {
  TIME_WAIT: 'the client had closed',
  FIN_WAIT: 'the client had closed; what the real server did went past here',
  ESTABLISHED: 'the client sent nothing any more, and had not closed',
  SYN_RECV: 'the client never acknowledged a SYN+ACK of the real server',
  UDP_ONEWAY: 'the client sent nothing any more',
}
