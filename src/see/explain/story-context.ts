/** What stories are told from, beside the facts, and what several parts of one ask of both. */

import type { ServiceInfo } from '../../api/commands.ts'
import { endpointText } from '../../wire/ip-address.ts'
import type { DropContext } from '../drops/drops.ts'
import { frameText } from '../frame/frame-text.ts'
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

export function serviceOf({ ends }: Facts, { services }: StoryContext) {
  const protocol = ends.protocol.toLowerCase()
  return services.find(
    service => service.protocol === protocol && endpointText(service) === ends.vip,
  )
}

export function causeText({ frame }: Edge): string {
  const from = frame.direction === 'in' ? 'client' : 'real server'
  return `${from}: ${frameText(frame.bytes, frame.length)}`
}

/** Seconds until a state times out. */
export function timeoutOf(state: string, facts: Facts, context: StoryContext): number {
  return secondsOf(state, serviceOf(facts, context)?.conn_timeout ?? 0, context.timeouts)
}
