/** What stories are told from, beside the facts, and what several parts of one ask of both. */

import type { ServiceInfo } from '../../api/commands.ts'
import { endpointText, parseIpEndpoint } from '../../wire/ip-address.ts'
import type { DropContext } from '../drops/drops.ts'
import { frameText } from '../frame/frame-text.ts'
import type { ConnEnds } from '../words/ends.ts'
import { matchServiceOf } from '../words/match-service.ts'
import type { Edge, Facts } from './story.ts'
import { secondsOf } from './timeouts.ts'

/** What is set up, beside what refused frames are explained from. All as the API tells it. */
export interface StoryContext extends DropContext {
  services: readonly (DropContext['services'][number] &
    Pick<ServiceInfo, 'protocol' | 'scheduler' | 'conn_timeout' | 'persistence'>)[]
  /** Seconds by state, `established` and the like. */
  timeouts: Readonly<Record<string, number>>
  /** Of the config: off, seed or master. */
  toa: string
}

export function isUdp({ ends }: Facts): boolean {
  return ends.protocol === 'UDP'
}

export function isPing({ ends }: Pick<Facts, 'ends'>): boolean {
  return ends.protocol === 'ICMP'
}

/** What a packet of a protocol is called, whose name may be in letters of either case. */
export function packetNoun(protocol: string): string {
  return { UDP: 'datagram', ICMP: 'echo' }[protocol.toUpperCase()] ?? 'segment'
}

/** Of a connection whose client's packets come in on `arm`, if that is known. */
export function serviceOfEnds(
  { protocol: label, client, vip, forwarding }: ConnEnds,
  arm: string | null,
  { services }: Pick<StoryContext, 'services'>,
) {
  const protocol = label.toLowerCase()
  if (forwarding !== 'snat')
    return services.find(service => service.protocol === protocol && endpointText(service) === vip)
  const [source, destination] = [client, vip].map(end => parseIpEndpoint(end)?.address)
  if (source === undefined || destination === undefined) return undefined
  return matchServiceOf(services, { protocol, source, destination, in: arm ?? undefined })
}

export function serviceOf({ ends, clientArm }: Facts, context: StoryContext) {
  return serviceOfEnds(ends, clientArm, context)
}

export function causeText({ frame }: Edge): string {
  const from = frame.direction === 'in' ? 'client' : 'real server'
  return `${from}: ${frameText(frame.bytes, frame.length)}`
}

/** Seconds until a state times out. */
export function timeoutOf(state: string, facts: Facts, context: StoryContext): number {
  return secondsOf(state, serviceOf(facts, context)?.conn_timeout ?? 0, context.timeouts)
}
