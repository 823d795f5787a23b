/** Edits as types (edit-schema.ts says what they are), and their words; nothing here loads a library. */

import type * as z from 'zod'
import type * as schemas from './edit-schema.ts'

export type Edit = z.output<typeof schemas.editSchema>
/** The edits that may be called E. */
export type EditOf<E extends Edit['edit']> = Extract<Edit, { edit: E }>
export type ServiceKey = z.output<typeof schemas.serviceKey>
export type ServerKey = z.output<typeof schemas.serverKey>
export type ServiceFields = z.output<typeof schemas.serviceFields>
export type ServerFields = z.output<typeof schemas.serverFields>

/** What becomes of new connections while no real server is up: nothing, a RST, or as if none had failed its checks. */
export const WHEN_DOWN = ['drop', 'reject', 'all'] as const
export type WhenDown = (typeof WHEN_DOWN)[number]

/** drop, reject or all */
export function oneOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** What ipvsadm and keepalived mean by persistence without a time. */
export const PERSISTENCE_SEC = 360

/** TCP 192.0.2.1:80 */
export function serviceName({ protocol, address, port }: ServiceKey): string {
  return `${protocol.toUpperCase()} ${address}:${port}`
}
