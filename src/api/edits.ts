/** Edits as types (edit-schema.ts says what they are), and their words; nothing here loads a library. */

import type * as z from 'zod'
import { hostText } from '../wire/ip-address.ts'
import type * as schemas from './edit-schema.ts'
import { PROTOCOLS } from './protocols.ts'

export type Edit = z.output<typeof schemas.editSchema>
/** The edits that may be called E. */
export type EditOf<E extends Edit['edit']> = Extract<Edit, { edit: E }>
export type ServiceKey = z.output<typeof schemas.serviceKey>
export type ServerKey = z.output<typeof schemas.serverKey>
export type ServiceFields = z.output<typeof schemas.serviceFields>
export type ServerFields = z.output<typeof schemas.serverFields>

/** What ipvsadm and keepalived mean by persistence without a time. */
export const PERSISTENCE_SEC = 360

/** In place of an address stands what a match service goes by. */
export function isMatch({ address }: { address: string }): boolean {
  return address.includes('=')
}

/** TCP 192.0.2.1:80, or MATCH tcp,from=192.0.2.2,oif=ext0 */
export function serviceName({ protocol, address, port }: ServiceKey): string {
  if (isMatch({ address })) return `MATCH ${protocol},${address}`
  return `${PROTOCOLS[protocol].label} ${hostText(address)}:${port}`
}

/** A service of the one protocol says nothing of its twin of another. */
export function isService(one: ServiceKey, { protocol, address, port }: ServiceKey): boolean {
  return one.protocol === protocol && one.address === address && one.port === port
}
